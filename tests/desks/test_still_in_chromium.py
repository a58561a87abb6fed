"""The key and the button that take a still, in a real browser."""

import pytest
from playwright.sync_api import Route, expect

from tests.support.browser import Watched, watched
from tests.support.console_room import open_all, room, tell_running

__all__ = ["room"]
pytestmark = pytest.mark.slow
STILL = {"still_id": "ses_1", "picture": "/console/stills/ses_1.jpg", "expires_at": "2026-12-01T18:02:00Z"}
LIVE = """() => document.querySelectorAll('.tile lens-player').forEach((one) => one.dispatchEvent(
  new CustomEvent('lens-state', { bubbles: true, detail: { state: 'live', words: 'Live' } })))"""


ONE_OF_THEM_ASKED = """async () => {
  const console = document.querySelector('script[src*="/console"]').src;
  (await import(console.replace(/console([^/]*)$/, 'wall$1'))).tiles[0].isOnce = true;
}"""


def _start(
    seen: Watched, url: str, answers: list[tuple[int, dict[str, str]]], *, is_offered: bool = True
) -> list[dict[str, str]]:
    asked: list[dict[str, str]] = []

    def still(route: Route) -> None:
        asked.append(route.request.post_data_json)
        status, body = answers.pop(0)
        route.fulfill(status=status, json=body)

    posts: list[int] = []
    seen.page.route("**/live-sessions/several", lambda route: open_all(route, posts))
    seen.page.route("**/live-sessions/ses_*", lambda route: tell_running(route, []))
    seen.page.route("**/whep/*", lambda route: None)
    seen.page.route("**/api/v1/stills", still)
    seen.page.route("**/api/v1/stills?*", lambda route: route.fulfill(json={"is_offered": is_offered}))
    seen.page.goto(url)
    seen.until("document.querySelectorAll('.watermark[data-says]').length === 2")
    return asked


@pytest.mark.parametrize(("width", "dark"), [(1600, False), (390, False), (1600, True)])
def test_a_still_is_taken_by_key_and_told_on_its_tile(chromium, room, width, dark, tmp_path):
    """Nothing before there is a picture; a no in the usual words; then until when it is there, opened and closed."""
    no = (403, {"detail": "Not available for this purpose."})
    with watched(chromium, width=width, height=900, dark=dark) as seen:
        asked = _start(seen, room.open(), [no, (201, STILL)])
        page = seen.page
        page.keyboard.press("n")
        page.keyboard.press("s")
        assert asked == []

        page.evaluate(LIVE)
        seen.until("document.querySelectorAll('.still:not([hidden])').length === 2")
        page.keyboard.press("s")
        seen.until("document.querySelectorAll('.still[aria-disabled]').length === 0")
        assert page.locator(".still-saved").count() == 0
        page.keyboard.press("s")
        seen.until("document.querySelector('.still-saved a')")
        assert "Still saved, expires Tuesday" in page.inner_text(".still-saved")
        assert [link.get_attribute("href") for link in page.locator(".still-saved a").all()] == [STILL["picture"]] * 2
        assert {one["incident_id"] for one in asked} != {""}
        page.screenshot(path=str(tmp_path / "still.png"))
        assert seen.violations() == []
        assert seen.axe() == []
        page.locator(".still-saved button").press("Enter")
        seen.until("document.activeElement.matches('.tile')")


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        ((403, {"detail": "Not available for this purpose."}), "Not available for this purpose."),
        ((502, {}), "No still could be taken. Try again."),
    ],
)
def test_a_still_that_was_not_taken_is_told_where_it_is_seen(chromium, room, answer, said):
    """Over the picture too, where it fills the screen; the picture runs on."""
    with watched(chromium, width=1600, height=900) as seen:
        page = seen.page
        _start(seen, room.open(), [answer])
        page.evaluate(LIVE)
        seen.until("document.querySelectorAll('.still:not([hidden])').length === 2")
        page.keyboard.press("n")
        page.keyboard.press("f")
        seen.until("document.fullscreenElement !== null")
        page.keyboard.press("s")
        expect(page.locator("#notice").get_by_text(f"Front door: {said}")).to_be_visible()
        page.locator("#notice").get_by_role("button", name="Close").click(timeout=3_000)
        expect(page.locator("#notice")).to_be_hidden()
        assert page.evaluate("document.fullscreenElement !== null")


def test_a_picture_that_falls_behind_keeps_its_buttons(chromium, room):
    """Before it was live there are none; catching up afterwards it is still one of now; stopped it is not."""
    with watched(chromium, width=1600, height=900) as seen:
        _start(seen, room.open(), [])
        behind = LIVE.replace("state: 'live'", "state: 'catching-up'")
        seen.page.evaluate(behind)
        assert seen.page.locator(".still:visible").count() == 0
        seen.page.evaluate(LIVE)
        seen.until("document.querySelectorAll('.still:not([hidden])').length === 2")
        seen.page.evaluate(behind)
        seen.page.wait_for_timeout(100)
        assert seen.page.locator(".still:visible").count() == 2
        seen.page.evaluate(LIVE.replace("state: 'live'", "state: 'stalled'"))
        seen.until("document.querySelectorAll('.still[hidden]').length === 2")


def test_where_a_still_would_be_refused_there_is_no_button(chromium, room):
    """The page has asked before; the key does nothing then."""
    with watched(chromium, width=1600, height=900) as seen:
        asked = _start(seen, room.open(), [], is_offered=False)
        with seen.page.expect_response("**/api/v1/stills?*"):
            seen.page.evaluate(LIVE)
        seen.page.keyboard.press("n")
        seen.page.keyboard.press("s")
        seen.until("document.querySelectorAll('.still[hidden]').length === 2")
        assert asked == []


@pytest.mark.parametrize(("is_given", "is_said"), [(False, True), (True, False)])
def test_a_yes_to_one_picture_says_what_it_is_not_to(chromium, room, is_given, is_said, tmp_path):
    """Where neither still nor recording comes with it, the tile says what to do; where they do, it does not."""
    span = "2026-11-28T12:00:00Z" if is_given else None
    with watched(chromium, width=1600, height=900) as seen:
        seen.page.route("**/api/v1/recorded-views?*", lambda route: route.fulfill(json={"range_from": span}))
        url = room.open()
        _start(seen, url, [], is_offered=is_given)
        seen.page.evaluate(ONE_OF_THEM_ASKED)
        with seen.page.expect_response("**/api/v1/recorded-views?*"):
            seen.page.evaluate(LIVE)
        notes = seen.page.locator(".tile .only-live")
        if is_said:
            seen.until("document.querySelectorAll('.only-live:not([hidden])').length === 1")
            assert "ask for a recording" in notes.first.inner_text()
        assert [note.is_visible() for note in notes.all()] == [is_said, False]
        seen.page.screenshot(path=str(tmp_path / "only-live.png"))
        assert seen.axe() == []


@pytest.mark.parametrize(("width", "dark"), [(1600, False), (390, False), (1600, True)])
def test_a_question_mark_lists_all_keys(chromium, room, width, dark, tmp_path):
    """By key and by button, closed by Escape without leaving; in a field it is a letter."""
    with watched(chromium, width=width, height=900, dark=dark) as seen:
        url = room.open()
        _start(seen, url, [])
        page, dialog = seen.page, seen.page.locator("#keys-dialog")
        page.locator("#behalf").focus()
        page.keyboard.press("?")
        assert not dialog.is_visible()
        page.locator(".tile").first.focus()
        page.keyboard.press("?")
        assert dialog.is_visible()
        assert {"Cameras", "Pictures", "Recordings"} <= set(dialog.locator("h3").all_inner_texts())
        assert "picture before, picture after" in dialog.inner_text()
        page.screenshot(path=str(tmp_path / "keys.png"))
        assert seen.violations() == []
        assert seen.axe() == []
        page.keyboard.press("Escape")
        assert not dialog.is_visible()
        assert page.url == url
        page.locator("#keys-open").press("Enter")
        assert dialog.is_visible()
        dialog.get_by_role("button").press("Enter")
        assert not dialog.is_visible()
