"""The console behind another tab or window: what nobody sees is not shown, and starts again when somebody looks."""

import pytest

from tests.desks.test_recording_in_chromium import Recording
from tests.desks.test_sound_in_chromium import heard_pictures
from tests.desks.test_still_in_chromium import LIVE
from tests.support.browser import Watched, watched
from tests.support.console_room import room, two_pictures, until_true

__all__ = ["room"]
pytestmark = [pytest.mark.browser, pytest.mark.slow]
STOPPED = "Stopped while out of sight"
_HIDES = """
let isHidden = false;
Object.defineProperty(Document.prototype, "hidden", { get: () => isHidden });
window.hide = (now) => { isHidden = now; document.dispatchEvent(new Event("visibilitychange")); };
const later = window.setTimeout.bind(window);
window.setTimeout = (act, ms, ...rest) => later(act, ms >= 30_000 ? ms / 100 : ms, ...rest);
"""


def _hide(seen: Watched, *, now: bool = True) -> None:
    seen.page.evaluate("(now) => hide(now)", now)


def test_pictures_behind_another_tab_are_closed_after_half_a_minute_and_asked_for_again(chromium, room):
    """Here three tenths of a second; who comes back before finds them as they were."""
    with watched(chromium, width=1600, height=900) as seen:
        seen.page.add_init_script(_HIDES)
        methods = two_pictures(seen, room.open())
        seen.page.evaluate("(hide(true), hide(false))")
        seen.page.wait_for_timeout(600)
        assert "DELETE" not in methods

        _hide(seen)
        until_true(seen, lambda: methods.count("DELETE") == 2)
        assert seen.page.inner_text("#wall").count(STOPPED) == 2

        with seen.page.expect_request("**/live-sessions/several"):
            _hide(seen, now=False)
        until_true(seen, lambda: STOPPED not in seen.page.inner_text("#wall"))


def test_a_page_that_was_opened_behind_another_one_shows_nothing_for_long(chromium, room):
    """Its pictures start, for it may be looked at in a moment, and are closed if it is not."""
    with watched(chromium, width=1600, height=900) as seen:
        seen.page.add_init_script(_HIDES.replace("isHidden = false", "isHidden = true"))
        methods = two_pictures(seen, room.open())
        until_true(seen, lambda: methods.count("DELETE") == 2)


def test_a_picture_that_is_heard_goes_on_behind_another_tab(chromium, room):
    """Somebody listens while they write."""
    with watched(chromium, width=1600, height=900) as seen:
        page = seen.page
        page.add_init_script(_HIDES)
        heard_pictures(seen, room.open())
        page.keyboard.press("a")
        seen.until("document.querySelectorAll('.sound[aria-disabled]').length === 0")
        page.evaluate(LIVE)

        _hide(seen)
        until_true(seen, lambda: STOPPED in page.inner_text("#wall"))
        page.wait_for_timeout(600)

        assert page.inner_text("#wall").count(STOPPED) == page.locator(".tile").count() - 1


def test_a_recording_behind_another_tab_stands_still(chromium, room):
    """It goes on where it was."""
    with watched(chromium, width=1600, height=900) as seen:
        seen.page.add_init_script(_HIDES)
        recording = Recording(seen, mark="")
        recording.ask_back(room.open())
        seen.until("document.querySelector('lens-recorded')?.dataset.state === 'playing'")

        _hide(seen)

        until_true(seen, lambda: {"is_paused": True} in recording.orders)
