"""An answer said for the owner's own word, or for a whole place: whom it reaches, and when a camera more counts."""

import dataclasses
import html

import anyio
import pytest
from litestar.testing import AsyncTestClient
from msgspec import structs

from gateway.cameras import CameraFacts
from gateway.cameras.pages import read_camera
from gateway.kernel.errors import InvalidError, NotFoundError
from gateway.partners import Place
from gateway.sharing import Standing, follow_forever
from gateway.web import Form
from policies.clauses import Live, Preset
from policies.model import read_policy
from policies.reach import Reach
from tests.sharing.test_pages import ANSWERS, app_of, post, save
from tests.support.pages import Caller
from tests.support.partners import LOOP
from tests.support.sharing import sharing_world, usual

pytestmark = pytest.mark.anyio
CAMERA_FORM = {"name": "Gate", "lat": "41.8", "lon": "-87.6", "looks_around": "yes", "facing": "public"}


async def labelled(w, *labels_of_each):
    """A paired shop whose cameras have these labels."""
    owner, site, cameras = await w.shop()
    for camera, labels in zip(cameras, labels_of_each, strict=True):
        await label(w, owner, camera, *labels)
    return owner, site, await w.base.cameras.of_site(site.id), w.pair(site, cameras)


async def label(w, owner, camera, *labels):
    """Give a camera exactly these labels."""
    await w.base.cameras.change(owner, camera.id, structs.replace(camera.facts, labels=frozenset(labels)))


def said(*labels, preset=Preset.OPEN, **changes):
    """An answer for labels."""
    return dataclasses.replace(usual(preset=preset), labels=frozenset(labels), **changes)


def shared(policy):
    """The cameras that a document gives anything of, by their names on site."""
    return set().union(*(policy.members_by_scope[rule.scope] for rule in policy.rules))


@pytest.fixture
def w(database, clock, ids):
    """Sharing on a database of its own."""
    return sharing_world(database, clock=clock, ids=ids)


@pytest.fixture
async def shop(sqlite_database, clock, ids):
    """The pages of a shop with a labelled camera."""
    w = sharing_world(sqlite_database, clock=clock, ids=ids)
    owner, site, cameras, agent = await labelled(w, ["car park"], [])
    caller = Caller(owner)
    async with AsyncTestClient(app_of(w, caller)) as client:
        yield w, caller, client, site, cameras, agent


async def test_labels_of_a_camera_are_kept(w):
    """As its other facts; a camera has none at first."""
    _, _, cameras, _ = await labelled(w, ["car park", "entrance"], [])

    assert [camera.facts.labels for camera in cameras] == [{"car park", "entrance"}, frozenset()]


async def test_a_document_names_cameras_and_no_label(w):
    """What crosses the wire is a group of cameras; the owner's word stays at the centre."""
    owner, site, _, agent = await labelled(w, ["car park"], [])
    await w.answer(owner, site, said("car park"))
    assert await w.deliver(agent) == ["ack"]

    policy = await w.policy_at(agent)
    assert shared(policy) == {"local-0"}
    assert "car park" not in str(policy.to_document())


async def test_a_camera_that_gets_the_label_is_covered_only_once_the_owner_approves_it(w):
    """A widening like every other: until then the centre and the site refuse it."""
    owner, site, cameras, agent = await labelled(w, ["car park"], [])
    await w.answer(owner, site, said("car park"))
    await w.deliver(agent)
    await label(w, owner, cameras[1], "car park")

    view = await w.sharing.view(owner, site.id)
    assert view.standing is Standing.TO_APPROVE
    assert await w.deliver(agent, approves=False) == ["proposed"]
    assert shared(await w.policy_at(agent)) == {"local-0"}
    assert await w.deliver(agent) == ["ack"]
    assert shared(await w.policy_at(agent)) == {"local-0", "local-1"}


async def test_a_camera_that_loses_the_label_is_taken_back_at_once(w):
    """The news says whose camera it is, although no answer names it; the narrowing is pending before the site hears."""
    owner, site, cameras, agent = await labelled(w, ["car park"], ["car park"])
    await w.answer(owner, site, said("car park"))
    await w.deliver(agent)
    async with anyio.create_task_group() as group:
        group.start_soon(lambda: follow_forever(bus=w.base.bus, rows=w.rows, outbox=w.outbox))
        await anyio.wait_all_tasks_blocked()
        nudged = len(w.agents.nudged)
        await label(w, owner, cameras[0])
        with anyio.fail_after(5):
            while len(w.agents.nudged) == nudged:
                await anyio.lowlevel.checkpoint()
        group.cancel_scope.cancel()

    assert shared(read_policy((await w.rows.answers(site.id)).pending)) == {"local-1"}
    assert await w.deliver(agent) == ["ack"]
    assert shared(await w.policy_at(agent)) == {"local-1"}


async def test_a_no_said_for_a_label_holds_for_each_camera_with_it(w):
    """Giving a camera a label that is excluded takes it away, with no approval; taking it off asks for one."""
    owner, site, cameras, agent = await labelled(w, ["inside"], [])
    nobody = said("inside", preset=Preset.LIST_ONLY, excluded=frozenset({"unit:age_1/rtcc"}))
    await w.answer(owner, site, usual(*cameras, preset=Preset.OPEN), nobody)
    await w.deliver(agent)
    await label(w, owner, cameras[1], "inside")
    assert await w.deliver(agent, approves=False) == ["ack"]
    await label(w, owner, cameras[1])
    assert await w.deliver(agent, approves=False) == ["proposed"]


async def test_a_camera_switched_off_stays_off_whatever_reaches_it(w):
    """By name, by label or with its whole place: the switch of a card wins."""
    owner, site, cameras, agent = await labelled(w, ["car park"], ["car park"])
    for clause in (said("car park"), dataclasses.replace(said(), reach=Reach.SITE)):
        await w.answer(owner, site, clause)
        await w.sharing.switch(owner, cameras[0], is_on=False)
        await w.deliver(agent)
        assert shared(await w.policy_at(agent)) == {"local-1"}
        cards = await w.sharing.cards(cameras)
        assert [cards[camera.id].is_on for camera in cameras] == [False, True]
        await w.sharing.switch(owner, cameras[0], is_on=True)


async def test_every_camera_of_a_place_means_a_later_one_too_once_it_is_approved(w):
    """An answer for the place reaches a camera that is added after it, as a proposal."""
    owner, site, _, agent = await labelled(w, [], [])
    await w.answer(owner, site, dataclasses.replace(said(), reach=Reach.SITE))
    await w.deliver(agent)
    facts = CameraFacts("Roof", Place(LOOP.lat, LOOP.lon + 0.0005), None, True, "")
    later = await w.base.cameras.add(owner, site, facts)
    w.agents.ticks[agent] |= {later.id: "local-2"}

    assert await w.deliver(agent, approves=False) == ["proposed"]
    assert await w.deliver(agent) == ["ack"]
    assert shared(await w.policy_at(agent)) == {"local-0", "local-1", "local-2"}


async def test_a_label_reaches_no_camera_of_another_owner(w):
    """The same word at two owners' places is two words; and naming somebody else's camera is refused as ever."""
    owner, site, _, agent = await labelled(w, ["car park"], [])
    other, elsewhere, theirs = await w.shop("bo@example.org")
    await label(w, other, theirs[0], "car park")
    await w.answer(owner, site, said("car park"))
    await w.deliver(agent)

    assert len(shared(await w.policy_at(agent))) == 1
    assert await w.rows.answers(elsewhere.id) is None
    with pytest.raises(NotFoundError):
        await w.answer(owner, site, said("car park", cameras=frozenset({theirs[0].id})))


async def test_the_form_offers_labels_and_the_whole_place(shop):
    """Said for a label alone; shown back ticked; the page says for whom, and the history what became of it."""
    w, _, client, site, _, _ = shop
    page = f"/portal/sites/{site.id}/sharing"
    first = (await client.get(f"{page}/answers/new")).text
    assert 'name="label_car_park"' in first
    looked = await post(client, f"{page}/answers/new", **ANSWERS, reach="named", label_car_park="yes")
    assert "Said for the label “car park”" in html.unescape(looked.text)
    done = await save(client, f"{page}/answers/new", {**ANSWERS, "reach": "named", "label_car_park": "yes"})
    assert done.status_code == 303

    (clause,) = (await w.rows.answers(site.id)).clauses
    assert (clause.cameras, clause.labels, clause.reach) == (frozenset(), {"car park"}, Reach.NAMED)
    text = html.unescape((await client.get(page)).text)
    assert "Said for the label “car park”: every camera that has it, also one that gets it later." in text
    assert "City Police can watch Front door live" in text
    again = (await client.get(f"{page}/answers/1")).text
    assert 'name="label_car_park" value="yes" checked' in again
    done = await save(client, f"{page}/answers/1", {**ANSWERS, "reach": "site"})
    assert done.status_code == 303
    assert (await w.rows.answers(site.id)).clauses[0].reach is Reach.SITE
    told = html.unescape((await client.get(f"{page}/history")).text)
    assert "Said for every camera of this place, also one that comes later." in told
    assert "No longer: Said for the label “car park”" in told


async def test_a_form_without_camera_or_label_and_with_a_reach_that_is_none(shop):
    """Each is said at its field; a label that nobody has is a field that the page does not have."""
    w, _, client, site, _, _ = shop
    path = f"/portal/sites/{site.id}/sharing/answers/new"

    assert "Choose at least one camera or label." in (await post(client, path, **ANSWERS, reach="named")).text
    for reach in ("partner", "world"):
        wrong = await post(client, path, **ANSWERS, reach=reach, label_car_park="yes")
        assert (wrong.status_code, "Choose one of these." in wrong.text) == (422, True)
    assert (await post(client, path, **ANSWERS, label_roof="yes")).status_code == 400
    assert await w.rows.answers(site.id) is None


async def test_a_label_that_goes_keeps_its_answer(shop):
    """An answer for a label that no camera has gives nothing, is shown, and waits for the next camera with it."""
    w, caller, client, site, cameras, _ = shop
    await w.answer(caller.principal, site, said("car park"))
    await label(w, caller.principal, cameras[0])
    page = f"/portal/sites/{site.id}/sharing"

    text = html.unescape((await client.get(page)).text)
    assert "Nothing is shared from Front door and Yard." in text
    assert "Said for the label “car park”" in text
    assert 'name="label_car_park" value="yes" checked' in (await client.get(f"{page}/answers/1")).text


async def test_the_page_of_one_camera_does_not_split_an_answer_for_a_label(shop):
    """It leads to the answers; one answer for every camera replaces them all."""
    w, caller, client, site, cameras, _ = shop
    await w.answer(caller.principal, site, said("car park"))
    page = f"/portal/sites/{site.id}/sharing"
    own = await client.get(f"/portal/cameras/{cameras[0].id}/sharing", follow_redirects=False)
    assert own.headers["location"] == f"{page}?done=several-answers"
    assert (await save(client, f"{page}/all", {**ANSWERS, "live": "never"})).status_code == 303

    (clause,) = (await w.rows.answers(site.id)).clauses
    assert (clause.live, clause.labels, len(clause.cameras)) == (Live.NEVER, frozenset(), 2)


WRONG_LABELS = {
    "a comma's neighbour": ("car/park", "“car/park” is no label."),
    "too long": ("x" * 33, "is no label."),
    "too many": (",".join(f"l{number}" for number in range(9)), "Give at most 8 labels; these are 9."),
    "markup": ("<b>", "“<b>” is no label."),
}


@pytest.mark.parametrize("name", WRONG_LABELS)
def test_each_wrong_label_is_said_at_its_field(name):
    """The camera form names the one that is wrong; nothing else is blamed."""
    labels, sentence = WRONG_LABELS[name]
    with pytest.raises(InvalidError) as wrong:
        read_camera(Form(CAMERA_FORM | {"labels": labels}))

    assert list(wrong.value.fields) == ["labels"]
    assert sentence in wrong.value.fields["labels"]


def test_labels_are_kept_in_one_form():
    """Capitals and spaces make no other label; none is none."""
    facts = read_camera(Form(CAMERA_FORM | {"labels": " Entrance,  car   PARK "}))

    assert facts.labels == {"car park", "entrance"}
    assert read_camera(Form(CAMERA_FORM)).labels == frozenset()
