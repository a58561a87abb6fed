"""The week as a grid says what the law decides, minute for minute, and fits on a page."""

import dataclasses
from datetime import UTC, datetime, timedelta
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.sharing.week_grid import COLUMNS, Open, clock_changes, week_of
from policies import hours
from policies.clauses import Clause, Live, Recordings, Where, expand
from policies.decide import preview
from policies.request import Permit
from policies.vocabulary import Act, Condition
from tests.policies.build import at_site, incident, policy, request

CAMERAS = frozenset({"cam_1", "cam_2"})
ZONE = "America/Chicago"
MONDAY = datetime(2026, 11, 23, 6, tzinfo=UTC)  # midnight in Chicago
NEARBY = Clause(CAMERAS, Live.NEARBY, Recordings.ASK, Where.SHOWN)
OPEN = dataclasses.replace(NEARBY, live=Live.ALWAYS, zone=ZONE, spans=((480, 1080), (2000, 2100), (8640, 10_080)))
SPANS = st.lists(
    st.tuples(st.integers(0, 10_079), st.integers(1, 2000)).map(lambda pair: (pair[0], pair[0] + pair[1])), max_size=6
).map(hours.normal)


def minute_of(days, minute: int):
    """The stretch of a minute of the week."""
    day, at = divmod(minute, hours.DAY_MIN)
    return next(one for one in days[day] if one.start <= at < one.end)


@pytest.mark.parametrize("half", [0, 30])
def test_the_grid_says_what_the_law_decides(half):
    """Every hour of a week, with and without an incident nearby: open in the grid is permitted by the kernel."""
    held = expand([NEARBY, OPEN]).into(policy())
    days = week_of(held, Act.LIVE_VIEW)
    for hour in range(7 * 24):
        now = MONDAY + timedelta(hours=hour, minutes=half)
        seen = minute_of(days, hour * 60 + half)
        told = incident(opened_at=now - timedelta(minutes=1))
        alone = preview(at_site(held), request(now=now, incident=None))
        nearby = preview(at_site(held), request(now=now, incident=told))
        assert isinstance(alone, Permit) is (seen.is_open is Open.ALWAYS), (hour, seen, alone)
        assert isinstance(nearby, Permit) is (seen.is_open is not Open.NEVER), (hour, seen, nearby)


@given(SPANS, SPANS)
def test_every_minute_of_the_week_stands_in_one_cell(first, second):
    """The stretches of a day join without a gap, no two neighbours are alike, and all columns are taken."""
    clauses = [
        dataclasses.replace(NEARBY, live=live, zone=ZONE if spans else "", spans=spans)
        for live, spans in ((Live.NEARBY, first), (Live.ALWAYS, second))
    ]
    for day in week_of(expand(clauses).into(policy()), Act.LIVE_VIEW):
        assert [one.start for one in day] == [0, *(one.end for one in day[:-1])]
        assert day[-1].end == hours.DAY_MIN
        assert all((a.is_open, a.conditions) != (b.is_open, b.conditions) for a, b in pairwise(day))
        assert sum(one.columns for one in day) == COLUMNS
        assert all(one.columns > 0 for one in day)


def test_each_condition_is_named_and_nothing_is_never():
    """Asked each time, alarm button, two people and incident stand as words; without a rule it is not shared."""
    said = dataclasses.replace(NEARBY, live=Live.ASK, on_panic=True, emergency=True)
    held = expand([said, dataclasses.replace(NEARBY)]).into(policy())
    (stretch,) = week_of(held, Act.LIVE_VIEW)[0]

    assert stretch.conditions == (Condition.NEAR, Condition.ASK, Condition.PANIC, Condition.TWO_PERSONS)
    assert week_of(expand([]).into(policy()), Act.LIVE_VIEW)[3][0].is_open is Open.NEVER
    assert week_of(held, Act.LIVE_VIEW, frozenset({"other"}))[3][0].is_open is Open.NEVER


def test_the_nights_of_clock_changes_are_named():
    """Chicago skips an hour in March and repeats one in November; Phoenix does neither; half an hour is as long."""
    now = datetime(2026, 11, 27, 12, 34, 56, tzinfo=UTC)
    skip, twice = clock_changes(ZONE, now)
    assert (skip.before, skip.after, skip.is_skip) == (datetime(2027, 3, 14, 2), datetime(2027, 3, 14, 3), True)  # noqa: DTZ001
    assert (twice.before, twice.after, twice.is_skip) == (datetime(2027, 11, 7, 2), datetime(2027, 11, 7, 1), False)  # noqa: DTZ001
    assert clock_changes("America/Phoenix", now) == []
    assert clock_changes("Australia/Lord_Howe", now)[0].after.minute == 30


def test_a_day_cut_into_pieces_smaller_than_a_column_is_still_a_day():
    """More stretches than the grid has columns take one each."""
    spans = tuple((minute, minute + 1) for minute in range(0, 120, 2))
    held = expand([dataclasses.replace(NEARBY, live=Live.ALWAYS, zone=ZONE, spans=spans)]).into(policy())

    assert {one.columns for one in week_of(held, Act.LIVE_VIEW)[0]} == {1}
