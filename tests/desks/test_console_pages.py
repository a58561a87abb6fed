"""The console in a real browser: an incident is opened, its cameras are asked for, keys work, refusals say nothing."""

import json
from datetime import timedelta

import pytest

from gateway.incidents import IncidentReport
from policies.vocabulary import IncidentKind, Origin
from tests.support.browser import watched
from tests.support.console_room import (
    OPERATOR,
    demand_sound,
    line_of,
    room,
    until_ready,
)
from tests.support.partners import LOOP

__all__ = ["room"]
pytestmark = pytest.mark.browser


def test_before_an_incident_homes_are_a_number(chromium, room):
    """The page holds neither name nor place of a home, only a count; a camera whose owner hides it is not counted."""
    room.listing.unknown.add("Yard")
    with watched(chromium, dark=True) as seen:
        seen.page.goto(room.origin + "/console")
        until_ready(seen)
        html = seen.page.content()
        assert "Front door" in html
        assert "Porch" not in html
        assert "Bowman" not in html
        assert "Yard" not in html
        squares = json.loads(seen.page.get_attribute("lens-scene", "data-squares"))
        assert [s["count"] for s in squares] == [1]
        assert all(abs(s["lat"] - LOOP.lat) > 0.001 for s in squares)
        demand_sound(seen)


def test_opening_the_incident_is_the_reason(chromium, room):
    """Its nearest permitted cameras are asked for at once, for its first purpose, as opened by the incident."""
    with watched(chromium, width=1600, height=900) as seen:
        seen.page.goto(room.open())
        until_ready(seen)
        seen.until("document.querySelectorAll('lens-player[ended]').length === 2")

        assert {a["opened_by"] for a in room.asked} == {"incident"}
        assert {a["purpose"] for a in room.asked} == {"violent_crime"}
        assert all(len(a["dtls_fingerprint"]) == 95 for a in room.asked)
        assert "Not available for this purpose" in seen.page.inner_text("#wall")
        assert "Bowman" not in seen.page.content()
        assert seen.page.locator("[data-state=not_available] .watch").count() == 0
        demand_sound(seen)


def test_whoever_looks_for_another_agency_says_so(chromium, room):
    """What stands in the field goes with every question of the page, into its list, and the form for a recording."""
    room.listing.for_others["Yard"] = ("not_available",)
    with watched(chromium, width=1600, height=900) as seen:
        seen.page.goto(room.open())
        until_ready(seen)
        seen.page.fill("#behalf", "Bureau of Far Affairs")
        room.asked.clear()
        seen.page.press("#behalf", "Enter")
        seen.until("document.getElementById('console').dataset.behalf === 'Bureau of Far Affairs'", timeout_s=30)
        until_ready(seen)
        seen.until("document.querySelectorAll('lens-player[ended]').length === 1")

        assert [one["on_behalf_of"] for one in room.asked] == ["Bureau of Far Affairs"]
        assert "Not available for this purpose" in line_of(seen, "Yard").inner_text()
        link = line_of(seen, "Yard").get_by_role("link", name="Ask for a recording").get_attribute("href") or ""
        assert link.endswith("&on_behalf_of=Bureau%20of%20Far%20Affairs")
        seen.page.locator(".tile .clip").first.click()
        seen.page.wait_for_selector("#clip-dialog[open] #clip-form")
        assert seen.page.input_value("#clip-form [name=on_behalf_of]") == "Bureau of Far Affairs"
        demand_sound(seen)


def test_hostile_names_are_text_on_the_console(chromium, room):
    """A camera, its owner and an incident's address written as script tags run nothing, in page, map data and wall."""
    bad = "<script>window.hit=1</script>"
    room.portal.call(room.add_shop, bad, f"{bad}<img src=x onerror=window.hit=1>")
    report = IncidentReport(IncidentKind.ROBBERY, Origin.HAND, LOOP.lat, LOOP.lon, bad, "26-9")
    incident = room.portal.call(room.incidents.open, OPERATOR, report)
    with watched(chromium) as seen:
        seen.page.goto(f"{room.origin}/console/incidents/{incident.id}")
        until_ready(seen)
        seen.until("document.querySelectorAll('lens-player[ended]').length === 3")
        line = seen.page.locator(f'[data-owner="{bad}"]')

        assert line.locator("strong").inner_text() == f"{bad}<img src=x onerror=window.hit=1>"
        assert bad in seen.page.inner_text("body")
        assert seen.page.evaluate("window.hit") is None
        demand_sound(seen)


def test_the_keyboard_does_everything(chromium, room):
    """Arrows walk the list, Enter watches, a digit enlarges, r opens the form, Esc leaves step by step."""
    with watched(chromium) as seen:
        page = seen.page
        page.goto(room.open())
        seen.until("document.querySelectorAll('lens-player[ended]').length === 2")
        page.keyboard.press("ArrowDown")
        page.keyboard.press("ArrowDown")
        assert page.evaluate("document.activeElement.dataset.name") == "Yard"
        page.keyboard.press("Enter")
        for _ in range(200):
            if len(room.asked) == 3:
                break
            page.wait_for_timeout(50)
        assert len(room.asked) == 3
        assert room.asked[-1]["opened_by"] == "person"
        page.keyboard.press("2")
        assert page.locator(".tile.is-large").count() == 1
        page.keyboard.press("r")
        seen.until("document.getElementById('clip-dialog').open")
        demand_sound(seen)
        page.click("text=Ask for the recording")
        seen.until("!document.getElementById('clip-dialog').open")
        (wish,) = room.clips.wishes
        assert wish.t1 - wish.t0 == timedelta(minutes=5)
        assert wish.purpose == "violent_crime"
        page.keyboard.press("Escape")
        assert page.locator(".tile.is-large").count() == 0
        page.keyboard.press("Escape")
        page.wait_for_url("**/console")


def test_an_operator_opens_and_numbers_and_closes_by_hand(chromium, room):
    """No number yet counts down; the number ends the countdown; closing leaves nothing to open; it may go on."""
    with watched(chromium) as seen:
        page = seen.page
        page.goto(room.origin + "/console/incidents/new")
        page.click("text=Open the incident")
        assert page.locator(".error").count() == 3
        page.select_option("#kind", "robbery")
        page.fill("#lat", "41.8819")
        page.fill("#lon", "-87.6278")
        page.click("text=Open the incident")
        page.wait_for_url("**/console/incidents/inc_*")
        seen.until("/^1[45]:/.test(document.querySelector('[data-until]').textContent)")
        demand_sound(seen)
        page.fill("#number", "26-7")
        page.click("text=Save the number")
        page.wait_for_url("**?done=incident-numbered")
        assert page.locator("[data-until]").count() == 0
        page.click("text=Close the incident")
        page.wait_for_url("**/console?done=incident-closed")
        page.click("a.incident")
        page.wait_for_url("**/console/incidents/inc_*")
        page.click("text=It goes on")
        page.wait_for_timeout(500)
        assert page.locator("text=Close the incident").count() == 1


def test_a_new_incident_appears_without_a_reload(chromium, room):
    """The rail follows what dispatch sends."""
    with watched(chromium) as seen:
        seen.page.goto(room.origin + "/console/incidents/new")
        other = seen.page.context.new_page()
        other.goto(room.origin + "/console")
        other.wait_for_timeout(300)
        seen.page.select_option("#kind", "fire")
        seen.page.fill("#lat", "41.88")
        seen.page.fill("#lon", "-87.63")
        seen.page.click("text=Open the incident")
        for _ in range(100):
            if "Fire" in other.inner_text("#rail"):
                break
            other.wait_for_timeout(50)

        assert "Fire" in other.inner_text("#rail")


def test_a_camera_the_operator_may_not_know_of_is_not_there(chromium, room):
    """The form for its recording answers 404, as for a camera that does not exist."""
    with watched(chromium) as seen:
        seen.page.goto(room.open())
        camera = seen.page.get_attribute("[data-name=Yard]", "data-camera")
        incident = seen.page.url.rsplit("/", 1)[1]
        room.listing.unknown.add("Yard")
        for wanted in (camera, "cam_nothing"):
            address = f"{room.origin}/console/clips/new?camera={wanted}&incident={incident}"
            assert seen.page.request.get(address).status == 404


@pytest.mark.parametrize("width", [320, 900])
def test_narrow_screens_show_one_thing_below_the_other(chromium, room, width):
    """No page scrolls sideways."""
    with watched(chromium, width=width) as seen:
        for address in (room.open(), room.origin + "/console", room.origin + "/console/clips"):
            seen.page.goto(address)
            assert seen.page.evaluate("document.documentElement.scrollWidth") <= width, address
