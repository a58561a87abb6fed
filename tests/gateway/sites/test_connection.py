"""The owner's page "Connection check": who may ask, what the agent is asked, and what its answer means."""

from typing import Any, TypeVar

import anyio
import pytest

from gateway.kernel.principal import ANONYMOUS, Principal, PrincipalKind, Role
from gateway.sites import lines
from gateway.sites.connection import findings_of
from gateway.sites.store import SiteStore
from partner_agent.wire import frames
from partner_agent.wire.check_messages import (
    CheckedCamera,
    CheckServer,
    ConnectionCheck,
    ConnectionChecked,
    ConnectionWanted,
)
from partner_agent.wire.limits import CHECK_VOCABULARY, CHECKS_AN_HOUR, FULL_CHECK_VOCABULARY, TUNNEL_VOCABULARY
from partner_agent.wire.messages import CameraCard, Cameras, Message, Noted, Problem
from tests.gateway.sites.test_pages import browsing
from tests.support.site_bench import ORG, OTHER_ORG, SITE, MiniAgent, Pipe, SiteBench, owner

pytestmark = pytest.mark.anyio
M = TypeVar("M", bound=Message)
PATH = f"/portal/sites/{SITE.id}/connection"
FORM = {"csrf": "t"}
ANSWER: dict[str, Any] = {
    "udp": "yes",
    "nat": "same",
    "turn_udp": "yes",
    "turn_tls": "yes",
    "is_clock_right": True,
    "cameras": [],
}


def said(**changed: Any) -> ConnectionChecked:
    """An agent's answer, of a site where all is well but for what is `changed`."""
    return ConnectionChecked(id="m9", **ANSWER | changed)


@pytest.mark.parametrize(
    ("principal", "status"),
    [
        (ANONYMOUS, 401),
        (owner(OTHER_ORG), 404),
        (Principal(kind=PrincipalKind.AGENCY, roles=frozenset({Role.OPERATOR, Role.ADMIN})), 403),
        (Principal(kind=PrincipalKind.PARTNER, organisation_id=ORG, roles=frozenset({Role.ANSWERS})), 403),
    ],
    ids=["nobody", "another organisation", "the agency", "who only answers requests"],
)
async def test_who_may_not_ask(lite: SiteBench, principal: Principal, status: int):
    """A site's network is its owner's affair."""
    async with browsing(lite, principal) as browser:
        assert (await browser.post(PATH, data=FORM)).status_code == status


@pytest.mark.parametrize("vocabulary", [0, CHECK_VOCABULARY - 1])
async def test_an_agent_that_does_not_know_the_question_is_not_asked(lite: SiteBench, vocabulary: int):
    """Its link stays as it is; the page says to update it."""
    agent = await lite.paired()
    async with lite.connected(agent) as pipe, browsing(lite, owner()) as browser:
        await _announce(lite, agent, pipe, vocabulary)

        page = await browser.post(PATH, data=FORM)

        assert page.status_code == 422
        assert "The agent on site is too old for this. Update it there." in page.text


async def test_a_site_that_is_offline_is_not_waited_for(lite: SiteBench):
    """The page says so at once, and what it said before stays."""
    await lite.paired()
    async with browsing(lite, owner()) as browser:
        page = await browser.post(PATH, data=FORM)

        assert "The site is offline." in page.text
        assert "Not checked yet." in page.text


async def test_the_page_shows_what_the_agent_found_and_keeps_it_over_a_restart(bench: SiteBench):
    """Asked with the servers that a call would get; what fails, what is worth attention, what works, and when."""
    bench.sites.connection._servers = lambda site: [CheckServer(url="stun:turn.example.net", username=site)]
    agent = await bench.paired()
    async with bench.connected(agent) as pipe, browsing(bench, owner()) as browser:
        await _announce(bench, agent, pipe, FULL_CHECK_VOCABULARY)
        pipe.say(frames.encode(Cameras(id=agent.new_id(), cameras=[CameraCard(camera="c1", label="Yard")])))
        assert "Not checked yet." in (await browser.get(PATH)).text

        camera = CheckedCamera(camera="c1", key_distance_ms=8_000, first_ms=6_000, open_ms=90, kbps=2_000)
        found = said(udp="no", turn_udp="no", turn_tls="no", cameras=[camera], line_kbps=9_400)
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(_answer, pipe, found)
            assert (await browser.post(PATH, data=FORM)).status_code == 303

    bench.sites = bench.build()
    async with browsing(bench, owner()) as browser:
        page = (await browser.get(PATH)).text
    assert "no TURN server can be reached by TLS: nobody can watch." in page
    assert "Let UDP out to the agency, or TCP port 443 to its TURN server." in page
    assert "Yard sends a whole picture only every 8 seconds: its first one came after 6.0." in page
    assert "carries about 9.4 Mbit/s to the agency: about one camera at 1080p." in page
    assert bench.clock.now().isoformat()[:16] in page
    assert page.index("Live views fail") < page.index("Worth attention") < page.index("Works")


async def test_an_agent_of_before_is_asked_in_words_it_knows(lite: SiteBench):
    """No field it would refuse, and no place to measure its line."""
    agent = await lite.paired()
    async with lite.connected(agent) as pipe, browsing(lite, owner()) as browser:
        await _announce(lite, agent, pipe, CHECK_VOCABULARY)
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(browser.post, PATH)
            asked = await _answer(pipe, said())

    assert asked == ConnectionCheck(id=asked.id, servers=[])


@pytest.mark.parametrize(
    ("vocabulary", "has_tunnels", "is_told"),
    [(TUNNEL_VOCABULARY, True, True), (TUNNEL_VOCABULARY, False, False), (TUNNEL_VOCABULARY - 1, True, False)],
)
async def test_a_site_is_told_of_tunnels_where_there_are_any_and_it_knows_the_word(
    lite: SiteBench, vocabulary: int, has_tunnels: bool, is_told: bool
):
    """So that its answer can say that pictures go this way."""
    lite.sites.connection._has_tunnels = has_tunnels
    agent = await lite.paired()
    async with lite.connected(agent) as pipe, browsing(lite, owner()) as browser:
        await _announce(lite, agent, pipe, vocabulary)
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(browser.post, PATH)
            asked = await _answer(pipe, said())

    assert asked.has_tunnels is is_told


async def test_somebody_on_site_is_noted_and_asked(lite: SiteBench):
    """`lenspact-agent doctor`: the check comes with a place for the line, and what is found stands in the portal."""
    agent = await lite.paired()
    async with lite.connected(agent) as pipe:
        await _announce(lite, agent, pipe, FULL_CHECK_VOCABULARY)
        pipe.say(frames.encode(ConnectionWanted(id="msg_w")))
        noted = await _hear(pipe, Noted)
        asked = await _answer(pipe, said(udp="no"))
        view = await lite.sites.agents.view(ORG, SITE.id)

        async def is_kept() -> bool:
            return await lite.sites.connection.last(view) is not None

        await lite.until(is_kept)

    assert noted.re == "msg_w"
    assert asked.upload is not None
    assert asked.upload.url == "https://gw.example/agent/v1/line"


async def test_a_site_that_asks_without_end_is_told_so(lite: SiteBench):
    """And its owner, by the page."""
    agent = await lite.paired()
    async with lite.connected(agent) as pipe, browsing(lite, owner()) as browser:
        await _announce(lite, agent, pipe, FULL_CHECK_VOCABULARY)
        for _ in range(CHECKS_AN_HOUR):
            pipe.say(frames.encode(ConnectionWanted(id="msg_w")))
            await _hear(pipe, ConnectionCheck)
        pipe.say(frames.encode(ConnectionWanted(id="msg_v")))
        problem = await _hear(pipe, Problem)
        page = await browser.post(PATH, data=FORM)

    assert (problem.re, problem.code) == ("msg_v", "limit")
    assert "That was too often. Wait a little, then try again." in page.text


@pytest.mark.parametrize(
    ("code", "sentence"),
    [
        ("limit", "The agent looks already, or has looked as often as it does within an hour. Try again later."),
        ("malformed", "The agent cannot look now. Try again in a moment."),
    ],
)
async def test_a_site_that_does_not_look_says_so_in_plain_words(lite: SiteBench, code: str, sentence: str):
    """It keeps a bound of its own on how often it looks."""
    agent = await lite.paired()

    async def refuse(pipe: Pipe) -> None:
        asked = await _hear(pipe, ConnectionCheck)
        pipe.say(frames.encode(Problem(id=agent.new_id(), re=asked.id, code=code)))

    async with lite.connected(agent) as pipe, browsing(lite, owner()) as browser:
        await _announce(lite, agent, pipe, FULL_CHECK_VOCABULARY)
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(refuse, pipe)
            page = await browser.post(PATH, data=FORM)

    assert sentence in page.text


@pytest.mark.parametrize("re", [None, "msg_other"])
async def test_an_answer_to_nothing_that_was_asked_is_not_kept(lite: SiteBench, re: str | None):
    """An agent fills no table by itself."""
    agent = await lite.paired()
    async with lite.connected(agent) as pipe:
        await _announce(lite, agent, pipe, FULL_CHECK_VOCABULARY)
        pipe.say(frames.encode(ConnectionChecked(**_fields(said()) | {"re": re})))
        pipe.say(frames.encode(ConnectionWanted(id="msg_w")))
        await _hear(pipe, ConnectionCheck)

        assert await lite.sites.connection.last(await lite.sites.agents.view(ORG, SITE.id)) is None


async def test_what_a_removed_site_found_is_forgotten(lite: SiteBench):
    """With the rest of what its agent said."""
    agent = await lite.paired()
    async with lite.connected(agent) as pipe:
        await _announce(lite, agent, pipe, FULL_CHECK_VOCABULARY)
        pipe.say(frames.encode(ConnectionWanted(id="msg_w")))
        await _answer(pipe, said())
        store = SiteStore(lite.database)

        async def is_kept() -> bool:
            return await store.check(agent.id) is not None

        await lite.until(is_kept)
        async with lite.database.unit_of_work() as unit:
            await lite.sites.agents.site_removed(unit, SITE.id)
            await unit.commit()

    assert not await is_kept()


async def test_the_line_is_measured_a_few_times_a_day(lite: SiteBench):
    """After that a check goes without; the next day it is measured again."""
    desk = lite.sites.connection.lines
    places = [await desk.place("agt_1") for _ in range(lines.A_DAY + 1)]
    lite.clock.advance(86_400)

    assert [place is None for place in places] == [False] * lines.A_DAY + [True]
    assert await desk.place("agt_1") is not None


async def test_two_sites_measure_at_a_time(lite: SiteBench):
    """A third one is measured once one of them is done, or its time is over."""
    desk = lite.sites.connection.lines
    assert all([await desk.place(agent) for agent in ("agt_1", "agt_2")])
    assert await desk.place("agt_3") is None
    desk.close("agt_1")
    assert await desk.place("agt_3") is not None
    assert await desk.place("agt_1") is None
    lite.clock.advance(lines.PLACE_S)
    assert await desk.place("agt_1") is not None


def test_the_page_names_cameras_as_their_owner_does_and_no_others():
    """By the labels of the site; what works asks for nothing."""
    cameras = [CheckedCamera(camera="c1", trouble="unreachable"), CheckedCamera(camera="other", trouble="auth")]
    found = findings_of(said(cameras=cameras), {"c1": "Yard"})

    assert [str(finding.sentence) for finding in found if finding.level == "bad"] == [
        "Yard does not answer the agent (RTSP)."
    ]
    assert all(bool(finding.remedy) == (finding.level != "good") for finding in found)


async def _answer(pipe: Pipe, found: ConnectionChecked) -> ConnectionCheck:
    """As the agent: answer the next check; what was asked."""
    asked = await _hear(pipe, ConnectionCheck)
    pipe.say(frames.encode(ConnectionChecked(**{**_fields(found), "re": asked.id})))
    return asked


async def _hear(pipe: Pipe, kind: type[M]) -> M:
    """As the agent: the next message of a kind."""
    while not isinstance(message := await pipe.hear(), kind):
        pass
    return message


def _fields(message: ConnectionChecked) -> dict[str, Any]:
    return {name: getattr(message, name) for name in message.__struct_fields__}


async def _announce(lite: SiteBench, agent: MiniAgent, pipe: Pipe, vocabulary: int) -> None:
    pipe.say(agent.state(vocabulary=vocabulary))
    await lite.until(lambda: lite.sites.hub.vocabulary_of(agent.id) == vocabulary)
