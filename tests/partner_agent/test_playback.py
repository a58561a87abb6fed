"""The clockwork of a playback: when each picture is due, and what was shown."""

from datetime import datetime, timedelta
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from partner_agent.playback import Pace, Watched, key_before, run_up
from partner_agent.ring.footage import Shot, from_key
from partner_agent.wire.limits import FOOTAGE_RANGES, SPEEDS
from tests.fakes.clock import START

NOW = 1000.0
SHOTS = [Shot(b"", START + timedelta(seconds=n / 10), n % 5 == 0) for n in range(20)]


def later(seconds: float) -> datetime:
    """So long after the beginning of the recording."""
    return START + timedelta(seconds=seconds)


@pytest.mark.parametrize("speed", SPEEDS)
def test_a_picture_is_due_as_long_after_the_anchor_as_it_was_taken_after_it(speed: int):
    """At twice the speed in half the time, at half the speed in twice."""
    pace = Pace(START, NOW)
    pace.jumped(START, NOW)
    pace.speed_percent = speed
    pace.anchor_here(NOW)

    assert pace.due(later(4)) == pytest.approx(NOW + 4 * 100 / speed)


@given(st.lists(st.tuples(st.sampled_from(["on", "jump", "pause", 50, 200, 800]), st.floats(0, 5)), max_size=40))
def test_the_streams_own_time_only_goes_on(orders: list[tuple[object, float]]):
    """Whatever is ordered, each picture has a later place in the stream than the one before."""
    pace, now, pts = Pace(START, NOW), NOW, []
    pts.append(pace.jumped(START, now))
    for order, amount in orders:
        now += amount
        match order:
            case "on":
                pts.append(pace.shown(pace.position + timedelta(milliseconds=66), now))
            case "jump":
                pts.append(pace.hurried(now))
                pts.append(pace.jumped(later(amount * 100), now))
            case "pause":
                pace.is_paused = not pace.is_paused
                pace.anchor_here(now)
            case int():
                pace.speed_percent = order
                pace.anchor_here(now)

    assert all(one < two for one, two in pairwise(pts))


def test_the_anchor_tells_the_time_of_every_picture_sent_since():
    """As far behind it in the recording as in the stream, times the speed: what a page shows under the picture."""
    pace = Pace(START, NOW)
    pace.hurried(NOW)  # the first place in the stream
    first = pace.jumped(later(60), NOW) - 1
    pace.speed_percent = 200
    pace.anchor_here(NOW + 1)

    pts = pace.shown(later(60.5), NOW + 1.25)

    where = pace.where
    since_s = (pts - first - where.ticks) / 90_000
    assert where.anchored_at + timedelta(seconds=since_s * 2) == later(60.5)


def test_a_hole_is_not_waited_for():
    """The picture after it is shown at once, and time goes on from there."""
    pace = Pace(START, NOW)
    pace.jumped(START, NOW)

    pts = pace.shown(later(600), NOW + 0.1)

    assert pts == 9000
    assert pace.due(later(601)) == pytest.approx(NOW + 1.1)


def test_who_falls_behind_does_not_rush():
    """After a stall the next picture is shown when it comes, and the others in their time after it."""
    pace = Pace(START, NOW)
    pace.jumped(START, NOW)

    pace.shown(later(0.1), NOW + 3)

    assert pace.due(later(0.2)) == pytest.approx(NOW + 3.1)


def test_the_picture_of_a_moment_is_the_last_one_before_it_and_needs_its_key_picture():
    """Between two pictures the earlier one is on the screen; before the first one it is the first."""
    assert run_up(SHOTS, later(0.75)) == 7
    assert key_before(SHOTS, 7) == 5
    assert run_up(SHOTS, later(-1)) == 0


def test_nothing_comes_before_the_first_key_picture():
    """What cannot be shown without a picture outside the range is left out."""
    assert from_key(SHOTS[3:]) == SHOTS[5:]


@given(st.lists(st.tuples(st.integers(0, 5000), st.integers(0, 50)), min_size=1, max_size=120))
def test_what_was_shown_is_never_told_as_less(looks: list[tuple[int, int]]):
    """Every picture that left lies in a range that is told; there are few ranges, in order, none over another."""
    watched = Watched()
    shown = []
    for start, length in looks:
        for second in range(length + 1):
            watched.add(later(start + second), follows=second > 0)
            shown.append(later(start + second))

    told = watched.told()
    assert all(any(begin <= at <= end for begin, end in told) for at in shown)
    assert len(told) <= FOOTAGE_RANGES
    assert all(one[1] < two[0] for one, two in pairwise(told))
