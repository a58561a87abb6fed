"""The console where something gets lost on the way: the focus, the session, news, an answer, a picture's viewer."""

import pytest
from playwright.sync_api import Page, Route

from gateway.live import topic_of_viewer
from tests.desks.test_phone_dialog import Links
from tests.desks.test_recording_in_chromium import Recording
from tests.desks.test_sound_in_chromium import heard_pictures
from tests.desks.test_still_in_chromium import LIVE, ONE_OF_THEM_ASKED
from tests.support.browser import watched
from tests.support.console_room import (
    OPERATOR,
    camera_id_of,
    line_of,
    open_all,
    room,
    tell_end,
    tell_running,
    two_pictures,
    until_true,
)

__all__ = ["room"]
pytestmark = [pytest.mark.browser, pytest.mark.slow]
SIGN_IN = {
    "status": 401,
    "content_type": "application/problem+json",
    "body": '{"status": 401, "detail": "Sign in to go on."}',
}
KEY_OF_FOCUS = "document.activeElement.closest('.tile')?.querySelector('.key').textContent ?? ''"


def said_of(page: Page) -> list[str]:
    """What stands on the tiles."""
    return page.locator("lens-player .player-state").all_inner_texts()


def test_the_focus_of_a_picture_that_is_closed_goes_to_the_one_in_its_place(chromium, room):
    """So the next key is about what is next to it; and a key that is held closes one."""
    with watched(chromium, width=1600, height=900) as seen:
        page = seen.page
        two_pictures(seen, room.open())
        page.keyboard.press("n")
        page.keyboard.press("n")
        assert page.evaluate(KEY_OF_FOCUS) == "2"

        page.keyboard.down("x")
        page.keyboard.down("x")  # the same again, as a keyboard repeats it
        page.keyboard.up("x")

        assert page.locator(".tile").count() == 1
        assert page.evaluate(KEY_OF_FOCUS) == "1"


def test_a_button_that_goes_leaves_the_focus_on_its_tile(chromium, room):
    """Sound is no button while a picture stands still; the next key is about this tile all the same."""
    with watched(chromium, width=1600, height=900) as seen:
        page = seen.page
        heard_pictures(seen, room.open())
        page.locator(".sound:visible").first.focus()

        page.evaluate(LIVE.replace("live", "stalled"))
        page.wait_for_timeout(200)  # a browser lets go of what is hidden when it draws next

        assert page.locator(".sound:visible").count() == 0
        assert page.evaluate(KEY_OF_FOCUS) == "1"


def test_the_list_of_links_leaves_the_focus_alone_and_keys_to_the_dialog(chromium, room):
    """It is read again every two seconds; behind the dialog no key does anything, wherever the focus went."""
    url = room.open()
    with watched(chromium, width=1600, height=900) as seen:
        page, links = seen.page, Links(seen)
        links.list_one(url.rpartition("/")[2])
        two_pictures(seen, url)
        page.evaluate(LIVE)
        page.keyboard.press("m")
        seen.until("document.querySelectorAll('#phone-dialog [data-link]').length === 1")
        with page.expect_response("**/api/v1/phone-links"):
            page.locator("#phone-dialog [data-link] button").focus()
        page.wait_for_timeout(100)
        assert page.evaluate("document.activeElement.closest('[data-link]') !== null")

        page.evaluate("document.activeElement.blur()")
        page.keyboard.press("x")
        assert page.locator(".tile").count() == 2
        page.keyboard.press("Escape")
        seen.until("!document.getElementById('phone-dialog').open")
        assert page.url == url


def test_who_is_signed_out_is_told_so_and_not_that_an_owner_said_no(chromium, room):
    """By a question for new pictures, and by news of one that ran."""
    with watched(chromium, width=1600, height=900) as seen:
        page = seen.page
        two_pictures(seen, room.open())
        page.unroute("**/live-sessions/ses_*")
        page.unroute("**/live-sessions/several")
        page.route("**/live-sessions/ses_*", lambda route: route.fulfill(**SIGN_IN))
        page.route("**/live-sessions/several", lambda route: route.fulfill(**SIGN_IN))

        room.portal.call(room.w.bus.publish, topic_of_viewer(OPERATOR.person_id), "ses_0")
        until_true(seen, lambda: "Sign in to go on" in said_of(page))
        page.keyboard.press("n")
        page.keyboard.press("x")
        page.keyboard.press("x")
        line_of(seen, "Yard").locator(".watch").click()

        until_true(seen, lambda: said_of(page) == ["Sign in to go on"])


@pytest.mark.parametrize("hears_it", [True, False], ids=["heard", "not heard"])
def test_a_yes_that_came_without_a_network_starts_its_picture(chromium, room, hears_it: bool):
    """News are said once: what they are about is read when it can be, and so is all that was said to nobody."""
    room.listing.answers["Front door"] = ("available_if", "ask")
    with watched(chromium, width=1600, height=900) as seen:
        page = seen.page
        if not hears_it:
            page.route("**/console/events*", lambda route: route.abort())
        page.goto(room.open())
        line_of(seen, "Front door").get_by_role("button", name="Ask the owner Front door").click()
        seen.until("document.getElementById('said').textContent.includes('The owner is asked')")
        camera, tiles = camera_id_of(seen, "Front door"), page.locator("article.tile").count()

        page.context.set_offline(True)
        page.wait_for_timeout(300)
        room.portal.call(room.asks.answer, OPERATOR, camera, "granted")
        page.wait_for_timeout(2_000)
        page.context.set_offline(False)
        page.unroute("**/console/events*")

        until_true(seen, lambda: page.locator("article.tile").count() == tiles + 1)


def test_a_picture_that_is_asked_for_out_of_sight_is_closed_once_it_is_there(chromium, room):
    """The question may take longer than the page waits before it closes what nobody sees."""
    held: list[Route] = []
    methods: list[str] = []
    with watched(chromium, width=390, height=700) as seen:
        page = seen.page
        page.route("**/live-sessions/several", lambda route: held.append(route))  # noqa: PLW0108 -- no builtin can be bound
        page.route("**/live-sessions/ses_*", lambda route: tell_running(route, methods))
        page.route("**/whep/*", lambda route: None)
        page.goto(room.open())
        until_true(seen, lambda: held)
        page.evaluate("scrollTo(0, document.body.scrollHeight)")
        page.wait_for_timeout(3_500)

        open_all(held[0], [])

        until_true(seen, lambda: "DELETE" in methods)


def test_a_recording_that_is_closed_while_it_opens_is_left_at_the_gateway(chromium, room):
    """Else it would count among what its owner gives until the gateway misses its viewer."""
    held: list[Route] = []
    left: list[str] = []
    with watched(chromium, width=1600, height=900) as seen:
        page, recording = seen.page, Recording(seen, mark="")
        page.unroute("**/api/v1/recorded-views")
        page.route("**/api/v1/recorded-views", lambda route: held.append(route))  # noqa: PLW0108 -- as above
        page.route("**/live-sessions/rec_1", lambda route: tell_running(route, left))
        recording.ask_back(room.open())
        until_true(seen, lambda: held)
        page.keyboard.press("l")

        recording.open(held[0])

        until_true(seen, lambda: left == ["DELETE"])


def test_sound_that_could_not_be_ended_is_off_all_the_same_and_comes_back_by_its_key(chromium, room):
    """The view with sound is there still, and its owner's limit is full: nothing is asked to hear it again."""
    with watched(chromium, width=1600, height=900) as seen:
        page, doors = seen.page, heard_pictures(seen, room.open())
        page.keyboard.press("a")
        seen.until("document.querySelectorAll('.sound[aria-disabled]').length === 0")
        page.evaluate(LIVE)
        muted, pressed = "document.querySelector('lens-player').video.muted", page.locator(".sound").first
        assert (page.evaluate(muted), pressed.get_attribute("aria-pressed")) == (False, "true")

        page.route("**/live-sessions/several", lambda route: route.abort())
        page.keyboard.press("a")
        seen.until("document.querySelectorAll('.sound[aria-disabled]').length === 0")
        assert (page.evaluate(muted), pressed.get_attribute("aria-pressed")) == (True, "false")

        asked = len(doors.asked)
        page.keyboard.press("a")
        assert (page.evaluate(muted), pressed.get_attribute("aria-pressed")) == (False, "true")
        assert len(doors.asked) == asked


@pytest.mark.parametrize("how", ["closed", "out of sight"])
def test_how_long_a_picture_was_seen_is_told_before_its_view_ends(chromium, room, how: str):
    """The entry of the end names it."""
    with watched(chromium, width=390, height=700) as seen:
        page = seen.page
        two_pictures(seen, room.open())
        said: list[str] = []
        page.on("request", lambda request: said.append(f"{request.method} {request.url.partition('ses_0')[2]}"))
        page.locator(".tile").first.scroll_into_view_if_needed()
        page.evaluate(_SEEN)

        if how == "closed":
            page.locator(".tile .close").first.click()
        else:
            page.evaluate("scrollTo(0, document.body.scrollHeight)")

        until_true(seen, lambda: "DELETE " in said)
        assert said.index("POST /seen") < said.index("DELETE ")


def test_what_could_not_start_is_tried_again_in_its_place(chromium, room):
    """Once, by who pressed; the focus stays on the tile. What the rules ended has no such button."""
    answers = [
        {"status": 503, "detail": "Live pictures are starting again. Try in a few seconds."},
        {"status": 403, "detail": "Not available for this purpose."},
    ]
    with watched(chromium, width=390, height=800, dark=True) as seen:
        page = seen.page
        two_pictures(seen, room.open())
        page.unroute("**/live-sessions/several")
        page.route("**/live-sessions/several", lambda route: route.fulfill(json=[answers.pop(0)]))
        for _ in range(2):
            page.locator(".tile .close").first.click()
        line_of(seen, "Yard").locator(".watch").click()
        again = page.get_by_role("button", name="Try again Yard")
        again.wait_for()
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
        assert seen.axe() == []

        posts: list[int] = []
        page.route("**/live-sessions/several", lambda route: open_all(route, posts), times=1)
        with page.expect_request("**/live-sessions/several") as asked:
            again.evaluate("button => (button.click(), button.click())")
        assert [each["opened_by"] for each in asked.value.post_data_json["views"]] == ["person"]

        seen.until("document.querySelectorAll('.watermark[data-says]').length === 1")
        assert (page.locator(".tile").count(), posts) == (1, [1])
        assert page.evaluate(KEY_OF_FOCUS) == "1"
        again.wait_for(state="hidden")

        page.locator(".tile .close").click()
        line_of(seen, "Yard").locator(".watch").click()
        until_true(seen, lambda: said_of(page) == ["Not available for this purpose"])
        assert not again.is_visible()


@pytest.mark.parametrize(
    ("words", "is_once", "is_offered"),
    [
        ("The camera is offline", False, True),
        ("The connection to the camera was lost", False, True),
        ("The camera is offline", True, False),
        ("Stopped by a supervisor", False, False),
    ],
)
def test_what_may_come_back_can_be_tried_again(chromium, room, words: str, *, is_once: bool, is_offered: bool):
    """Without the sound it had; what was given once is used up, and what a person ended is over."""
    sound: list[bool] = []
    with watched(chromium, width=1600, height=900) as seen:
        page = seen.page
        two_pictures(seen, room.open())
        page.route("**/live-sessions/several", lambda route: note_sound(route, sound))
        if is_once:
            page.evaluate(ONE_OF_THEM_ASKED)
        page.route("**/live-sessions/ses_0", lambda route: tell_end(route, [], words))
        room.portal.call(room.w.bus.publish, topic_of_viewer(OPERATOR.person_id), "ses_0")

        until_true(seen, lambda: words in said_of(page))
        again = page.locator(".tile", has_text=words).locator(".again")
        assert again.is_visible() == is_offered
        if is_offered:
            page.evaluate(ONE_OF_THEM_ASKED.replace("isOnce", "hasSound"))
            again.click()
            until_true(seen, lambda: sound == [False])


def note_sound(route: Route, sound: list[bool]) -> None:
    """Notes for each picture that is asked for whether with sound; nobody answers."""
    sound += [each["sound"] for each in route.request.post_data_json["views"]]


def test_a_page_that_comes_back_from_the_browsers_memory_says_that_its_pictures_are_gone(chromium, room):
    """Each can be tried again; none says that it is live."""
    with watched(chromium, width=1600, height=900) as seen:
        page = seen.page
        two_pictures(seen, room.open())
        page.evaluate(LIVE)

        for kind in ("pagehide", "pageshow"):
            page.evaluate("kind => dispatchEvent(new PageTransitionEvent(kind, { persisted: true }))", kind)

        assert set(said_of(page)) == {"The connection to the camera was lost"}
        assert page.locator(".tile .again:visible").count() == 2
        assert page.locator(".badge.live:visible").count() == 0


_SEEN = """() => {
  const player = document.querySelector(".tile lens-player");
  const tell = () => player.dispatchEvent(new CustomEvent("lens-seen", { detail: { on_screen_s: 7, enlarged_s: 0 } }));
  Object.assign(player, { leave: tell, end: tell });
}"""
