"""One answer for all places: whom it reaches, what it leaves alone, and that it is saved everywhere or nowhere."""

import dataclasses
import html
import re

import pytest
from litestar.testing import AsyncTestClient

from gateway.cameras import CameraFacts
from gateway.kernel.errors import ConflictError, NotFoundError
from gateway.kernel.principal import Role
from gateway.partners import Place
from gateway.sharing.all_places import placed, save, show, versions_of
from gateway.sharing.all_places import said_at as said_for_all_at
from policies.clauses import Live, Preset
from policies.reach import Reach
from tests.sharing.test_labels import shared
from tests.sharing.test_pages import ANSWERS, app_of, hidden, post
from tests.support.pages import Caller
from tests.support.partners import LOOP
from tests.support.sharing import operator, sharing_world, usual

pytestmark = pytest.mark.anyio
PATH = "/portal/sharing/all-places"
EVERYWHERE = dataclasses.replace(usual(preset=Preset.OPEN), reach=Reach.PARTNER)


async def two_places(w):
    """An owner with two paired places; the second says something of its own."""
    owner, first, cameras = await w.shop()
    second = await w.base.site(owner)
    second = await w.base.partners.save_site(owner, dataclasses.replace(second, name="Depot"), is_new=False)
    till = await w.base.cameras.add(
        owner, second, CameraFacts("Till", Place(LOOP.lat, LOOP.lon + 0.01), None, True, "")
    )
    agents = [w.pair(first, cameras), w.pair(second, [till])]
    await w.answer(owner, second, usual(till))
    return owner, [first, second], agents


async def views(w, owner, sites):
    """What the owner sees of each."""
    return [await w.sharing.view(owner, site.id) for site in sites]


@pytest.fixture
def w(database, clock, ids):
    """Sharing on a database of its own."""
    return sharing_world(database, clock=clock, ids=ids)


@pytest.fixture
async def chain(sqlite_database, clock, ids):
    """The pages of an owner with two places."""
    w = sharing_world(sqlite_database, clock=clock, ids=ids)
    owner, sites, agents = await two_places(w)
    caller = Caller(owner)
    async with AsyncTestClient(app_of(w, caller)) as client:
        yield w, caller, client, sites, agents


async def test_each_place_gets_a_document_of_its_own(w):
    """Every camera of each; what a place says for itself stays; each save is a version with its leaf."""
    owner, sites, agents = await two_places(w)
    seen = await views(w, owner, sites)
    await save(owner, w.sharing, [placed(view, EVERYWHERE) for view in seen], seen=versions_of(seen))

    for site, agent, count in zip(sites, agents, (2, 1), strict=True):
        assert await w.deliver(agent) == ["ack"]
        assert len(shared(await w.policy_at(agent))) == count
        assert "policy.saved" in await w.base.kinds(site.id)
    own = (await w.rows.answers(sites[1].id)).clauses
    assert [clause.reach for clause in own] == [Reach.NAMED, Reach.PARTNER]


async def test_somebody_who_saved_at_one_place_stops_it_at_all(w):
    """Also between what was read and the transaction: nothing is changed anywhere, and theirs stands."""
    owner, sites, _ = await two_places(w)
    seen = await views(w, owner, sites)
    wanted = [placed(view, EVERYWHERE) for view in seen]
    await w.answer(owner, sites[1], usual(*seen[1].cameras, preset=Preset.LIST_ONLY))

    for versions in (versions_of(seen), versions_of(await views(w, owner, sites))):
        with pytest.raises(ConflictError, match="Nothing you typed is lost"):
            await save(owner, w.sharing, wanted, seen=versions)
    assert await w.rows.answers(sites[0].id) is None
    assert [clause.live for clause in (await w.rows.answers(sites[1].id)).clauses] == [Live.NEVER]


async def test_a_place_of_somebody_else_stops_it_at_all(w):
    """No list of places reaches beyond the caller's organisation."""
    owner, sites, _ = await two_places(w)
    other, theirs, _ = await w.shop("bo@example.org")
    seen = [*await views(w, owner, sites), *await views(w, other, [theirs])]

    with pytest.raises(NotFoundError):
        await save(owner, w.sharing, [placed(view, EVERYWHERE) for view in seen], seen=versions_of(seen))
    assert await w.rows.answers(sites[0].id) is None


async def test_what_it_would_change_is_said_for_each_place(w):
    """A place that shares that already changes nothing there; the other names its own cameras."""
    owner, sites, _ = await two_places(w)
    seen = await views(w, owner, sites)
    await w.answer(owner, sites[0], EVERYWHERE)
    seen = await views(w, owner, sites)
    first, second = await show(owner, w.sharing, [placed(view, EVERYWHERE) for view in seen], seen="")

    assert first.preview.changes == ()
    assert any("Till" in change.sentence for change in second.preview.changes)
    assert said_for_all_at(seen[0]) == EVERYWHERE
    assert said_for_all_at(seen[1]) is None


async def looked(client, **changes):
    """The page after a look at what would change."""
    made_from = hidden((await client.get(PATH)).text, "made_from")
    return await post(client, PATH, **{**ANSWERS, "made_from": made_from, **changes})


async def saved(client, page, **changes):
    """Save what a page showed."""
    again = {"looked_at": hidden(page.text, "looked_at"), "made_from": hidden(page.text, "made_from"), "then": "save"}
    return await client.post(PATH, data={"csrf": "t", **ANSWERS, **changes, **again}, follow_redirects=False)


async def test_the_page_shows_each_place_saves_once_and_is_found_again(chain):
    """From the list of places, through what changes at each, to an answer that each place says back as said for all."""
    w, _, client, sites, _ = chain
    assert PATH in (await client.get("/portal/sharing")).text
    page = await looked(client, live="always")
    text = html.unescape(page.text)
    assert text.index("Depot") != text.index("Shop")
    assert "Save at 2 places" in text
    assert await w.rows.answers(sites[0].id) is None
    assert (await saved(client, page, live="always")).headers["location"] == "/portal/sharing?done=sharing-saved"

    for site in sites:
        clauses = (await w.rows.answers(site.id)).clauses
        assert (clauses[-1].reach, clauses[-1].live) == (Reach.PARTNER, Live.ALWAYS)
        shown = html.unescape((await client.get(f"/portal/sites/{site.id}/sharing")).text)
        assert "Said for all your places" in shown
    assert re.search(r'name="live" value="always"[^>]*checked', (await client.get(PATH)).text)
    number = len((await w.rows.answers(sites[1].id)).clauses)
    own = await client.get(f"/portal/sites/{sites[1].id}/sharing/answers/{number}", follow_redirects=False)
    assert own.headers["location"] == PATH


async def test_a_second_owner_who_saves_meanwhile_is_shown_with_the_difference(chain):
    """The place is named, what they saved is said, what was typed is kept; one more press saves."""
    w, caller, client, sites, _ = chain
    page = await looked(client, live="always")
    cameras = await w.base.cameras.of_site(sites[1].id)
    await w.answer(caller.principal, sites[1], usual(*cameras, preset=Preset.LIST_ONLY))
    late = await saved(client, page, live="always")
    text = html.unescape(late.text)

    assert late.status_code == 422
    assert "Somebody else changed what is shared at one of your places meanwhile." in text
    assert text.count("What they saved") == 1
    assert re.search(r'name="live" value="always"[^>]*checked', text)
    assert await w.rows.answers(sites[0].id) is None
    assert (await saved(client, late, live="always")).status_code == 303
    assert [clause.live for clause in (await w.rows.answers(sites[1].id)).clauses] == [Live.NEVER, Live.ALWAYS]


async def test_a_mistake_saves_nowhere_and_is_said_once(chain):
    """The form of all places says it beside its field, as the form of one place does."""
    w, _, client, sites, _ = chain
    page = await looked(client, live="sometimes", ends_on="2020-01-01")

    assert page.status_code == 422
    assert html.unescape(page.text).count("This day is over.") == 2  # above the form, and at the field
    assert await w.rows.answers(sites[0].id) is None


async def test_a_place_that_is_added_later_is_named_until_it_is_said_there_too(chain):
    """Nothing is said for a new place by itself."""
    w, caller, client, _, _ = chain
    await saved(client, await looked(client))
    late = await w.base.site(caller.principal)
    await w.base.partners.save_site(caller.principal, dataclasses.replace(late, name="Annex"), is_new=False)

    assert "Not said yet at: Annex." in html.unescape((await client.get(PATH)).text)
    assert await w.rows.answers(late.id) is None
    await saved(client, await looked(client))
    assert (await w.rows.answers(late.id)).clauses[0].reach is Reach.PARTNER


async def test_taking_it_away_leaves_what_each_place_says(chain):
    """Shown first, at each place; where nothing else was said, nothing is left."""
    w, _, client, sites, _ = chain
    await saved(client, await looked(client, live="always"), live="always")
    shown = await client.get(f"{PATH}/remove")
    assert "You share less" in shown.text
    form = {"csrf": "t", "made_from": hidden(shown.text, "made_from")}
    assert (await client.post(f"{PATH}/remove", data={**form, "made_from": "x:1"})).status_code == 422
    done = await client.post(f"{PATH}/remove", data=form, follow_redirects=False)

    assert done.headers["location"] == "/portal/sharing?done=sharing-saved"
    assert (await w.rows.answers(sites[0].id)).clauses == ()
    assert [clause.reach for clause in (await w.rows.answers(sites[1].id)).clauses] == [Reach.NAMED]


async def test_who_may_not_edit_gets_no_such_page(chain):
    """A reader of the organisation, and an operator; an owner without a place is led back."""
    w, caller, client, _, _ = chain
    mine = caller.principal
    for principal in (operator(), dataclasses.replace(mine, roles=frozenset({Role.ANSWERS}))):
        caller.principal = principal
        for path in (PATH, f"{PATH}/remove"):
            assert (await client.get(path)).status_code == 403
            assert (await client.post(path, data={"csrf": "t"})).status_code == 403
    caller.principal = await w.base.owner("cy@example.org")
    assert (await client.get(PATH, follow_redirects=False)).headers["location"] == "/portal/sharing"
