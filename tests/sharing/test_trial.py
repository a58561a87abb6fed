"""Test it on me: what an owner is shown of a test is what the decision says, in the owner's words."""

import dataclasses
import html
import re
from datetime import timedelta

import pytest
from litestar.di import Provide
from litestar.testing import AsyncTestClient

from gateway.edge.auth import enforce
from gateway.edge.problems import ProblemHandler
from gateway.kernel.principal import Role
from gateway.sharing.trial_pages import TRIAL_PAGES
from policies.clauses import Clause, Live, Preset, Recordings, Where
from tests.support.pages import Caller, web_app
from tests.support.sharing import evaluations, operator, sharing_world, usual

pytestmark = pytest.mark.anyio
SHOWN = Clause(frozenset(), Live.ALWAYS, Recordings.ASK, Where.SHOWN)


@pytest.fixture
def w(sqlite_database, clock, ids):
    """Sharing on SQLite: pages do not know the database."""
    return sharing_world(sqlite_database, clock=clock, ids=ids)


@pytest.fixture
async def shop(w):
    """A shop in force, its owner signed in, and a client on the page."""
    owner, site, cameras = await w.shop()
    agent = w.pair(site, cameras)
    await w.answer(owner, site, usual(*cameras))
    await w.deliver(agent)
    caller = Caller(owner)
    provided = {"partners": w.base.partners, "evaluations": evaluations(w)}
    dependencies = {name: constant(value) for name, value in provided.items()}
    dependencies["principal"] = Provide(lambda: caller.principal, sync_to_thread=False)
    app = web_app(
        [*TRIAL_PAGES],
        caller=caller,
        dependencies=dependencies,
        guards=[enforce],
        exception_handlers=ProblemHandler().handlers(),
    )
    async with AsyncTestClient(app) as client:
        yield Shop(w, caller, site, cameras, agent, client)


def constant(value):
    """A dependency that is always this."""
    return Provide(lambda: value, sync_to_thread=False)


@dataclasses.dataclass
class Shop:
    """Everything of the test."""

    w: object
    caller: Caller
    site: object
    cameras: list
    agent: str
    client: AsyncTestClient

    async def page(self, status=200, **asked):
        """The text of the page for a test."""
        response = await self.client.get(f"/portal/sites/{self.site.id}/sharing/test", params=asked)
        assert response.status_code == status, response.text
        return html.unescape(re.sub(r"\s+", " ", response.text))


async def test_another_owners_place_is_not_there(shop):
    """The same answer as for a place that does not exist; and nobody of the agency has business here."""
    shop.caller.principal = await shop.w.base.owner("bo@example.org", name="Garage")
    await shop.page(404)
    shop.caller.principal = operator()
    await shop.page(403)
    shop.caller.principal = dataclasses.replace(
        await shop.w.base.owner("cy@example.org", name="Bar"), roles=frozenset({Role.ANSWERS})
    )
    await shop.page(403)


async def test_a_test_says_what_is_available_and_by_which_answer(shop):
    """An incident at the place: live by the first answer, recordings only by asking; without one, nothing."""
    text = await shop.page()
    assert text.count("By your answer 1.") == 2
    assert "Front door" in text

    text = await shop.page(incident="none")
    assert text.count("They can if there is an incident.") == 2
    assert text.count("Nearest: your answer 1.") == 2
    text = await shop.page(what="have")
    assert text.count("They can ask you.") == 2
    assert "Available if …" in text


TESTS = {
    "an incident too far away": ({"incident": "mile"}, "no incident that counts is near"),
    "an incident opened by hand": ({"origin": "hand"}, "no incident that counts is near"),
    "a password alone": ({"sign_in": "1"}, "their sign-in is too weak"),
}


@pytest.mark.parametrize("name", TESTS)
async def test_each_refusal_is_said_in_the_owners_words(shop, name):
    """Distance, who vouches for the incident, and how they signed in."""
    asked, sentence = TESTS[name]
    text = await shop.page(**asked)
    assert text.count(sentence) == 2
    assert "By your answer" not in text


async def test_a_pause_and_an_ordinance_are_named(shop):
    """The owner reads why, also where it is not their answer."""
    shop.w.agents.change(shop.agent, is_paused=True)
    assert (await shop.page()).count("Your site is paused.") == 2


async def test_hours_are_said_with_their_next_opening(shop):
    """Outside the hours of an answer the page says when they open, and a test at that time is available."""
    now = shop.w.clock.now()
    opens = (now.weekday() * 1440 + now.hour * 60 + now.minute + 60) % 10_080
    hours = dataclasses.replace(SHOWN, zone="Etc/UTC", spans=((opens, opens + 30),), cameras=ids(shop))
    await answered(shop, hours)
    text = await shop.page(incident="none")
    assert text.count("It is outside the hours that you gave.") == 2
    assert "This may change by itself:" in text
    then = (now + timedelta(minutes=65)).astimezone(zone(shop)).strftime("%Y-%m-%dT%H:%M")
    assert (await shop.page(incident="none", at=then)).count("By your answer 1.") == 2


def ids(shop):
    """The cameras of the shop."""
    return frozenset(camera.id for camera in shop.cameras)


def zone(shop):
    """The clocks of the shop."""
    from zoneinfo import ZoneInfo

    return ZoneInfo(shop.site.zone)


async def answered(shop, *clauses, approves=True):
    """New answers, taken by the site or waiting there."""
    owner = shop.caller.principal
    await shop.w.answer(owner, shop.site, *clauses)
    return await shop.w.deliver(shop.agent, approves=approves)


async def test_what_was_saved_and_not_approved_stands_beside_what_is_in_force(shop):
    """Two columns while something waits, and one once it is approved."""
    wider = dataclasses.replace(SHOWN, cameras=ids(shop))
    assert "proposed" in await answered(shop, wider, approves=False)

    text = await shop.page(incident="none")
    assert "Once you approve what you saved" in text
    assert text.count("They can if there is an incident.") == 2
    assert text.count("By your answer 1.") == 2
    await shop.w.deliver(shop.agent)
    text = await shop.page(incident="none")
    assert "Once you approve what you saved" not in text
    assert text.count("By your answer 1.") == 2


async def test_before_pairing_the_saved_answers_are_shown(w, shop):
    """A place without an agent: nothing is given now, and what would be is beside it."""
    owner, site, cameras = await w.shop("di@example.org")
    await w.answer(owner, site, usual(*cameras))
    shop.caller.principal, shop.site = owner, site

    text = await shop.page()
    assert text.count("You have not said that this camera is shared.") == 2
    assert text.count("By your answer 1.") == 2


async def test_a_camera_that_they_would_not_know_of_is_said_so(shop):
    """A home that is shown only near an incident."""
    home = dataclasses.replace(SHOWN, where=Where.NEARBY, live=Live.NEARBY, cameras=ids(shop))
    await answered(shop, home)
    assert (await shop.page(incident="none")).count("They do not know of this camera") == 2


BAD = {
    "role": "chief",
    "sign_in": "9",
    "what": "everything",
    "purpose": "because",
    "incident": "everywhere",
    "origin": "rumour",
    "agency": "age_2",
    "at": "yesterday",
}


@pytest.mark.parametrize("name", BAD)
async def test_a_mistake_is_said_at_its_field_and_what_was_given_is_kept(shop, name):
    """One clear sentence there, no results, and the other fields as they were."""
    other = {"what": "have"} if name != "what" else {"incident": "mile"}
    text = await shop.page(422, **{name: BAD[name]}, **other)
    assert f'id="{name}-error"' in text
    assert "What they would see" not in text
    assert f'value="{next(iter(other.values()))}" selected' in text


async def test_a_time_far_away_is_refused(shop):
    """The law of the year 9999 is nobody's business."""
    for at in ("9999-01-01T00:00", "1901-01-01T00:00", "2026-02-30T10:00"):
        assert 'id="at-error"' in await shop.page(422, at=at)


async def test_presets_tested(shop):
    """On the list only: nobody watches, whatever happens."""
    await answered(shop, usual(*shop.cameras, preset=Preset.LIST_ONLY))
    assert (await shop.page()).count("Not available for this purpose") >= 2
