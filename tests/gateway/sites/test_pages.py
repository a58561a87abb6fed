"""The owner's pages: whose agent is this, which camera is which, what is wrong; and who may not see or do it."""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import httpx
import pytest
from litestar import Litestar
from litestar.di import Provide
from markupsafe import escape

from gateway.app.sites import SiteTies
from gateway.edge.auth import enforce
from gateway.edge.problems import ProblemHandler
from gateway.kernel.principal import ANONYMOUS, Principal, PrincipalKind, Role
from gateway.sites.agents import Progress
from gateway.sites.connection_pages import CONNECTION_PAGES
from gateway.sites.pages import PAGES, PROGRESS
from gateway.sites.store import SiteStore
from partner_agent.wire import frames, messages
from partner_agent.wire.keyset import root_words
from partner_agent.wire.messages import CameraArea, CameraCard, CameraHealth, Health
from tests.support.pages import Caller, web_app
from tests.support.site_bench import DOOR, ORG, OTHER_ORG, SITE, MiniAgent, SiteBench, owner

pytestmark = pytest.mark.anyio
PAIR, AGENT = f"/portal/sites/{SITE.id}/pair", f"/portal/sites/{SITE.id}/agent"


def app_of(bench: SiteBench, caller: Caller) -> Litestar:
    """The pages behind the real guard, for a caller of the test's choice."""
    provided: dict[str, Callable[[], Any]] = {"sites": lambda: bench.sites, "bus": lambda: bench.bus}
    dependencies = {name: Provide(value, sync_to_thread=False) for name, value in provided.items()}
    dependencies["principal"] = Provide(lambda: caller.principal, sync_to_thread=False)
    handlers = ProblemHandler().handlers()
    return web_app(
        [*PAGES, *CONNECTION_PAGES],
        caller=caller,
        dependencies=dependencies,
        guards=[enforce],
        exception_handlers=handlers,
    )


@asynccontextmanager
async def browsing(bench: SiteBench, principal: Principal) -> AsyncIterator[httpx.AsyncClient]:
    """A client of those pages."""
    transport = httpx.ASGITransport(app=app_of(bench, Caller(principal)), raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url="http://localhost") as client:
        yield client


async def _codes(bench: SiteBench, **changed: str) -> dict[str, str]:
    agent = MiniAgent(bench.clock)
    _, codes = await bench.sites.enrolments.begin(agent.device_form(**changed), address="192.0.2.1")
    return dict(codes)


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
async def test_who_may_not_pair(lite: SiteBench, principal: Principal, status: int):
    """The code can be typed by owners and managers of the organisation only; others learn not even that it exists."""
    codes = await _codes(lite)
    async with browsing(lite, principal) as browser:
        assert (await browser.get(PAIR)).status_code == status
        form = {"code": codes["user_code"], "step": "confirm", "csrf": "t"}
        assert (await browser.post(PAIR, data=form)).status_code == status
        assert (await browser.post(f"{AGENT}/remove", data={"csrf": "t"})).status_code == status
    assert await lite.sites.agents.agent_of(SITE.id) is None


async def test_a_code_in_the_address_only_fills_the_field(lite: SiteBench):
    """A link somebody sends cannot pair anything: the owner sees the code and presses the button."""
    codes = await _codes(lite)
    async with browsing(lite, owner()) as browser:
        page = await browser.get(PAIR, params={"code": codes["user_code"].lower()})
        assert codes["user_code"] in page.text
        assert (await browser.get(PAIR, params={"code": '"><script>'})).text.count("<script>") == 0
    assert (await lite.sites.agents.view(ORG, SITE.id)).progress is Progress.NONE


async def test_pairing_shows_the_agent_first(lite: SiteBench):
    """The owner reads what the agent says of itself, its key's words and the root's, then accepts."""
    codes = await _codes(lite, host="<script>alert(1)</script>")
    async with browsing(lite, owner()) as browser:
        shown = await browser.post(PAIR, data={"code": codes["user_code"], "step": "look", "csrf": "t"})
        assert shown.status_code == 200
        assert "&lt;script&gt;alert(1)" in shown.text
        assert " ".join(root_words(lite.keyring.root_public)) in shown.text
        assert (await lite.sites.agents.view(ORG, SITE.id)).progress is Progress.NONE

        accepted = await browser.post(PAIR, data={"code": codes["user_code"], "step": "confirm", "csrf": "t"})
        assert (accepted.status_code, accepted.headers["location"].split("?")[0]) == (303, AGENT)
        waiting = await browser.get(AGENT)
        assert "Waiting for the site" in waiting.text
        assert " ".join(root_words(lite.keyring.root_public)) in waiting.text


async def test_a_wrong_code_is_kept_and_explained(lite: SiteBench):
    """What was typed stays, with one sentence; after five the page says to wait."""
    async with browsing(lite, owner()) as browser:
        for _ in range(5):
            page = await browser.post(PAIR, data={"code": "BBBB-BBBB", "step": "look", "csrf": "t"})
            assert (page.status_code, "BBBB-BBBB" in page.text) == (422, True)
            assert "No agent waits with this code" in page.text
        page = await browser.post(PAIR, data={"code": "BBBB-BBBB", "step": "look", "csrf": "t"})
        assert "Too many wrong codes" in page.text


async def test_one_place_needs_no_question(lite: SiteBench):
    """`/pair` leads to the list of places, for this organisation has two, and keeps the code."""
    async with browsing(lite, owner()) as browser:
        short = await browser.get("/pair", params={"code": "BCDF-GHJK"})
        assert short.headers["location"] == "/portal/pair?code=BCDF-GHJK"
        page = await browser.get(short.headers["location"])
        assert f"{PAIR}?code=BCDF-GHJK" in page.text
    async with browsing(lite, owner(OTHER_ORG)) as browser:
        assert (await browser.get("/portal/pair")).headers["location"] == "/portal/sites/new"


async def test_cameras_are_ticked_on_the_page(lite: SiteBench):
    """Each of the agent's cameras is given its name on the list; a second use of one name is explained."""
    agent = await lite.paired()
    async with lite.connected(agent) as pipe, browsing(lite, owner()) as browser:
        cards = [CameraCard(camera=name, label=f"<b>{name}</b>") for name in ("c1", "c2")]
        pipe.say(frames.encode(messages.Cameras(id="m1", cameras=cards)))
        health = Health(cameras=[CameraHealth(camera="c1", state="auth_failed")], sessions=0, uptime_s=1)
        pipe.say(frames.encode(messages.Heartbeat(id="m2", fresh="f2", health=health)))
        await lite.until(lambda: lite.sites.hub.fresh_of(agent.id) == "f2")
        page = await browser.get(AGENT)
        assert "&lt;b&gt;c1&lt;/b&gt;" in page.text

        twice = {"camera c1": DOOR.id, "camera c2": DOOR.id, "csrf": "t"}
        assert (await browser.post(f"{AGENT}/cameras", data=twice)).status_code == 422
        foreign = {"camera c1": "cam_" + "9" * 26, "csrf": "t"}
        assert (await browser.post(f"{AGENT}/cameras", data=foreign)).status_code == 404
        saved = await browser.post(f"{AGENT}/cameras", data={"camera c1": DOOR.id, "camera c2": "", "csrf": "t"})
        assert saved.status_code == 303
        assert lite.sites.directory.connected == {DOOR.id}

        async def is_told() -> bool:
            return "Correct it in" in (await browser.get(AGENT)).text

        await lite.until(is_told)


@pytest.mark.parametrize(
    ("live", "said"),
    [("main_codec", "is not H.264"), ("main_b_frames", "has B-frames"), ("none", "Cannot be shown live")],
)
async def test_the_owner_reads_which_stream_is_shown_and_why(lite: SiteBench, live: str, said: str):
    """As the agent tells; nothing is said again once the stream meant for live views serves them."""
    agent = await lite.paired()
    async with lite.connected(agent) as pipe, browsing(lite, owner()) as browser:

        async def page_says() -> bool:
            return said in (await browser.get(AGENT)).text

        async def page_is_silent() -> bool:
            return not await page_says()

        pipe.say(frames.encode(messages.Cameras(id="m1", cameras=[CameraCard(camera="c1", label="Door", live=live)])))
        await lite.until(page_says)
        pipe.say(frames.encode(messages.Cameras(id="m2", cameras=[CameraCard(camera="c1", label="Door")])))
        await lite.until(page_is_silent)


@pytest.mark.parametrize(
    ("state", "word", "remedy"),
    [
        (
            "auth_failed",
            "refuses the agent&#39;s password.",
            "Correct it in the agent&#39;s settings, then restart the agent.",
        ),
        ("gone", "does not answer.", "Check its power and network."),
        ("frozen", "is connected and sends no pictures.", "Restart the camera."),
    ],
)
async def test_a_camera_that_fails_is_told_where_its_owner_looks_first(
    lite: SiteBench, state: str, word: str, remedy: str
):
    """What the site says of a ticked camera is on its page and in the health of the portal's first page."""
    agent = await lite.paired()
    ties = SiteTies()
    ties.tie(lite.sites)
    async with lite.connected(agent) as pipe, browsing(lite, owner()) as browser:
        cards = [CameraCard(camera="c1", label="The door")]
        pipe.say(frames.encode(messages.Cameras(id="m1", cameras=cards)))
        await lite.until(lambda: _knows(lite, agent.id))
        await lite.sites.agents.tick(owner(), SITE.id, {"c1": DOOR.id})
        assert await ties.troubles(ORG) == []
        health = Health(cameras=[CameraHealth(camera="c1", state=state)], sessions=0, uptime_s=1)
        pipe.say(frames.encode(messages.Heartbeat(id="m2", fresh="f2", health=health)))

        async def is_told() -> bool:
            page = (await browser.get(AGENT)).text
            return f"The door {word}" in page and remedy in page

        await lite.until(is_told)
        (trouble,) = await ties.troubles(ORG)

    assert (escape(trouble.sentence), escape(trouble.remedy)) == (f"{SITE.name}: The door {word}", remedy)
    assert trouble.href == AGENT


async def _knows(lite: SiteBench, agent_id: str) -> bool:
    return bool((await lite.sites.agents.view(ORG, SITE.id)).cameras)


async def test_the_page_says_what_is_wrong(lite: SiteBench):
    """Offline, paused and quarantined each have one sentence and one remedy."""
    agent = await lite.paired()
    async with lite.connected(agent) as pipe, browsing(lite, owner()) as browser:
        pipe.say(agent.state(states=("paused", "quarantined", "clock_skew")))
        await lite.until(lambda: lite.sites.hub.problem_of(agent.id) == "quarantined")
        page = (await browser.get(AGENT)).text
    for sentence in ("paused on site", "copied or set back", "clock of the agent"):
        assert sentence in page
    async with browsing(lite, owner()) as browser:
        assert "The site is offline." in (await browser.get(AGENT)).text


async def test_the_owner_takes_the_key_away(lite: SiteBench):
    """A page says what it means, a button does it; a manager has no such button."""
    agent = await lite.paired()
    manager = Principal(kind=PrincipalKind.PARTNER, organisation_id=ORG, roles=frozenset({Role.MANAGER}))
    async with browsing(lite, manager) as browser:
        assert (await browser.get(f"{AGENT}/remove")).status_code == 403
    async with lite.connected(agent) as pipe, browsing(lite, owner()) as browser:
        assert "stops working at once" in (await browser.get(f"{AGENT}/remove")).text
        assert (await browser.post(f"{AGENT}/remove", data={"csrf": "t"})).status_code == 303
        assert await pipe.end() == 4403
        assert "No agent here yet" in (await browser.get(AGENT)).text


async def test_the_page_hears_of_changes(lite: SiteBench):
    """Whatever changes at the site wakes its page."""
    agent = await lite.paired()
    with lite.bus.subscribe(f"site.{SITE.id}") as news:
        async with lite.connected(agent):
            assert (await news.get()).ref == agent.id


def test_every_progress_has_words():
    """No state of a site is without a sentence."""
    assert set(PROGRESS) == set(Progress)


async def test_what_can_be_black_is_kept_as_the_site_says_it(lite: SiteBench):
    """By camera; a name no rule can say is dropped, and the list outlives its cameras' next description."""
    agent = await lite.paired()
    said = [CameraArea(camera="c1", area=name, label="Door\n") for name in ("door", "Not A Name", "yard")]
    async with lite.connected(agent) as pipe:

        async def are(*names: str) -> bool:
            cameras = await SiteStore(lite.database).cameras(agent.id)
            return [[name for name, _ in camera.areas] for camera in cameras] == [list(names)]

        card = CameraCard(camera="c1", label="Door")
        pipe.say(frames.encode(messages.Cameras(id="m1", cameras=[card])))
        pipe.say(frames.encode(messages.Areas(id="m2", areas=said)))
        await lite.until(lambda: are("door", "yard"))
        pipe.say(frames.encode(messages.Cameras(id="m3", cameras=[CameraCard(camera="c1", label="Front door")])))
        pipe.say(frames.encode(messages.Areas(id="m4", areas=said[:1])))
        await lite.until(lambda: are("door"))


async def test_pictures_made_anew_are_said_where_the_owner_looks(lite: SiteBench):
    """As the agent tells; nothing is said again once a stream of the camera itself is shown."""
    agent = await lite.paired()
    async with lite.connected(agent) as pipe, browsing(lite, owner()) as browser:

        async def page_says() -> bool:
            return "Made anew as H.264" in (await browser.get(AGENT)).text

        async def page_is_silent() -> bool:
            return not await page_says()

        pipe.say(frames.encode(messages.Cameras(id="m1", cameras=[CameraCard(camera="c1", label="Door")])))
        pipe.say(frames.encode(messages.Areas(id="m2", areas=[], anew=["c1"])))
        await lite.until(page_says)
        pipe.say(frames.encode(messages.Areas(id="m3", areas=[])))
        await lite.until(page_is_silent)
