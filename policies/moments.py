"""Moments that stand for all others: between two of them no window opens or closes and no date begins or ends.

Whoever compares two documents for every time there will be looks at these instead. A stretch between two dates is
walked for two weeks, which hold a whole week without a change of clocks; where windows of several zones meet, every
week of the following year whose offsets are another combination is walked too.
"""

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from typing import Final
from zoneinfo import ZoneInfo

from policies import hours
from policies.parts import Window

STRETCH: Final = timedelta(days=15)
WEEKS: Final = 54
MOST: Final = 20_000  # moments walked; more windows and dates than that are not told apart
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


class TooManyError(Exception):
    """There is more to tell apart than we do: nothing is known."""


def moments(windows: Sequence[Window], dates_ms: Sequence[int], since: datetime) -> tuple[datetime, ...]:
    """One moment for each combination of open windows in each stretch between two dates.

    Args:
        windows: whose opening is told apart.
        dates_ms: where a stretch begins; those before `since` do not matter.
        since: the first moment that counts.

    Raises:
        TooManyError: there are too many.
    """
    starts = [since, *(moment for moment in map(_moment, sorted(set(dates_ms))) if moment > since)]
    told: list[datetime] = []
    walked = 0
    for start, end in zip(starts, [*starts[1:], None], strict=True):
        seen: set[frozenset[str]] = set()
        for moment in _walk(windows, start, end):
            walked += 1
            if walked > MOST:
                raise TooManyError
            open_now = frozenset(one.id for one in windows if hours.is_open(one.spans, one.zone, moment))
            if open_now not in seen:
                seen.add(open_now)
                told.append(moment)
    return tuple(told)


def _moment(at_ms: int) -> datetime:
    return _EPOCH + timedelta(milliseconds=min(at_ms, _LAST_MS))


_LAST_MS: Final = 7_258_118_400_000  # the year 2200; no date of a document matters after it


def _walk(windows: Sequence[Window], start: datetime, end: datetime | None) -> Iterator[datetime]:
    """Every moment at which a window may open or close, in the weeks of a stretch that may differ."""
    zones = sorted({one.zone for one in windows})
    seen: set[tuple[timedelta | None, ...]] = set()
    for week in range(WEEKS if len(zones) > 1 else 1):
        begins = start + timedelta(weeks=week)
        offsets = tuple(begins.astimezone(ZoneInfo(zone)).utcoffset() for zone in zones)
        if end is not None and begins >= end:
            return
        if offsets not in seen:
            seen.add(offsets)
            first = max(start, begins - timedelta(weeks=1))  # they may have been so for days when the week began
            yield from _changes(windows, first, min(begins + STRETCH, end or begins + STRETCH))


def _changes(windows: Sequence[Window], start: datetime, end: datetime) -> Iterator[datetime]:
    moment: datetime | None = start
    while moment is not None and moment < end:
        yield moment
        following = (hours.next_change(one.spans, one.zone, moment) for one in windows)
        moment = min((change for change in following if change is not None), default=None)
