"""The console where a question is answered late or never: what was asked for stays, an old answer changes nothing."""

import pytest
from playwright.sync_api import Page, Route

from gateway.live import topic_of_viewer
from tests.desks.test_phone_dialog import Links
from tests.desks.test_still_in_chromium import LIVE
from tests.support.browser import watched
from tests.support.console_room import OPERATOR, VIEW, line_of, open_all, room, tell_end, two_pictures, until_true

__all__ = ["room"]
pytestmark = [pytest.mark.browser, pytest.mark.slow]
FAILED = "That did not work. Try again."
SHOWN = "document.getElementById('said').textContent"


def hold(page: Page, where: str, method: str = "GET") -> list[Route]:
    """Whatever is asked there from now on, unanswered; other methods are answered as before."""
    held: list[Route] = []
    page.route(where, lambda route: held.append(route) if route.request.method == method else route.fallback())
    return held


def test_a_question_that_nobody_answers_is_put_again(chromium, room):
    """Within seconds: a network that has gone answers nothing, and a picture that was stopped meanwhile has to go."""
    with watched(chromium, width=1600, height=900) as seen:
        two_pictures(seen, room.open())
        held = hold(seen.page, "**/live-sessions/ses_0")
        room.portal.call(room.w.bus.publish, topic_of_viewer(OPERATOR.person_id), "ses_0")

        until_true(seen, lambda: len(held) == 2)
        tell_end(held[1], [])

        until_true(seen, lambda: "Stopped by a supervisor" in seen.page.inner_text("#wall"))


def test_an_answer_about_a_former_view_does_not_end_the_one_that_is_shown(chromium, room):
    """Scrolled away and back while it was on its way, the tile shows another view."""
    posts: list[int] = []
    with watched(chromium, width=390, height=700) as seen:
        page = seen.page
        page.route("**/live-sessions/several", lambda route: open_all(route, posts))
        page.route("**/live-sessions/ses_*", lambda route: route.fulfill(json=VIEW))
        page.route("**/whep/*", lambda route: None)
        page.goto(room.open())
        seen.until("document.querySelectorAll('.watermark[data-says]').length === 2")
        held = hold(page, "**/live-sessions/ses_0")
        room.portal.call(room.w.bus.publish, topic_of_viewer(OPERATOR.person_id), "ses_0")
        until_true(seen, lambda: held)
        page.evaluate("scrollTo(0, document.body.scrollHeight)")
        until_true(seen, lambda: "Stopped while out of sight" in page.inner_text("#wall"))
        page.evaluate("scrollTo(0, 0)")
        until_true(seen, lambda: len(posts) > 1)
        page.wait_for_timeout(200)

        tell_end(held[0], [])
        page.wait_for_timeout(500)

        assert "Stopped by a supervisor" not in page.inner_text("#wall")


def test_asking_an_owner_without_a_network_can_be_tried_again(chromium, room):
    """The button comes back, and one sentence says so."""
    room.listing.answers["Front door"] = ("available_if", "ask")
    with watched(chromium, width=1600, height=900) as seen:
        seen.page.goto(room.open())
        button = line_of(seen, "Front door").get_by_role("button", name="Ask the owner Front door")
        seen.page.context.set_offline(True)
        button.click()
        seen.until(f"{SHOWN} === '{FAILED}'")
        seen.page.context.set_offline(False)

        button.click()

        seen.until(f"{SHOWN}.includes('The owner is asked')")


def test_a_form_for_a_recording_keeps_what_was_typed_where_it_could_not_be_sent(chromium, room):
    """And the dialog stays open; where the form itself cannot be had that is said."""
    with watched(chromium, width=1600, height=900) as seen:
        page = seen.page
        two_pictures(seen, room.open())
        page.keyboard.press("n")
        page.route("**/console/clips/new*", lambda route: route.abort())
        page.keyboard.press("r")
        seen.until(f"{SHOWN} === '{FAILED}'")
        page.unroute("**/console/clips/new*")
        page.evaluate(f"{SHOWN[:-12]}.replaceChildren()")
        page.keyboard.press("r")
        seen.until("document.getElementById('clip-dialog').open")
        page.fill("#clip-dialog #from", "2026-11-22T14:30:05")

        page.context.set_offline(True)
        page.locator("#clip-dialog").get_by_role("button", name="Ask for the recording").click()
        seen.until(f"{SHOWN} === '{FAILED}'")

        assert page.evaluate("document.getElementById('clip-dialog').open")
        assert page.input_value("#clip-dialog #from") == "2026-11-22T14:30:05"
        page.context.set_offline(False)
        page.locator("#clip-dialog").get_by_role("button", name="Ask for the recording").click()
        seen.until("!document.getElementById('clip-dialog').open")


def test_a_link_that_could_not_be_made_is_asked_for_again_by_the_same_button(chromium, room):
    """The name that was typed stays beside the sentence."""
    with watched(chromium, width=1600, height=900) as seen:
        page, links = seen.page, Links(seen)
        two_pictures(seen, room.open())
        page.evaluate(LIVE)
        page.keyboard.press("m")
        seen.until("document.getElementById('phone-dialog').open")
        page.context.set_offline(True)
        page.route("**/api/v1/phone-links", lambda route: route.abort())
        page.keyboard.type("Unit 12")
        page.keyboard.press("Enter")
        seen.until("!document.getElementById('phone-refused').hidden")
        assert (page.inner_text("#phone-refused"), page.input_value("#phone-recipient")) == (FAILED, "Unit 12")
        page.context.set_offline(False)
        page.unroute("**/api/v1/phone-links")
        page.route("**/api/v1/phone-links", links.answer)

        page.keyboard.press("Enter")

        seen.until("document.querySelector('[data-part=url]').value")
        assert len(links.asked) == 1


def test_keys_are_about_the_picture_that_fills_the_screen(chromium, room):
    """Which takes the focus from its tile, and another may be large behind it: what is not seen is not closed."""
    with watched(chromium, width=1600, height=900) as seen:
        page = seen.page
        two_pictures(seen, room.open())
        page.keyboard.press("1")
        page.locator(".tile").nth(1).focus()
        page.keyboard.press("f")
        seen.until("document.fullscreenElement !== null && document.activeElement === document.body")
        first = page.locator(".tile .name").first.inner_text()

        page.keyboard.press("x")

        assert page.locator(".tile .name").all_inner_texts() == [first]


def test_the_rail_waits_while_somebody_is_in_it(chromium, room):
    """Nothing moves under a pointer or a key; it is read as soon as the focus goes."""
    with watched(chromium, width=1600, height=900) as seen:
        page = seen.page
        page.goto(room.open())
        page.locator("#rail a").first.focus()
        with page.expect_response("**/console/rail*"):
            room.open(number="26-2")
        page.wait_for_timeout(200)
        assert "26-2" not in page.inner_text("#rail")

        page.evaluate("document.activeElement.blur()")

        seen.until("document.getElementById('rail').textContent.includes('26-2')")
