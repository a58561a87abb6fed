"""Ids are typed, fresh, and in the order in which they were made."""

import time

import pytest

from partner_agent.wire.ids import SystemIds, is_id


def test_ids_of_one_millisecond_sort_as_they_were_made():
    """The log is read in the order of its ids, and one act writes several entries at once."""
    ids = SystemIds()
    made = [ids.new("evt") for _ in range(5_000)]
    assert made == sorted(set(made))


def test_ids_sort_as_made_by_whoever_makes_them_in_the_process():
    """Two sources are no two orders."""
    one, two = SystemIds(), SystemIds()
    made = [source.new("evt") for _ in range(1_000) for source in (one, two)]
    assert made == sorted(made)


def test_a_clock_that_steps_back_does_not_turn_the_order(monkeypatch: pytest.MonkeyPatch):
    """What is made after the step still sorts after what was made before."""
    ids, now = SystemIds(), time.time_ns()
    before = ids.new("evt")
    monkeypatch.setattr(time, "time_ns", lambda: now - 3_600 * 10**9)
    assert ids.new("evt") > before


def test_an_id_says_what_it_names():
    """Its prefix is one of those that are written down."""
    assert is_id(SystemIds().new("cam"), "cam")
    with pytest.raises(ValueError, match="unknown id prefix"):
        SystemIds().new("nothing")
