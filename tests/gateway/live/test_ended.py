"""Sessions that are over stay so as long as anything of them can be on its way, and are forgotten then."""

import pytest

from gateway.live.relay import ended
from gateway.live.relay.ended import KEPT_S, Ended


def test_what_is_over_is_over_once():
    """Its first end counts, and is the one that is remembered."""
    over = Ended()
    assert over.add("ses_1", 100.0)
    assert not over.add("ses_1", 100.0 + KEPT_S - 1)
    assert "ses_1" in over


def test_an_hour_of_coming_and_going_leaves_ten_minutes_behind():
    """A hundred a minute: a thousand are remembered, however long it goes on."""
    over = Ended()
    for number in range(6_000):
        over.add(f"ses_{number}", number * 0.6)
    assert len(over) == 1_000
    assert "ses_5999" in over
    assert "ses_5000" in over
    assert "ses_4999" not in over


def test_there_are_never_too_many(monkeypatch: pytest.MonkeyPatch):
    """The oldest make room."""
    monkeypatch.setattr(ended, "MAX_ENDED", 2)
    over = Ended()
    for number in range(3):
        over.add(f"ses_{number}", 0.0)
    assert len(over) == 2
    assert "ses_0" not in over
