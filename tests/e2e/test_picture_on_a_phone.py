"""A picture on a phone through every real part: camera, agent, gateway, relay, Chromium; ended by its owner."""

from pathlib import Path
from typing import Any

import anyio
import pytest
from playwright.async_api import Page, async_playwright

from gateway.audit import Kind, Query
from gateway.kernel.database import Database
from tests.e2e.test_live_view import City, city
from tests.gateway.live.test_watching import LOOPBACK_FLAGS
from tests.support import browser

pytestmark = [pytest.mark.anyio, pytest.mark.browser, pytest.mark.slow]
PHONE: Any = {"width": 390, "height": 844}
TIME = "document.querySelector('lens-player video').currentTime"


async def _until(page: Page, expression: str) -> Any:
    with anyio.fail_after(30):
        while not (found := await page.evaluate(expression)):  # noqa: ASYNC110 -- the page has no event for us
            await anyio.sleep(0.1)
    return found


async def _watched(town: City) -> str:
    """The operator sees the camera; the name of their view."""
    opened = await town.open()
    await town.call(opened)
    await town.in_state(opened, "established")
    return opened.session_id


async def test_a_phone_sees_the_camera_until_its_owner_says_so(sqlite_database: Database, tmp_path: Path):
    """Pictures move on the phone; the owner reads on whose; a new view after a loss; the switch ends it for good."""
    path = browser.chromium_path()
    async with city(sqlite_database, tmp_path) as town, async_playwright() as playwright:
        services = town.server.services
        sent = await services.phones.send(town.operator, session_id=await _watched(town), recipient="Unit 12")
        chromium = await playwright.chromium.launch(executable_path=path, args=[*browser.FLAGS, *LOOPBACK_FLAGS])
        page = await (await chromium.new_context(viewport=PHONE)).new_page()
        await page.goto(f"{town.server.url}/phone#{sent.token}")
        await page.click("#phone-watch")
        await _until(page, "document.getElementById('phone').dataset.state === 'live'")
        at = await page.evaluate(TIME)
        await _until(page, f"{TIME} > {at} + 1")
        assert await page.evaluate("document.querySelector('video').videoWidth") > 0

        def shown() -> list[str]:
            return [one.id for one in services.live.running() if one.shown_to == "Unit 12"]

        (view,) = shown()
        (watched,) = [
            one for one in (await services.portal.overview(town.server.owner)).watched if "Unit 12" in one.why
        ]
        assert watched.camera_name == "Front door"

        await services.live.leave(town.operator, view)  # as when the relay heard nothing of it: no end that was meant
        with anyio.fail_after(10):
            while not shown() or shown() == [view]:  # noqa: ASYNC110 -- the page asks when it notices
                await anyio.sleep(0.05)
        await _until(page, "document.getElementById('phone').dataset.state === 'live'")

        await services.sharing.switch(town.server.owner, town.camera, is_on=False)
        said = await _until(page, "document.querySelector('[data-part=words]').textContent")
        assert said == "Ended by the sharing rules."
        assert await page.evaluate("document.querySelector('video').srcObject === null")
        assert shown() == []
        await chromium.close()

        log = (await services.audit.find(Query(streams=frozenset({view})), limit=50)).entries
        assert {Kind.VIEW_STARTED, Kind.VIEW_ENDED} <= {entry.kind for entry in log}
        assert {entry.said("shown_to") for entry in log if entry.kind != Kind.GRANT_ISSUED} == {"Unit 12"}
