"""Recordings on the console in a real browser: their list, and the form for a range."""

import pytest

from tests.support.browser import watched
from tests.support.console_room import demand_sound, room

__all__ = ["room"]
pytestmark = pytest.mark.browser


def test_recordings_are_listed_with_their_state_and_download(chromium, room):
    """Each with a sentence; only what is ready has a button."""
    with watched(chromium) as seen:
        seen.page.goto(room.origin + "/console/clips")
        demand_sound(seen)
        seen.page.goto(room.open())
        camera = seen.page.get_attribute("[data-name=Yard]", "data-camera")
        incident = seen.page.url.rsplit("/", 1)[1]
        for _ in range(2):
            seen.page.goto(f"{room.origin}/console/clips/new?camera={camera}&incident={incident}")
            seen.page.click("text=Ask for the recording")
            seen.page.wait_for_url("**/console/clips?done=clip-asked")

        assert seen.page.locator("tbody tr").count() == 2
        assert seen.page.locator("a[download]").count() == 1
        demand_sound(seen)


def _recording_of_the_yard(seen, room):
    """The form that asks for a recording of one camera."""
    seen.page.goto(room.open())
    camera = seen.page.get_attribute("[data-name=Yard]", "data-camera")
    incident = seen.page.url.rsplit("/", 1)[1]
    seen.page.goto(f"{room.origin}/console/clips/new?camera={camera}&incident={incident}")


def test_a_range_that_ends_before_it_begins_comes_back(chromium, room):
    """The error stands beside the field and what was typed is kept."""
    with watched(chromium) as seen:
        _recording_of_the_yard(seen, room)
        seen.page.fill("#to", "2020-01-01T00:00:00")
        seen.page.click("text=Ask for the recording")
        seen.page.wait_for_selector("#to-error")

        assert "The end comes after the beginning." in seen.page.inner_text("#to-error")
        assert (
            seen.page.input_value("#to") == "2020-01-01T00:00:00" or seen.page.input_value("#to") == "2020-01-01T00:00"
        )
        demand_sound(seen)


def test_a_range_of_whole_minutes_is_one(chromium, room):
    """A browser leaves seconds of nought out of what it sends."""
    with watched(chromium) as seen:
        _recording_of_the_yard(seen, room)
        seen.page.fill("#from", "2026-11-22T14:30:00")
        seen.page.fill("#to", "2026-11-22T14:31:00")
        seen.page.click("text=Ask for the recording")
        seen.page.wait_for_url("**/console/clips?*")

        (wish,) = room.clips.wishes
        assert (wish.t1 - wish.t0).total_seconds() == 60
