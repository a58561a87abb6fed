"""A camera of the console's list: what stays open of several ways, and what comes of each."""

from dataclasses import replace
from datetime import UTC, datetime
from types import SimpleNamespace

import pytest

from gateway.desks.console import AskLine, SecondAsk
from gateway.desks.console.desk import line_of
from tests.fakes.console import FakeNear

NOW = datetime(2026, 11, 28, tzinfo=UTC)
BOTH = ("ask", "two_persons")
NEAR = FakeNear(SimpleNamespace(id="cam_1"), 10.0, "available_if", BOTH)
WAITING = AskLine("cam_1", "asked", NOW)
SECOND = SecondAsk(
    id="emg_1",
    camera_id="cam_1",
    incident_id="inc_1",
    act="live.view",
    purpose="violent_crime",
    asker="Sam Ortiz",
    standing="operator",
    asked_at=NOW,
    until=NOW,
    state="asked",
    is_over=False,
    may_answer=False,
    is_own=True,
)
CONFIRMED = replace(SECOND, state="confirmed")


@pytest.mark.parametrize(
    ("ask", "second", "availability", "remedies"),
    [
        (None, None, "available_if", BOTH),
        (WAITING, None, "available_if", BOTH),
        (None, SECOND, "available_if", BOTH),
        (replace(WAITING, standing="over"), None, "available_if", ("two_persons",)),
        (replace(WAITING, camera_id="cam_2"), None, "available_if", ("two_persons",)),
        (replace(WAITING, standing="over"), CONFIRMED, "available", ("two_persons",)),
        (WAITING, CONFIRMED, "available", BOTH),
        (replace(WAITING, standing="granted"), SECOND, "available", BOTH),
    ],
)
def test_when_one_way_was_used_the_other_stays(ask, second, availability, remedies):
    """Each way is open until it is used up; either yes opens the picture."""
    line = line_of(NEAR, "Shop", ask, second)

    assert (line.availability, line.remedies) == (availability, remedies)


@pytest.mark.parametrize("remedies", [(), ("ask",)])
def test_where_no_way_is_left_it_is_not_available(remedies):
    """An owner who did not answer, and offered nothing else, reads like one who never offered anything."""
    line = line_of(replace(NEAR, remedies=remedies), "Shop", replace(WAITING, standing="over"))

    assert (line.availability, line.remedies, line.asked, line.is_granted) == ("not_available", (), None, False)


def test_what_was_never_offered_opens_nothing():
    """A yes, or a second person's word, for a camera whose owner does not offer that way now."""
    granted = replace(WAITING, standing="granted")

    assert line_of(replace(NEAR, remedies=("two_persons",)), "Shop", granted).availability == "available_if"
    assert line_of(replace(NEAR, remedies=("ask",)), "Shop", None, CONFIRMED).availability == "available_if"
    assert line_of(replace(NEAR, availability="not_available"), "Shop", granted, CONFIRMED).is_granted is False


def test_an_owner_s_yes_goes_before_a_second_person_s_word():
    """Where both said yes, the view stands on the owner's, and the word is not used up."""
    line = line_of(NEAR, "Shop", replace(WAITING, standing="granted"), CONFIRMED)

    assert (line.is_granted, line.is_owner_s_yes, line.is_seconded) == (True, True, False)
