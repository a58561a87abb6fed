"""The page of the one switch: pressed without JavaScript, and in a browser, clean in both themes and on a phone."""

import os
from pathlib import Path

import pytest
from anyio.from_thread import BlockingPortal
from litestar.testing import AsyncTestClient

from gateway.kernel.database import Database
from partner_agent.wire.clock import SystemClock
from partner_agent.wire.ids import SystemIds
from tests.sharing.test_pages import app_of
from tests.support.browser import served, watched
from tests.support.pages import Caller
from tests.support.sharing import AGENCY_ID, operator, sharing_world, stopping_of, usual

HOME = "/portal/sharing/stop"


@pytest.mark.anyio
async def test_pressing_stops_and_pressing_again_asks(sqlite_database, clock, ids):
    """Stopped for everybody, then for one agency; the page says so each time, and nothing else is asked."""
    w = sharing_world(sqlite_database, clock=clock, ids=ids)
    owner, site, cameras = await w.shop()
    await w.answer(owner, site, usual(*cameras))
    async with AsyncTestClient(app_of(w, Caller(owner))) as client:
        assert "Stop sharing everything now" in (await client.get(HOME)).text
        pressed = await client.post(HOME, data={"agency": ""})
        assert "You share nothing." in pressed.text
        assert set(await stopping_of(w).stopped(owner.organisation_id)) == {"*"}
        again = await client.post(f"{HOME}/again", data={"agency": "*"})
        assert "Stop sharing everything now" in again.text
        one = await client.post(HOME, data={"agency": AGENCY_ID})
        assert "Share again with City Police" in one.text
        assert set(await stopping_of(w).stopped(owner.organisation_id)) == {AGENCY_ID}


@pytest.mark.anyio
async def test_whoever_may_not_change_sharing_has_no_switch(sqlite_database, clock, ids):
    """Not an agency's person, and an agency that is not there is no agency."""
    w = sharing_world(sqlite_database, clock=clock, ids=ids)
    owner, _, _ = await w.shop()
    caller = Caller(operator())
    async with AsyncTestClient(app_of(w, caller)) as client:
        assert (await client.get(HOME)).status_code in {403, 404}
        assert (await client.post(HOME, data={"agency": "*"})).status_code in {403, 404}
        caller.principal = owner
        assert (await client.post(HOME, data={"agency": "age_nobody"})).status_code == 404
    assert await stopping_of(w).stopped(owner.organisation_id) == {}


@pytest.mark.browser
@pytest.mark.parametrize("theme", ["light", "dark"])
def test_the_switch_in_a_browser(chromium, portal: BlockingPortal, served_database: Database, theme: str):
    """By keyboard from the first look to stopped; nothing for axe or the content policy, on a phone too."""
    w = sharing_world(served_database, clock=SystemClock(), ids=SystemIds())
    owner, site, cameras = portal.call(w.shop)
    portal.call(w.answer, owner, site, usual(*cameras))
    with served(app_of(w, Caller(owner)), portal) as origin, watched(chromium, dark=theme == "dark") as seen:
        page = seen.page
        page.goto(origin + HOME)
        assert seen.axe() == []
        _show(page, f"stop-{theme}")
        page.get_by_role("button", name="Stop sharing everything now").press("Enter")
        page.wait_for_url("**done=all-stopped")
        assert "You share nothing." in page.inner_text("main")
        assert seen.axe() == []
        page.set_viewport_size({"width": 360, "height": 740})
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
        _show(page, f"stopped-{theme}-phone")
        page.goto(origin + "/portal")
        assert seen.axe() == []
        page.set_viewport_size({"width": 1280, "height": 800})
        _show(page, f"home-{theme}")
        assert seen.violations() == []
        assert seen.errors == []


def _show(page, name: str) -> None:
    """Keep a picture where `LENSPACT_TEST_PICTURES` names a folder."""
    folder = os.environ.get("LENSPACT_TEST_PICTURES")
    if folder:
        page.screenshot(path=Path(folder) / f"{name}.png", full_page=True)
