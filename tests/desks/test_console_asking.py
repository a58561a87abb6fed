"""Owners and second people are asked from the console, in a real browser."""

import re
from contextlib import closing

import pytest
from playwright.sync_api import expect

from gateway.emergency import topic_of_first
from tests.support.browser import watched
from tests.support.console_room import (
    OPERATOR,
    SUPERVISOR,
    camera_id_of,
    demand_sound,
    line_after_reading,
    line_of,
    room,
    until_ready,
)

__all__ = ["room"]
pytestmark = pytest.mark.browser


def test_a_refused_question_says_only_that_it_is_not_available(chromium, room):
    """Whoever refused, and why: the operator reads the one sentence, and nothing was asked."""
    room.listing.answers["Front door"] = ("available_if", "ask")
    room.asks.refusal = "Not available for this purpose."
    with watched(chromium) as seen:
        seen.page.goto(room.open())
        until_ready(seen)
        line_of(seen, "Front door").get_by_role("button", name="Ask the owner Front door").click()
        seen.until("document.getElementById('said').textContent.includes('Not available')")
        assert room.asks.asked == {}


@pytest.mark.parametrize(("width", "dark"), [(1440, False), (1440, True), (390, True)])
def test_a_refusal_is_seen_and_goes_away_unless_it_is_looked_at(chromium, room, width, dark):
    """Over the page, beside no other text of it; it stays under the pointer, and its button sends it away."""
    room.listing.answers["Front door"] = ("available_if", "ask")
    room.asks.refusal = "Not available for this purpose."
    with watched(chromium, width=width, height=900, dark=dark) as seen:
        seen.page.goto(room.open())
        until_ready(seen)
        ask = line_of(seen, "Front door").get_by_role("button", name="Ask the owner Front door")
        notice = seen.page.locator("#notice")
        expect(notice).to_be_hidden()
        ask.click()
        expect(notice).to_be_visible()
        expect(notice.get_by_text("Not available for this purpose")).to_be_visible()
        demand_sound(seen)
        assert seen.page.evaluate("document.documentElement.scrollWidth <= innerWidth")
        notice.hover()
        seen.page.wait_for_timeout(8_500)
        expect(notice).to_be_visible()
        seen.page.mouse.move(1, 700)
        expect(notice).to_be_hidden(timeout=10_000)
        ask.click()
        notice.get_by_role("button", name="Close").click()
        expect(notice).to_be_hidden()


def test_what_failed_behind_a_dialog_is_seen_over_it(chromium, room):
    """The form for a recording stays as it was typed, and the sentence can be read, and sent away, over it."""
    with watched(chromium, width=1440, height=900) as seen:
        seen.page.goto(room.open())
        seen.page.locator("article.tile").first.focus()
        seen.page.keyboard.press("r")
        dialog = seen.page.locator("#clip-dialog")
        expect(dialog).to_be_visible()
        seen.page.route("**/console/clips**", lambda route: route.abort())
        dialog.locator("form button:not([value])").last.click()
        notice = seen.page.get_by_role("region", name="Notice")
        expect(notice.get_by_text("That did not work. Try again.")).to_be_visible()
        assert seen.page.locator("dialog:modal #said").count() == 1
        notice.get_by_role("button", name="Close").click()
        expect(notice).to_be_hidden()
        expect(dialog).to_be_visible()


@pytest.mark.parametrize("dark", [True, False], ids=["dark", "light"])
def test_an_owner_is_asked_and_their_yes_starts_the_picture(chromium, room, dark):
    """One button; asked, it is gone and says until when; the yes arrives by itself, as one view of the person's own."""
    room.listing.answers |= {"Front door": ("available_if", "ask"), "Yard": ("available_if", "ask")}
    with watched(chromium, dark=dark) as seen:
        seen.page.goto(room.open())
        until_ready(seen)
        line = line_of(seen, "Front door")
        assert "Available if the owner says yes" in line.inner_text()
        demand_sound(seen)
        line.get_by_role("button", name="Ask the owner Front door").click()
        seen.until("document.getElementById('said').textContent.includes('The owner is asked')")
        assert "Asked. The owner may answer until" in line.inner_text()
        assert line.locator("form.ask").count() == 0
        assert "Not available for this purpose" in line_after_reading(seen, "Yard")
        demand_sound(seen)
        assert room.asked == []
        room.portal.call(room.asks.answer, OPERATOR, camera_id_of(seen, "Front door"), "granted")
        seen.until("document.querySelectorAll('article.tile').length === 1")
        seen.page.wait_for_selector(
            "article.tile:has-text('Not available for this purpose')"
        )  # this room shows nothing
        assert room.asked[0]["opened_by"] == "person"
        assert "once, for five minutes" in line.inner_text()


def test_a_no_and_silence_look_like_every_other_refusal(chromium, room):
    """The line says what it says of a camera whose owner never offered anything, letter for letter."""
    room.listing.answers |= {"Front door": ("available_if", "ask"), "Yard": ("not_available",)}
    with watched(chromium) as seen:
        seen.page.goto(room.open())
        until_ready(seen)
        room.portal.call(room.asks.answer, OPERATOR, camera_id_of(seen, "Front door"), "over")
        seen.page.wait_for_selector("li.camera[data-name='Front door'][data-state='not_available']")

        said = [line_of(seen, name).locator(".badge").inner_text() for name in ("Front door", "Yard")]
        assert said == ["Not available for this purpose"] * 2
        assert room.asked == []


def test_both_ways_are_offered_side_by_side_and_one_stays_when_the_other_is_used(chromium, room):
    """Two buttons; the owner's silence leaves the second person's; asking both shows what is waited for."""
    room.listing.answers["Front door"] = ("available_if", "ask", "two_persons")
    with watched(chromium, dark=True) as seen:
        seen.page.goto(room.open())
        until_ready(seen)
        line = line_of(seen, "Front door")
        offered = line.locator(".badge").all_inner_texts()
        assert offered == ["Available if the owner says yes", "Available with emergency access by two people"]
        demand_sound(seen)
        line.get_by_role("button", name="Ask a second person Front door").click()
        line.get_by_text("Waiting for a second person").wait_for()
        assert seen.page.url.count("done=") == 0  # the page stays: the script asked
        assert line.get_by_role("button").count() == 1  # the other one's
        line.get_by_role("button", name="Ask the owner Front door").click()
        line.get_by_text("Asked. The owner may answer until").wait_for()
        assert line.locator("form.ask").count() == 0
        room.seconds.asked.clear()  # nobody confirmed in time
        room.portal.call(room.asks.answer, OPERATOR, camera_id_of(seen, "Front door"), "over")
        line.get_by_role("button", name="Ask a second person Front door").wait_for()
        assert line.locator(".badge").all_inner_texts() == offered[1:]
        demand_sound(seen)


def test_an_owner_is_asked_without_script(chromium, room):
    """The button is a form; the page comes back with what was done."""
    room.listing.answers["Front door"] = ("available_if", "ask")
    with closing(chromium.new_context(java_script_enabled=False)) as context:
        page = context.new_page()
        page.goto(room.open())
        line = page.locator("li.camera[data-name='Front door']")
        line.get_by_role("button", name="Ask the owner Front door").click()
        page.wait_for_url("**done=view-asked")

        assert "The owner is asked." in page.inner_text("main")
        assert "Asked. The owner may answer until" in line.inner_text()


def test_a_second_person_confirms_on_a_phone_and_the_picture_starts(chromium, room):
    """One press asks; the other's page says who, what and why; their yes starts exactly this view, with their word."""
    room.listing.answers["Yard"] = ("available_if", "two_persons")
    with watched(chromium, dark=True) as seen:
        seen.page.goto(room.open())
        until_ready(seen)
        line = seen.page.locator('[data-name="Yard"]')
        line.get_by_role("button", name="Ask a second person").click()
        line.get_by_text("Waiting for a second person").wait_for()
        before = len(room.asked)
        demand_sound(seen)

        room.caller.principal = SUPERVISOR
        with watched(chromium, dark=True, width=390, height=844) as phone:
            phone.page.goto(room.origin + "/console")
            phone.page.get_by_role("link", name="Yard").click()
            text = phone.page.inner_text("main")
            for words in ("Sam Ortiz, operator, rtcc", "Yard", "Robbery", "Violent crime", "The owner is told at once"):
                assert words in text
            demand_sound(phone)
            phone.page.get_by_role("button", name="Confirm").click()
            phone.page.get_by_text("The person who asked can open it once").wait_for()
            room.caller.principal = OPERATOR
            demand_sound(phone)

        topic, camera = topic_of_first(OPERATOR.person_id), camera_id_of(seen, "Yard")
        room.portal.call(room.w.bus.publish, topic, camera)  # the news came while the other was the caller
        seen.until("document.querySelectorAll('#cameras [data-confirmation]').length === 1")
        for _ in range(200):
            if len(room.asked) > before:
                break
            seen.page.wait_for_timeout(25)
        assert [(a["confirmation_id"], a["opened_by"]) for a in room.asked[before:]] == [
            ("emg_" + "1".zfill(26), "person")
        ]


def test_nobody_confirms_their_own_question(chromium, room):
    """The page of one's own question has no button, in either theme and on a phone."""
    room.listing.answers["Yard"] = ("available_if", "two_persons")
    with watched(chromium, dark=True) as seen:
        seen.page.goto(room.open())
        until_ready(seen)
        seen.page.get_by_role("button", name="Ask a second person").click()
        seen.page.get_by_text("Waiting for a second person").wait_for()
    for dark in (True, False):
        with watched(chromium, dark=dark, width=390, height=844) as seen:
            seen.page.goto(f"{room.origin}/console/confirm/{next(iter(room.seconds.asked))}")

            assert "You asked for this. Somebody else has to confirm it." in seen.page.inner_text("main")
            assert seen.page.get_by_role("button", name="Confirm").count() == 0
            demand_sound(seen)


def test_a_second_person_confirms_a_recording(chromium, room):
    """Where the owner gives it to two people alone, the form says so and asks one; the list says what is waited for."""
    room.clips.is_offered, room.seconds.is_offered = False, True
    room.listing.answers["Yard"] = ("not_available",)
    with watched(chromium, dark=True) as seen:
        seen.page.goto(room.open())
        until_ready(seen)
        seen.page.locator('[data-name="Yard"]').get_by_role("link", name="Ask for a recording").click()
        assert "if a second person of your agency confirms it" in seen.page.inner_text("main")
        assert seen.page.get_by_role("button", name="Ask for the recording").count() == 0
        demand_sound(seen)
        seen.page.fill("#legal_basis", "warrant 7")
        seen.page.get_by_role("button", name="Ask a second person").click()
        seen.page.wait_for_url("**done=second-asked-recording")
        asked = seen.page.inner_text("main")
        assert "Yard: waiting for a second person" in asked
        assert "Nothing was asked for" not in asked
        assert len(re.findall(r"\d{1,2}:\d\d:\d\d", asked)) == 2  # the very seconds, however lately
        assert room.clips.wishes == []
        demand_sound(seen)

        room.caller.principal = SUPERVISOR
        with watched(chromium, dark=True, width=390, height=844) as phone:
            phone.page.goto(f"{room.origin}/console/confirm/{next(iter(room.seconds.asked))}")
            text = phone.page.inner_text("main")
            assert all(words in text for words in ("one recording", "From", "Until", "warrant 7", "Sam Ortiz"))
            demand_sound(phone)
            phone.page.get_by_role("button", name="Confirm").click()
            phone.page.get_by_text("The recording is asked for now").wait_for()
            demand_sound(phone)


def test_the_dialog_over_a_picture_knows_which_button_was_pressed(chromium, room):
    """Both ways are open: the one that was pressed is the one that is taken."""
    room.seconds.is_offered = True
    with watched(chromium) as seen:
        seen.page.goto(room.open())
        until_ready(seen)
        seen.page.keyboard.press("1")
        seen.page.keyboard.press("r")
        seen.until("document.getElementById('clip-dialog').open")
        demand_sound(seen)
        seen.page.locator("#clip-dialog").get_by_role("button", name="Ask a second person").click()
        seen.until("!document.getElementById('clip-dialog').open")

        assert room.clips.wishes == []
        assert [ask.act for ask in room.seconds.asked.values()] == ["clip.fetch"]
