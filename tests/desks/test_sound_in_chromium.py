"""The key and the button that switch a picture's sound, in a real browser."""

from pathlib import Path

import pytest
from playwright.sync_api import Route, expect

from tests.desks.test_still_in_chromium import LIVE
from tests.support.browser import Watched, watched
from tests.support.console_room import VIEW, room, tell_running, until_true

__all__ = ["room"]
pytestmark = pytest.mark.slow
NO = {"status": 403, "detail": "Not available for this purpose."}


class Doors:
    """The gateway's answers about views: each may be heard, unless a test says no to those asked with sound."""

    def __init__(self, seen: Watched) -> None:
        self.asked: list[dict[str, object]] = []
        self.left: list[str] = []
        self.says_no = False
        self.refused: set[str] = set()  # by the site
        seen.page.route("**/live-sessions/several", self.open)
        seen.page.route("**/live-sessions/ses_*", self.view)
        seen.page.route("**/whep/*", lambda route: None)

    def open(self, route: Route) -> None:
        answers: list[dict[str, object]] = []
        for wish in route.request.post_data_json["views"]:
            self.asked.append(wish)
            name = f"ses_{len(self.asked)}"
            is_loud = wish["sound"]
            view = {
                "session_id": name,
                "whep_url": f"/whep/{name}",
                "ticket": "t",
                "horizon_at": VIEW["horizon_at"],
                "mark": "ABCDEFG0",
                "has_sound": is_loud,
                "may_ask_sound": not is_loud and wish["camera_id"] == self.asked[0]["camera_id"],
            }
            answers.append(NO if is_loud and self.says_no else {"status": 201, "view": view, "call": None})
        route.fulfill(json=answers)

    def view(self, route: Route) -> None:
        name = route.request.url.rpartition("/")[2]
        if route.request.method == "DELETE":
            self.left.append(name)
        if name in self.refused and route.request.method == "GET":
            route.fulfill(json={**VIEW, "state": "refused", "words": "The picture cannot start"})
        else:
            tell_running(route, [])


def heard_pictures(seen: Watched, url: str) -> Doors:
    """Two pictures that run, one of which may be heard; the focus is on the first."""
    doors = Doors(seen)
    seen.page.goto(url)
    seen.until("document.querySelectorAll('.watermark[data-says]').length === 2")
    seen.page.evaluate(LIVE)
    seen.page.locator(".tile").first.focus()
    return doors


@pytest.mark.parametrize(("width", "dark"), [(1600, False), (390, False), (1600, True)])
def test_sound_is_switched_by_key_and_each_time_asked_for(
    chromium, room, width: int, dark: bool, tmp_path: Path
) -> None:
    """Silent at first; a no leaves the picture as it is; a yes takes its place; off asks for a silent one again."""
    with watched(chromium, width=width, height=900, dark=dark) as seen:
        page, doors = seen.page, heard_pictures(seen, room.open())
        assert [wish["sound"] for wish in doors.asked] == [False, False]
        assert page.locator(".sound:visible").count() == 1  # the other camera has none to give
        assert page.evaluate("document.querySelector('lens-player').video.muted")

        doors.says_no = True
        page.keyboard.press("a")
        seen.until("document.querySelectorAll('.sound[aria-disabled]').length === 0")
        assert (doors.asked[-1]["sound"], doors.left) == (True, [])
        expect(page.locator("#notice").get_by_text("Front door: ")).to_be_visible()
        assert page.locator(".sound").first.get_attribute("aria-pressed") == "false"
        assert page.evaluate("document.querySelector('lens-player').video.muted")

        doors.says_no = False
        page.keyboard.press("a")
        seen.until("document.querySelector('.sound[aria-pressed=true]')")
        page.evaluate(LIVE)
        assert (doors.asked[-1]["sound"], doors.left) == (True, ["ses_1"])
        assert not page.evaluate("document.querySelector('lens-player').video.muted")
        page.screenshot(path=str(tmp_path / "sound.png"))
        assert seen.violations() == []
        assert seen.axe() == []

        page.locator(".sound").first.press("Enter")
        seen.until("document.querySelector('.sound').ariaPressed === 'false'")
        until_true(seen, lambda: doors.left == ["ses_1", "ses_4"])
        assert doors.asked[-1]["sound"] is False
        assert page.evaluate("document.querySelector('lens-player').video.muted")


def test_a_picture_comes_back_without_sound_when_its_site_says_no_to_it(chromium, room) -> None:
    """The centre said yes, so the silent view is gone by then: another silent one is asked for, and it is told."""
    with watched(chromium, width=1600, height=900) as seen:
        page, doors = seen.page, heard_pictures(seen, room.open())
        doors.refused = {"ses_3"}

        page.keyboard.press("a")

        seen.until("document.querySelectorAll('.sound[aria-disabled]').length === 0")
        expect(page.locator("#notice").get_by_text("Front door: Sound cannot be had now. Try again.")).to_be_visible()
        page.evaluate(LIVE)
        assert [wish["sound"] for wish in doors.asked[2:]] == [True, False]
        assert page.locator(".sound").first.get_attribute("aria-pressed") == "false"
        assert page.evaluate("document.querySelector('lens-player').video.muted")
        assert page.evaluate("document.querySelector('lens-player').state") == "connecting"
