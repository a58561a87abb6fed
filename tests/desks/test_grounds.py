"""What owner and auditor read of a view that stood on something out of the ordinary."""

from datetime import UTC, datetime

import pytest

from gateway.audit import Decision, Entry
from gateway.desks.oversight_desk.acts import act_of
from gateway.desks.portal.looks import look_of


def entry(ground: str) -> Entry:
    """A view that started."""
    return Entry(
        event_id="evt_" + "1" * 26,
        at=datetime(2026, 11, 23, tzinfo=UTC),
        kind="view.started",
        decision=Decision.NONE,
        index=1,
        public={"purpose": "life_safety", "ground": ground},
        openings={},
        is_erased=False,
        leaf=b"{}",
    )


@pytest.mark.parametrize("ground", ["", "near", "always"])
def test_an_ordinary_ground_is_not_said(ground: str):
    """What the owner's rules give every day needs no word."""
    assert look_of(entry(ground), {}).why == "life safety"
    assert act_of(entry(ground), (), {}).why == "life safety"


def test_emergency_access_and_the_alarm_button_are_said():
    """Who looked names them, for the owner and for compliance."""
    assert look_of(entry("two_persons"), {}).why == "life safety, emergency access by two people"
    assert look_of(entry("panic"), {}).why == "life safety, your alarm button was on"
    assert act_of(entry("two_persons"), (), {}).why == "life safety, emergency access by two people"
