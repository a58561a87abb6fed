"""The owner's pages of the agent in a real browser: readable by everybody, nothing stopped, both themes."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from anyio.from_thread import BlockingPortal
from playwright.sync_api import Browser

from gateway.kernel.database import Database
from gateway.sites.store import SiteStore
from partner_agent.wire import frames, messages
from partner_agent.wire.check_messages import CheckedCamera
from partner_agent.wire.messages import CameraCard, CameraHealth, Health
from tests.gateway.sites.test_connection import said
from tests.gateway.sites.test_pages import AGENT, PAIR, app_of
from tests.support.browser import served, watched
from tests.support.pages import Caller
from tests.support.site_bench import DOOR, SITE, MiniAgent, SiteBench, owner

CONNECTION = f"/portal/sites/{SITE.id}/connection"
pytestmark = pytest.mark.browser


async def _site_with_troubles(bench: SiteBench) -> str:
    """A site that went offline after its camera refused the password; the code of a further agent."""
    agent = await bench.paired()
    async with bench.connected(agent) as pipe:
        cards = [
            CameraCard(camera=name, label=label, codec="h264", width=1280, height=720)
            for name, label in (("c1", "Entrance by the bakery"), ("c2", "Till"), ("c3", "Yard"))
        ]
        pipe.say(frames.encode(messages.Cameras(id="m1", cameras=cards)))
        states = [CameraHealth(camera="c1", state="auth_failed"), CameraHealth(camera="c2", state="ok")]
        health = Health(cameras=states, sessions=0, uptime_s=1)
        pipe.say(frames.encode(messages.Heartbeat(id="m2", fresh="f2", health=health)))
        pipe.say(agent.state(states=("paused",)))
        await bench.until(lambda: bench.sites.hub.problem_of(agent.id) == "paused")
        await bench.sites.agents.tick(owner(), SITE.id, {"c1": DOOR.id})
        await _checked(bench, agent)
    _, codes = await bench.sites.enrolments.begin(MiniAgent(bench.clock).device_form(), address="192.0.2.1")
    return str(codes["user_code"])


async def _checked(bench: SiteBench, agent: MiniAgent) -> None:
    """Something fails, something is worth attention, the rest works."""
    yard = CheckedCamera(camera="c3", kbps=2_100, key_distance_ms=8_000, codec="h264", open_ms=140, first_ms=5_200)
    till = CheckedCamera(camera="c2", kbps=1_800, key_distance_ms=2_000, codec="h264", open_ms=120, first_ms=900)
    door = CheckedCamera(camera="c1", trouble="auth")
    found = said(turn_tls="no", cameras=[door, till, yard], nat="changing", by_server=False, line_kbps=9_400)
    async with bench.database.unit_of_work() as unit:
        frame = frames.encode(found).decode()
        await SiteStore(bench.database).put_check(unit, agent.id, at=bench.clock.now(), answer=frame)
        await unit.commit(unaudited="a test")


@pytest.fixture
def origin(portal: BlockingPortal, served_database: Database, tmp_path: Path) -> Iterator[tuple[str, str]]:
    """The pages behind a port, and a code that waits."""
    bench = SiteBench(served_database, tmp_path)
    code = portal.call(_site_with_troubles, bench)
    with served(app_of(bench, Caller(owner())), portal) as origin:
        yield origin, code


@pytest.mark.parametrize("look", ["light", "dark", "phone"])
def test_every_page_is_accessible(chromium: Browser, origin: tuple[str, str], look: str):
    """No axe finding, no policy violation, no script error; at 320 px nothing scrolls sideways."""
    base, code = origin
    with watched(chromium, width=320 if look == "phone" else 1280, dark=look == "dark") as seen:
        for number, path in enumerate((PAIR, AGENT, f"{AGENT}/remove", "/portal/pair", PAIR, CONNECTION)):
            seen.page.goto(base + path)
            if number == 4:
                seen.page.get_by_label("Code on the agent's screen").fill(code.lower())
                seen.page.get_by_role("button", name="Look for the agent").click()
                seen.page.get_by_role("button", name="This is my agent").wait_for()
            assert seen.axe() == []
            assert seen.violations() == []
            assert seen.page.evaluate("document.documentElement.scrollWidth <= innerWidth")
            if folder := os.environ.get("LENSPACT_TEST_PICTURES"):
                seen.page.screenshot(path=f"{folder}/site-{look}-{number}.png", full_page=True)
        assert seen.errors == []


def test_what_was_chosen_survives_news_of_the_site(
    chromium: Browser, portal: BlockingPortal, served_database: Database, tmp_path: Path
):
    """News of the site that comes between choosing and saving reads the page again, and takes no choice away."""
    bench = SiteBench(served_database, tmp_path)
    portal.call(_site_with_troubles, bench)
    with served(app_of(bench, Caller(owner())), portal) as base, watched(chromium, width=1280, dark=False) as seen:
        page = seen.page
        with page.expect_response("**/events"):
            page.goto(base + AGENT)
        choice = page.get_by_label("Till is on the list as")
        choice.select_option(index=1)
        page.get_by_role("button", name="Save which camera is which").focus()
        with page.expect_response(base + AGENT) as read_again:
            portal.call(bench.bus.publish, f"site.{SITE.id}")
        read_again.value.finished()
        page.evaluate("() => new Promise((done) => requestAnimationFrame(() => setTimeout(done)))")
        assert choice.evaluate("field => field.selectedIndex") == 1
