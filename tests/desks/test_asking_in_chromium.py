"""Asking an owner for the recording, or for a still, on the tile of a picture that runs, in a real browser."""

from functools import partial
from typing import Any

import pytest
from playwright.sync_api import Route

from tests.desks.test_still_in_chromium import LIVE, STILL
from tests.support.browser import Watched, watched
from tests.support.console_room import SUPERVISOR, open_all, room, tell_running

__all__ = ["room"]
pytestmark = pytest.mark.slow
ASKED = {
    "ask_id": "vwr_1",
    "until": "2026-11-28T23:15:00Z",
    "range_from": "2026-11-28T22:50:00Z",
    "range_to": "2026-11-28T23:00:00Z",
}
NOT_YET = {"range_from": None, "range_to": None, "is_once": False, "may_ask": True}
ANSWERED = """async (camera) => {
  const console = document.querySelector('script[src*="/console"]').src;
  (await import(console.replace(/console([^/]*)$/, 'ask-owner$1'))).hearOfAsk(camera);
}"""


class Owner:
    """What the gateway says of an owner, and what it was asked."""

    def __init__(self, seen: Watched) -> None:
        self.recorded: dict[str, Any] = dict(NOT_YET)
        self.still: dict[str, Any] = {"is_offered": False, "may_ask": True}
        self.asked: list[dict[str, str]] = []
        page = seen.page
        posts: list[int] = []
        page.route("**/live-sessions/several", lambda route: open_all(route, posts))
        page.route("**/live-sessions/ses_*", lambda route: tell_running(route, []))
        page.route("**/whep/*", lambda route: None)
        page.route("**/api/v1/recorded-views?*", lambda route: route.fulfill(json=self.recorded))
        page.route("**/api/v1/recorded-views/asks", self._ask)
        page.route("**/api/v1/stills?*", lambda route: route.fulfill(json=self.still))
        page.route("**/api/v1/stills/asks", self._ask)
        page.route("**/api/v1/stills", lambda route: route.fulfill(status=201, json=STILL))

    def _ask(self, route: Route) -> None:
        self.asked.append(route.request.post_data_json)
        route.fulfill(status=201, json=ASKED if "at" in self.asked[-1] else ASKED | {"range_from": None})


@pytest.mark.parametrize(("width", "dark"), [(1600, False), (390, False), (1600, True)])
def test_the_owner_is_asked_for_the_recording_and_the_tile_tells_what_was_asked(chromium, room, width, dark, tmp_path):
    """By the key that looks back where that is given: it says what a yes gives, asks once it is pressed, and waits."""
    with watched(chromium, width=width, height=900, dark=dark) as seen:
        owner, page = beside_two_pictures(seen, room, offered=".ask-recorded")
        assert page.locator(".back-30:visible").count() == 0
        page.keyboard.press("n")
        page.keyboard.press("ArrowLeft")
        card = page.locator(".ask-owner")
        assert "ten minutes at most, once" in card.inner_text()
        assert owner.asked == []
        page.screenshot(path=str(tmp_path / "may-ask.png"))
        assert seen.axe() == []

        page.keyboard.press("Enter")
        seen.until("document.querySelector('.ask-owner time[data-part=to]').textContent !== ''")
        assert "The owner may answer until" in card.inner_text()
        assert [one["incident_id"] != "" for one in owner.asked] == [True]
        page.screenshot(path=str(tmp_path / "asked.png"))
        assert seen.violations() == []
        assert seen.axe() == []

        owner.recorded = {"range_from": ASKED["range_from"], "range_to": ASKED["range_to"], "is_once": True}
        page.evaluate(ANSWERED, owner.asked[0]["camera_id"])
        seen.until("document.querySelector('.ask-owner .open:not([hidden])')")
        assert "The owner said yes" in card.inner_text()
        assert page.locator(".back-30:visible").count() == 1
        page.screenshot(path=str(tmp_path / "given.png"))
        assert seen.axe() == []


def beside_two_pictures(seen, room, *, offered):
    """The owner who is asked, and the console with two live pictures, each of which offers to ask."""
    owner, page = Owner(seen), seen.page
    page.goto(room.open())
    seen.until("document.querySelectorAll('.watermark[data-says]').length === 2")
    page.evaluate(LIVE)
    seen.until(f"document.querySelectorAll('{offered}:not([hidden])').length === 2")
    return owner, page


def test_a_no_and_silence_take_the_way_away(chromium, room):
    """The button goes, in the words of every other no."""
    with watched(chromium, width=1600, height=900) as seen:
        owner, page = beside_two_pictures(seen, room, offered=".ask-recorded")
        page.keyboard.press("n")
        page.keyboard.press("ArrowLeft")
        page.keyboard.press("Enter")
        seen.until("document.querySelector('.ask-owner time[data-part=to]')?.textContent !== ''")
        owner.recorded = dict(NOT_YET) | {"may_ask": False}
        page.evaluate(ANSWERED, owner.asked[0]["camera_id"])

        seen.until("document.querySelectorAll('.ask-owner').length === 0")
        assert page.locator(".ask-recorded:visible").count() == 1  # of the other camera
        assert page.locator(".back-30:visible").count() == 0


def test_a_still_that_the_owner_gives_is_taken_once(chromium, room):
    """Asked by its key; after the yes the tile opens it, and with it the yes is used up."""
    with watched(chromium, width=1600, height=900) as seen:
        owner, page = beside_two_pictures(seen, room, offered=".ask-still")
        page.keyboard.press("n")
        page.keyboard.press("s")
        assert "one picture of the moment you take it" in page.locator(".ask-owner").inner_text()
        page.keyboard.press("Enter")
        seen.until("document.querySelector('.ask-owner [data-part=asked]:not([hidden])')")
        owner.still = {"is_offered": True, "is_once": True, "may_ask": False}
        page.evaluate(ANSWERED, owner.asked[0]["camera_id"])
        seen.until("document.querySelector('.ask-owner .open:not([hidden])')")
        owner.still = {"is_offered": False, "may_ask": False}
        page.locator(".ask-owner .open").press("Enter")

        seen.until("document.querySelector('.still-saved a')")
        seen.until("document.querySelectorAll('.tile .still:not([hidden])').length === 0")
        assert "at" not in owner.asked[0]


def test_a_second_person_is_asked_and_their_answer_opens_or_closes_the_way(chromium, room):
    """Where two may look; the range that was asked for; a no is told, and a yes opens it with that word."""
    with watched(chromium, width=1600, height=900) as seen:
        owner, page = Owner(seen), seen.page
        states, opened = [True, False], []
        owner.recorded = dict(NOT_YET) | {"may_ask": False, "may_second": True}
        said = ASKED | {"confirmation_id": "emg_1", "state": "asked", "is_over": False}
        page.route("**/console/look-back", lambda route: route.fulfill(status=201, json=said))
        page.route(
            "**/console/confirm/emg_1/state", lambda route: route.fulfill(json=said | {"is_over": states.pop(0)})
        )

        def open_it(route: Route) -> None:
            opened.append(route.request.post_data_json)
            route.fulfill(status=403, json={"detail": "Not available for this purpose."})

        page.goto(room.open())
        seen.until("document.querySelectorAll('.watermark[data-says]').length === 2")
        page.evaluate(LIVE)
        seen.until("document.querySelectorAll('.ask-recorded:not([hidden])').length === 2")
        page.keyboard.press("n")
        camera = page.evaluate("document.querySelector('#cameras [data-camera]').dataset.camera")
        for is_yes in (False, True):
            page.keyboard.press("ArrowLeft")
            assert "if a second person confirms" in page.locator(".ask-owner").inner_text()
            assert not page.locator(".ask-owner .ask").is_visible()
            page.keyboard.press("Enter")
            seen.until("document.querySelector('.ask-owner [data-part=of-second]:not([hidden])')")
            assert seen.axe() == []
            if is_yes:
                owner.recorded = {"range_from": ASKED["range_from"], "range_to": ASKED["range_to"], "is_once": True}
            page.evaluate(ANSWERED, camera)
            if not is_yes:
                seen.until("document.querySelectorAll('.ask-owner').length === 0")
                page.locator(".tile").first.focus()
        seen.until("document.querySelector('.ask-owner .open:not([hidden])')")
        page.route("**/api/v1/recorded-views", open_it)
        page.locator(".ask-owner .open").press("Enter")
        seen.until("document.querySelector('lens-recorded[data-state=ended]')")
        assert [one["confirmation_id"] for one in opened] == ["emg_1"]


def test_a_second_person_confirms_a_look_back_on_a_phone(chromium, room, tmp_path):
    """They read which minutes; their yes arrives on the tile of who asked, by itself."""
    with watched(chromium, width=1600, height=900) as seen:
        owner, page = Owner(seen), seen.page
        owner.recorded = dict(NOT_YET) | {"may_ask": False, "may_second": True}
        page.goto(room.open())
        seen.until("document.querySelectorAll('.watermark[data-says]').length === 2")
        page.evaluate(LIVE)
        seen.until("document.querySelectorAll('.ask-recorded:not([hidden])').length === 2")
        page.keyboard.press("n")
        page.keyboard.press("ArrowLeft")
        page.keyboard.press("Enter")
        seen.until("document.querySelector('.ask-owner [data-part=of-second]:not([hidden])')")
        ((name, asked),) = room.seconds.asked.items()
        assert (asked.act, asked.t1 is not None) == ("recorded.view", True)
        page.screenshot(path=str(tmp_path / "waiting.png"))

        room.caller.principal = SUPERVISOR
        with watched(chromium, dark=True, width=390, height=844) as phone:
            phone.page.goto(f"{room.origin}/console/confirm/{name}")
            text = phone.page.inner_text("main")
            assert all(words in text for words in ("one look at a part of the recording", "From", "Until", "Sam Ortiz"))
            phone.page.screenshot(path=str(tmp_path / "confirm.png"))
            assert phone.axe() == []
            owner.recorded = {"range_from": ASKED["range_from"], "range_to": ASKED["range_to"], "is_once": True}
            phone.page.get_by_role("button", name="Confirm").click()
            phone.page.get_by_text("can open it once, within two minutes").wait_for()
        seen.until("document.querySelector('.ask-owner [data-part=confirmed]:not([hidden])')")
        page.screenshot(path=str(tmp_path / "confirmed.png"))
        assert seen.axe() == []


def test_a_second_person_confirms_a_still(chromium, room):
    """Asked by its key at the real console; their yes arrives on the tile, and the still is taken with that word."""
    with watched(chromium, width=1600, height=900) as seen:
        owner, page = Owner(seen), seen.page
        owner.still = {"is_offered": False, "may_ask": False, "may_second": True}
        taken: list[dict[str, str]] = []

        def take(route: Route) -> None:
            taken.append(route.request.post_data_json)
            route.fulfill(status=201, json=STILL)

        page.route("**/api/v1/stills", take)
        page.goto(room.open())
        seen.until("document.querySelectorAll('.watermark[data-says]').length === 2")
        page.evaluate(LIVE)
        seen.until("document.querySelectorAll('.ask-still:not([hidden])').length === 2")
        page.keyboard.press("n")
        page.keyboard.press("s")
        assert "A still is available if a second person confirms" in page.locator(".ask-owner").inner_text()
        page.keyboard.press("Enter")
        seen.until("document.querySelector('.ask-owner [data-part=of-second]:not([hidden])')")
        ((name, asked),) = room.seconds.asked.items()
        assert asked.act == "still.take"
        owner.still = {"is_offered": True, "is_once": True, "may_ask": False}
        room.portal.call(partial(room.seconds.answer, is_yes=True), SUPERVISOR, name)
        seen.until("document.querySelector('.ask-owner .open:not([hidden])')")
        page.locator(".ask-owner .open").press("Enter")

        seen.until("document.querySelector('.still-saved a')")
        assert [one["confirmation_id"] for one in taken] == [name]
