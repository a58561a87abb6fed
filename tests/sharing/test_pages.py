"""The owner's sharing pages: from the three questions to a saved answer, with each mistake said beside its field."""

import dataclasses
import html
import re
from datetime import timedelta

import pytest
from litestar import Litestar
from litestar.di import Provide
from litestar.testing import AsyncTestClient
from msgspec import structs

from gateway.desks.portal import PAGES as PORTAL_PAGES
from gateway.edge.auth import enforce
from gateway.edge.origin import PublicOrigin
from gateway.edge.problems import ProblemHandler
from gateway.kernel.principal import Role
from gateway.sharing import Everywhere, Key
from gateway.sharing.exact import Choices
from gateway.sharing.forms import read_clause_form, values_of
from gateway.sharing.pages import PAGES
from gateway.sites import TouchAnswer
from gateway.web import Form
from policies import packs
from policies.clauses import Live, Preset, Recordings
from tests.sharing.test_everywhere import chain
from tests.support.pages import Caller, web_app
from tests.support.passkeys import SoftPasskey
from tests.support.sharing import operator, sharing_world, stopping_of, usual

pytestmark = pytest.mark.anyio


@pytest.fixture
def w(sqlite_database, clock, ids):
    """Sharing on SQLite: pages do not know the database."""
    return sharing_world(sqlite_database, clock=clock, ids=ids)


def app_of(w, caller: Caller) -> Litestar:
    """The pages of sharing, and the owner's desk."""
    provided = {"sharing": w.sharing, "partners": w.base.partners, "cameras": w.base.cameras}
    provided |= {
        "stopping": stopping_of(w),
        "portal": w.base.portal,
        "bus": w.base.bus,
        "who_sees": w.who_sees,
        "history": w.history,
        "signs": w.signs,
    }
    provided |= {
        "everywhere": Everywhere(approvals=w.approvals),
        "approvals": w.approvals,
        "origin": PublicOrigin.parse("http://localhost:8080"),
    }
    dependencies = {name: _constant(value) for name, value in provided.items()}
    dependencies["principal"] = Provide(lambda: caller.principal, sync_to_thread=False)
    handlers = ProblemHandler().handlers()
    return web_app(
        [*PAGES, *PORTAL_PAGES], caller=caller, dependencies=dependencies, guards=[enforce], exception_handlers=handlers
    )


def _constant(value):
    return Provide(lambda: value, sync_to_thread=False)


@pytest.fixture
async def shop(w):
    """A shop with two cameras, its owner signed in, and a client on its pages."""
    owner, site, cameras = await w.shop()
    caller = Caller(owner)
    async with AsyncTestClient(app_of(w, caller)) as client:
        yield w, caller, client, site, cameras


ANSWERS = {"live": "nearby", "recordings": "ask", "where": "shown", "radius_m": "600", "hold": "yes"} | {
    "purpose_violent_crime": "yes",
    "purpose_life_safety": "yes",
    "origin_cad": "yes",
}


async def post(client, path, **fields):
    """Post a form as the page would."""
    return await client.post(path, data={"csrf": "t", "made_from": "0", "looked_at": "", "then": "look", **fields})


def hidden(text: str, name: str) -> str:
    """A hidden field of a page."""
    return re.search(rf'name="{name}" value="([^"]*)"', text)[1]


async def save(client, path, answers):
    """Look, then save, as a person does."""
    looked = await post(client, path, **{**answers, "made_from": hidden((await client.get(path)).text, "made_from")})
    again = {"looked_at": hidden(looked.text, "looked_at"), "made_from": hidden(looked.text, "made_from")}
    return await client.post(path, data={"csrf": "t", "then": "save", **answers, **again}, follow_redirects=False)


async def test_nothing_is_said_at_first(shop):
    """The page says that nothing is shared, and where to begin."""
    _, _, client, site, _ = shop
    text = (await client.get(f"/portal/sites/{site.id}/sharing")).text

    assert "Nothing is shared until you do." in text
    assert f"/portal/sites/{site.id}/sharing/all" in text
    assert (await client.get("/portal/sharing", follow_redirects=False)).headers["location"].endswith("/sharing")


async def test_emergencies_only_is_preselected_and_presets_fill_the_answers(shop):
    """The first form holds the default preset; a preset's address holds that preset."""
    _, _, client, _, cameras = shop
    path = f"/portal/cameras/{cameras[0].id}/sharing"
    first, opened = (await client.get(path)).text, (await client.get(f"{path}?preset=open")).text

    assert re.search(r'name="live" value="nearby"[^>]*checked', first)
    assert re.search(r'name="recordings" value="ask"[^>]*checked', first)
    assert re.search(r'name="live" value="always"[^>]*checked', opened)
    assert (await client.get(f"{path}?preset=everything")).text.count("checked") == first.count("checked")
    assert 'href="?preset=emergencies" aria-current="true"' in first
    assert 'href="?preset=open" aria-current="true"' in opened


async def test_the_pack_of_a_kind_of_place_fills_the_answers_and_what_has_no_field(shop):
    """A shop is offered a shop's answers first; saved, they hold all of it; a made-up kind is none."""
    w, _, client, site, cameras = shop
    path = f"/portal/cameras/{cameras[0].id}/sharing"
    first, chosen = (await client.get(path)).text, (await client.get(f"{path}?preset=shop")).text

    assert first.index("?preset=shop") < first.index("?preset=hospital") < first.index("?preset=residence")
    assert "Fits this place" in first
    assert 'name="place"' not in first
    assert hidden(chosen, "place") == "shop"
    assert (await client.get(f"{path}?preset=castle")).text.count("checked") == first.count("checked")
    answers = dict.fromkeys(re.findall(r'name="((?:purpose|origin)_[a-z_]+)"[^>]*checked', chosen), "yes")
    answers |= {"live": "nearby", "recordings": "ask", "where": "shown", "radius_m": "300", "hold": "yes"}
    answers |= {"on_panic": "yes", "place": "shop"}
    assert (await save(client, path, answers)).status_code == 303
    saved = (await w.rows.answers(site.id)).of_camera(cameras[0].id)[0]
    assert saved.on_panic
    assert saved == packs.place("shop").clause(saved.cameras, zone=site.zone)


async def test_what_changes_is_shown_before_it_is_saved(shop):
    """Looking changes nothing; saving what was looked at does, and the page says it back."""
    w, _, client, site, cameras = shop
    path = f"/portal/cameras/{cameras[0].id}/sharing"
    looked = await post(client, path, **ANSWERS)

    assert looked.status_code == 200
    assert "You share more" in looked.text
    assert "Save for when my site is connected" in looked.text
    assert await w.rows.answers(site.id) is None
    saved = await save(client, path, ANSWERS)
    assert (saved.status_code, saved.headers["location"]) == (
        303,
        f"/portal/sites/{site.id}/sharing?done=sharing-saved",
    )
    answers = await w.rows.answers(site.id)
    assert answers.clauses[0].live is Live.NEARBY
    assert answers.clauses[0].recordings is Recordings.ASK
    assert answers.clauses[0].purposes == {"violent_crime", "life_safety"}
    text = (await client.get(f"/portal/sites/{site.id}/sharing")).text
    assert "City Police can watch Front door live" in html.unescape(text)
    assert "Nothing is shared from Yard." in text


async def test_a_save_of_something_else_shows_its_own_changes_first(shop):
    """Changing an answer after looking and pressing Save shows what that would change."""
    w, _, client, site, cameras = shop
    path = f"/portal/cameras/{cameras[0].id}/sharing"
    looked = await post(client, path, **ANSWERS)

    other = await post(
        client, path, **{**ANSWERS, "live": "always", "then": "save", "looked_at": hidden(looked.text, "looked_at")}
    )

    assert other.status_code == 200
    assert "What changes" in other.text
    assert await w.rows.answers(site.id) is None


async def test_one_answer_for_every_camera(shop):
    """The page of the place answers for all of its cameras at once."""
    w, _, client, site, cameras = shop
    await save(client, f"/portal/sites/{site.id}/sharing/all", ANSWERS)

    answers = await w.rows.answers(site.id)
    assert [clause.cameras for clause in answers.clauses] == [frozenset(camera.id for camera in cameras)]


async def test_an_answer_for_one_camera_leaves_the_others(shop):
    """Changing one camera splits it off; giving it the same answer again joins it."""
    w, _, client, site, cameras = shop
    await save(client, f"/portal/sites/{site.id}/sharing/all", ANSWERS)
    await save(client, f"/portal/cameras/{cameras[0].id}/sharing", {**ANSWERS, "live": "never"})
    apart = (await w.rows.answers(site.id)).clauses
    await save(client, f"/portal/cameras/{cameras[0].id}/sharing", ANSWERS)

    assert sorted(len(clause.cameras) for clause in apart) == [1, 1]
    assert len((await w.rows.answers(site.id)).clauses) == 1


WRONG = {
    "no live answer": ({"live": ""}, "This is needed."),
    "a live answer that is none": ({"live": "sometimes"}, "Choose one of these."),
    "a radius that is none": ({"radius_m": "5"}, "Choose one of these."),
    "radius zero": ({"radius_m": "0"}, "Choose one of these."),
    "radius absurd": ({"radius_m": "1000000000"}, "Choose one of these."),
    "radius as a word": ({"radius_m": "near"}, "Choose one of these."),
    "no purpose": ({"purpose_violent_crime": "", "purpose_life_safety": ""}, "Choose at least one purpose."),
    "no incident counts": ({"origin_cad": ""}, "an answer above depends on an incident"),
    "hours without days": ({"has_hours": "yes", "opens": "08:00", "closes": "18:00"}, "Choose at least one day"),
    "hours without times": ({"has_hours": "yes", "day_0": "yes"}, "This is needed."),
    "no time": ({"has_hours": "yes", "day_0": "yes", "opens": "8", "closes": "18:00"}, "Give a time such as"),
    "an impossible time": ({"has_hours": "yes", "day_0": "yes", "opens": "25:00", "closes": "18:00"}, "Give a time"),
    "from and to the same": ({"has_hours": "yes", "day_0": "yes", "opens": "08:00", "closes": "08:00"}, "are the same"),
    "ends before it starts": ({"ends_on": "2026-11-22"}, "This day is over."),
    "a day that is none": ({"ends_on": "soon"}, "Give a day such as"),
    "the end of days": ({"ends_on": "2999-01-01"}, "within 10 years"),
}


@pytest.mark.parametrize("name", WRONG)
async def test_each_mistake_is_said_and_what_was_typed_is_kept(shop, name):
    """A wrong answer saves nothing, says what is wrong, and keeps the rest."""
    changes, sentence = WRONG[name]
    w, _, client, site, cameras = shop
    answer = await post(client, f"/portal/cameras/{cameras[0].id}/sharing", **{**ANSWERS, **changes, "then": "save"})

    assert answer.status_code == 422
    assert sentence in html.unescape(answer.text)
    assert re.search(r'name="recordings" value="ask"[^>]*checked', answer.text)
    assert await w.rows.answers(site.id) is None


@pytest.mark.parametrize("field", ["purpose_curiosity", "tag_moonlight", "effect", f"camera_cam_{'9' * 26}"])
async def test_what_is_outside_the_vocabulary_is_no_field(shop, field):
    """A purpose, a tag, an effect, or somebody else's camera that the form does not offer: refused, nothing saved."""
    w, _, client, site, _ = shop
    path = f"/portal/sites/{site.id}/sharing/answers/new"
    answer = await post(client, path, **{**ANSWERS, field: "yes", "then": "save"})

    assert answer.status_code == 400
    assert await w.rows.answers(site.id) is None


async def test_hours_that_overlap_are_one_stretch(shop):
    """Monday 8 to 12 and Monday 10 to 14 is Monday 8 to 14, and is shown so again."""
    w, _, client, site, cameras = shop
    hours = {"has_hours": "yes", "day_0": "yes", "opens": "08:00", "closes": "12:00"}
    hours |= {"day_0_1": "yes", "opens_1": "10:00", "closes_1": "14:00"}
    assert (await save(client, f"/portal/cameras/{cameras[0].id}/sharing", ANSWERS | hours)).status_code == 303

    assert (await w.rows.answers(site.id)).clauses[0].spans == ((8 * 60, 14 * 60),)


async def test_hostile_text_is_text(shop):
    """A camera named as a script tag is shown as its name; control characters and unknown fields are refused."""
    w, caller, client, site, cameras = shop
    facts = structs.replace(cameras[0].facts, name="<script>alert(1)</script>{x}")
    await w.base.cameras.change(caller.principal, cameras[0].id, facts)
    await save(client, f"/portal/sites/{site.id}/sharing/all", ANSWERS)
    text = (await client.get(f"/portal/sites/{site.id}/sharing")).text

    assert "<script>alert" not in text
    assert "&lt;script&gt;alert(1)&lt;/script&gt;{x}" in text
    path = f"/portal/cameras/{cameras[0].id}/sharing"
    assert (await post(client, path, **ANSWERS, more="1")).status_code == 400
    assert (await post(client, path, **{**ANSWERS, "ends_on": "\x00"})).status_code == 422
    assert (await post(client, path, **{**ANSWERS, "opens": "x" * 9999, "has_hours": "yes"})).status_code == 422


async def test_the_second_of_two_people_is_told(shop):
    """Somebody saved in between: the page says so, keeps what was typed, and nothing is lost."""
    w, caller, client, site, cameras = shop
    path = f"/portal/cameras/{cameras[0].id}/sharing"
    looked = await post(client, path, **ANSWERS)
    await w.sharing.save(caller.principal, site.id, [usual(*cameras)], made_from=0)

    late = await post(client, path, **{**ANSWERS, "then": "save", "looked_at": hidden(looked.text, "looked_at")})

    assert late.status_code == 422
    assert "Somebody else changed what is shared meanwhile" in late.text
    assert (await w.rows.answers(site.id)).version == 1


async def test_another_owner_finds_nothing_there(shop):
    """Site and camera of somebody else: not found, on every address; an operator is not let in at all."""
    w, caller, client, site, cameras = shop
    other, *_ = await w.shop("bo@example.org")
    addresses = [
        f"/portal/sites/{site.id}/sharing",
        f"/portal/sites/{site.id}/sharing/all",
        f"/portal/cameras/{cameras[0].id}/sharing",
        f"/portal/cameras/cam_{'0' * 26}/sharing",
    ]
    caller.principal = other
    assert [(await client.get(address)).status_code for address in addresses] == [404] * 4
    assert (await post(client, addresses[1], **ANSWERS)).status_code == 404
    assert (await post(client, addresses[2], **ANSWERS)).status_code == 404
    caller.principal = operator()
    assert [(await client.get(address)).status_code for address in addresses] == [403] * 4


async def test_who_only_answers_requests_sees_nothing_of_what_is_shared(shop):
    """Neither the page nor a form of it."""
    _, caller, client, site, cameras = shop
    caller.principal = dataclasses.replace(caller.principal, roles=frozenset({Role.ANSWERS}))

    assert (await client.get(f"/portal/sites/{site.id}/sharing")).status_code == 403
    assert (await client.get(f"/portal/cameras/{cameras[0].id}/sharing")).status_code == 403
    assert (await post(client, f"/portal/cameras/{cameras[0].id}/sharing", **ANSWERS)).status_code == 403


async def test_the_agreement_comes_first(w):
    """Without it the page says so and leads there."""
    owner = await w.base.owner()
    site = await w.base.site(owner)
    async with AsyncTestClient(app_of(w, Caller(owner))) as client:
        assert "/portal/agreement" in (await client.get(f"/portal/sites/{site.id}/sharing")).text


async def test_the_page_says_how_far_it_has_come(shop):
    """Not connected, waiting for approval, in force, waiting to confirm: each in its own words."""
    w, caller, client, site, cameras = shop
    path, page = f"/portal/sites/{site.id}/sharing/all", f"/portal/sites/{site.id}/sharing"
    await save(client, path, ANSWERS)
    assert "Nobody can look yet." in (await client.get(page)).text

    agent = w.pair(site, cameras)
    assert "Sharing more waits for you." in (await client.get(page)).text
    await w.deliver(agent)
    assert "Your site has confirmed this." in (await client.get(page)).text
    looked = await post(client, path, **{**ANSWERS, "live": "never", "made_from": "1"})
    assert "Share less now" in looked.text
    await save(client, path, {**ANSWERS, "live": "never"})
    assert "Waiting for your site to confirm" in (await client.get(page)).text
    looked = await post(client, path, **{**ANSWERS, "live": "always", "made_from": "2"})
    assert "Share more once I approve it" in looked.text
    assert caller.principal.name


async def test_a_site_confirms_nothing_of_cameras_it_does_not_have(shop):
    """With no camera ticked the page says so; with one of two it names the other; only what the site signed is said."""
    w, _, client, site, cameras = shop
    page, confirmed = f"/portal/sites/{site.id}/sharing", "Your site has confirmed this."
    await save(client, f"{page}/all", ANSWERS)
    agent = w.pair(site, [])
    shown = (await client.get(page)).text
    assert confirmed not in shown
    assert "none of these cameras is one of its own yet" in shown
    assert f"/portal/sites/{site.id}/agent" in shown

    w.agents.ticks[agent] = {cameras[0].id: "local-0"}
    assert await w.deliver(agent) == ["ack"]
    shown = (await client.get(page)).text
    assert confirmed in shown
    assert f"Not connected to a camera of your site: {cameras[1].name}." in shown

    w.agents.ticks[agent] = {}
    await w.outbox.refresh(site.id)
    await w.deliver(agent)
    shown = (await client.get(page)).text
    assert confirmed not in shown
    assert "none of these cameras is one of its own yet" in shown


async def test_nothing_shared_needs_no_confirmation(shop):
    """Who answers never to everything reads that nothing is shared, not that a site confirmed it."""
    w, _, client, site, cameras = shop
    page = f"/portal/sites/{site.id}/sharing"
    await save(client, f"{page}/all", ANSWERS)
    w.pair(site, cameras)
    for camera in cameras:
        await w.sharing.switch(shop[1].principal, camera, is_on=False)
    shown = (await client.get(page)).text

    assert "confirmed" not in shown
    assert "You share nothing here" in shown


HOURS = [
    ({"day_0": "yes", "day_4": "yes"}, "08:00", "18:00"),
    ({f"day_{day}": "yes" for day in range(7)}, "22:00", "06:00"),
    ({f"day_{day}": "yes" for day in range(7)}, "00:00", "24:00"),
    ({"day_6": "yes"}, "23:00", "01:00"),
    ({"day_5": "yes", "day_6": "yes"}, "00:00", "24:00"),
    ({f"day_{day}": "yes" for day in range(5)}, "20:00", "08:30"),
]


@pytest.mark.parametrize(("days", "opens", "closes"), HOURS)
async def test_hours_come_back_as_they_were_typed(w, days, opens, closes):
    """Overnight, whole days, every day: what is stored shows the same form again."""
    owner, site, cameras = await w.shop()
    form = Form({**ANSWERS, "has_hours": "yes", **days, "opens": opens, "closes": closes, "ends_on": "2027-01-31"})
    names = frozenset(camera.id for camera in cameras)
    clause = read_clause_form(form, site, Choices(), cameras=names, now=w.clock.now(), kept=None)
    shown = values_of(clause, site, Choices())

    assert {name: value for name, value in shown.items() if name.startswith("day_")} == days
    assert (shown["opens"], shown["closes"], shown["ends_on"]) == (opens, closes, "2027-01-31")
    assert owner.name
    assert clause.until_ms > (w.clock.now() + timedelta(days=60)).timestamp() * 1000


async def test_more_different_hours_than_the_form_holds_are_asked_anew(w):
    """Seven different hours cannot be shown by six rows; the form does not pretend."""
    _, site, cameras = await w.shop()
    spans = tuple((day * 1440 + day, day * 1440 + 60) for day in range(7))
    clause = dataclasses.replace(usual(*cameras), zone=site.zone, spans=spans)

    assert "opens" not in values_of(clause, site, Choices())


async def test_what_waits_is_approved_by_a_touch_and_told_back(shop):
    """The form carries the challenge and the site's passkeys; what the site holds is said in minutes, a no in words."""
    w, caller, client, site, cameras = shop
    page, key = f"/portal/sites/{site.id}/sharing", SoftPasskey().owner
    await save(client, f"{page}/all", ANSWERS)
    agent = w.pair(site, cameras)
    await w.owners.ask_for(caller.principal, site.id, Key(key.credential, key.public_key))
    await w.deliver(agent)
    await w.answer(caller.principal, site, usual(*cameras, preset=Preset.OPEN))
    await w.deliver(agent, approves=False)
    shown = (await client.get(page)).text
    sha256, touch = hidden(shown, "sha256"), {"client_data": "YQ", "authenticator_data": "YQ", "signature": "YQ"}
    assert f'data-credentials="{key.credential}"' in shown
    assert 'data-rp-id="localhost"' in shown

    w.agents.answer = TouchAnswer(code="busy")
    form = {"csrf": "t", "sha256": sha256, "credential": key.credential, **touch}
    refused = await client.post(f"{page}/approve", data=form)
    assert (refused.status_code, "Not approved." in refused.text) == (422, True)
    assert "Your site waits out another change first." in refused.text

    w.agents.answer = TouchAnswer(held_s=3600)
    taken = await client.post(f"{page}/approve", data=form, follow_redirects=False)
    assert taken.headers["location"] == f"{page}?done=touch-held"
    w.agents.holds[sha256] = w.clock.now() + timedelta(hours=1)
    text = (await client.get(page)).text
    assert "Your site shares more in 60 minutes unless you say no there." in text
    assert "data-challenge" not in text


async def test_what_waits_at_many_places_is_one_touch_and_each_place_answers(w):
    """The page names each place and change; an empty touch is refused; what one site refuses stands beside its name."""
    owner, places = await chain(w, 2)
    async with AsyncTestClient(app_of(w, Caller(owner))) as client:
        shown = (await client.get("/portal/approvals")).text
        digests, touch = hidden(shown, "digests"), {"client_data": "YQ", "authenticator_data": "YQ", "signature": "YQ"}
        assert "Approve at 2 places with my passkey" in shown
        assert len(digests.split()) == 2
        made_up = await client.post("/portal/approvals", data={"csrf": "t", "digests": "zz", **touch})
        assert (made_up.status_code, "Not approved." in made_up.text) == (422, True)
        w.agents.away.add(places[0][1])
        answered = await client.post("/portal/approvals", data={"csrf": "t", "digests": digests, **touch})

    assert answered.status_code == 200
    assert "The site is not connected." in answered.text
    assert "tells you itself, before the change counts" in answered.text


async def test_what_waits_is_taken_back(shop):
    """One button; a site that is away keeps everything as it was, and the page says so."""
    w, _, client, site, cameras = shop
    agent = w.pair(site, cameras)
    await w.answer(shop[1].principal, site, usual(*cameras))
    await w.deliver(agent, approves=False)
    page = f"/portal/sites/{site.id}/sharing"
    sha256 = hidden((await client.get(page)).text, "sha256")
    w.agents.away.add(agent)
    away = await client.post(f"{page}/take-back", data={"csrf": "t", "sha256": sha256})
    assert (away.status_code, "The site is not connected." in away.text) == (422, True)
    w.agents.away.clear()
    taken = await client.post(f"{page}/take-back", data={"csrf": "t", "sha256": sha256}, follow_redirects=False)

    assert taken.headers["location"] == f"{page}?done=touch-taken-back"
    assert "declined on site, or taken back" in (await client.get(page)).text
    assert w.agents.noes == [sha256]


async def test_who_only_answers_is_offered_no_touch_for_what_is_shared(shop):
    """That role sees nothing of what waits, and can carry nothing to the site."""
    w, caller, client, site, cameras = shop
    page = f"/portal/sites/{site.id}/sharing"
    await save(client, f"{page}/all", ANSWERS)
    await w.deliver(w.pair(site, cameras), approves=False)
    caller.principal = dataclasses.replace(caller.principal, roles=frozenset({Role.ANSWERS}))

    assert (await client.get(page)).status_code == 403
    assert (await client.post(f"{page}/approve", data={"csrf": "t"})).status_code == 403
