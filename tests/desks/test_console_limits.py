"""What the console's wall holds at most, and how long the ways past a firewall that it was told are used."""

import pytest
from playwright.sync_api import expect

from gateway.cameras import CameraFacts
from gateway.partners import Place
from tests.desks.test_console_wall import NOTE_SERVERS
from tests.support.browser import watched
from tests.support.console_room import Room, room, until_true
from tests.support.partners import LOOP

__all__ = ["room"]
pytestmark = pytest.mark.browser
MOST_TILES = 16
HALF_AN_HOUR_MS = 30 * 60_000
FRESH = {"urls": ["turns:turn.example.net:443?transport=tcp"], "username": "9:later", "credential": "t"}


async def _open_arcade(room: Room, cameras: int) -> None:
    owner = await room.w.owner("more@example.org", name="The arcade")
    site = await room.w.site(owner)
    for number in range(cameras):
        place = Place(LOOP.lat + 0.0001 * number, LOOP.lon)
        facts = CameraFacts(f"Arcade {number}", place, 0, is_public_facing=True, purpose="")
        await room.w.cameras.add(owner, site, facts)


def test_a_seventeenth_picture_is_not_opened_and_that_is_said(chromium, room):
    """Sixteen tiles stay, nobody is asked for one more; it is seen why, and a screen reader hears it."""
    room.portal.call(_open_arcade, room, MOST_TILES)
    with watched(chromium, width=1600, height=900) as seen:
        page = seen.page
        page.goto(room.open())
        seen.until("document.querySelectorAll('#cameras .watch').length > 16")
        page.evaluate("document.querySelectorAll('#cameras .watch').forEach((one) => one.click())")

        seen.until("document.getElementById('said').textContent === 'Sixteen pictures are open. Close one first.'")
        expect(page.locator("#notice").get_by_text("Sixteen pictures are open. Close one first.")).to_be_visible()

        seen.until("document.querySelectorAll('lens-player[ended]').length === 16")
        assert page.locator("article.tile").count() == MOST_TILES
        assert len({one["camera_id"] for one in room.asked}) == MOST_TILES


def test_the_ways_past_a_firewall_are_asked_for_anew_before_they_run_out(chromium, room):
    """After half an hour, once; a picture that starts then goes by the new ones, on the same page."""
    asked: list[str] = []
    with watched(chromium, width=1600, height=900) as seen:
        page = seen.page
        page.add_init_script(NOTE_SERVERS)
        page.clock.install()
        page.on("request", lambda request: asked.append(request.url.rpartition("/")[2]))
        page.route("**/api/v1/ice-servers", lambda route: route.fulfill(json=[FRESH]))
        page.goto(room.open())
        seen.until("document.querySelectorAll('lens-player[ended]').length === 2")
        assert "ice-servers" not in asked

        with page.expect_response("**/api/v1/ice-servers"):
            page.clock.fast_forward(HALF_AN_HOUR_MS)
        before = len(page.evaluate("window.__servers"))
        page.locator("#cameras .watch").first.click()
        until_true(seen, lambda: len(page.evaluate("window.__servers")) > before)

        assert page.evaluate("window.__servers.at(-1)[0].username") == FRESH["username"]
        assert asked.count("ice-servers") == 1
