"""Weekly windows: sets of minutes of the week on the wall clock of one time zone.

Monday 00:00 is minute 0. The wall clock decides: a window from 02:00 to 03:00 does not open on the night the clocks
skip that hour, and one from 01:00 to 03:00 lasts 180 minutes on the night they go back. Time-zone data comes from the
standard library (`tzdata`); nothing here reads a clock.
"""

from datetime import UTC, datetime, timedelta
from typing import Final
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

WEEK_MIN: Final = 7 * 24 * 60
DAY_MIN: Final = 24 * 60
Spans = tuple[tuple[int, int], ...]
Edges = tuple[int, ...]
ALL_WEEK: Final[Spans] = ((0, WEEK_MIN),)


def normal(spans: list[tuple[int, int]]) -> Spans:
    """Sorted, merged and cut at the end of the week; a span whose end is not after its start runs over midnight.

    Args:
        spans: (start, end) in minutes of the week, 0 ≤ start < 10,080; an end past the week wraps to Monday.
    """
    flat: list[tuple[int, int]] = []
    for start, end in spans:
        if end > WEEK_MIN:
            flat += [(start, WEEK_MIN), (0, end - WEEK_MIN)]
        else:
            flat.append((start, end))
    merged: list[tuple[int, int]] = []
    for start, end in sorted(flat):
        if merged and start <= merged[-1][1]:
            merged[-1] = (merged[-1][0], max(merged[-1][1], end))
        else:
            merged.append((start, end))
    return tuple(merged)


def is_zone(zone: str) -> bool:
    """Whether `zone` is an IANA time zone of the data we ship."""
    try:
        ZoneInfo(zone)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return False
    return True


def minute_of_week(now: datetime, zone: str) -> int:
    """The minute of the week that clocks in `zone` show at `now`."""
    local = now.astimezone(ZoneInfo(zone))  # ZoneInfo keeps what it has read
    return local.weekday() * DAY_MIN + local.hour * 60 + local.minute


def is_open(spans: Spans, zone: str, now: datetime) -> bool:
    """Whether the window is open at `now`."""
    minute = minute_of_week(now, zone)
    return any(start <= minute < end for start, end in spans)


def edges_of(spans: Spans) -> Edges:
    """The minutes at which a window opens and closes, in turn."""
    return tuple(edge for span in spans for edge in span)


def covers(outer: Spans, inner: Spans) -> bool:
    """Whether every minute of `inner` is in `outer`; both are normal."""
    return all(any(a <= start and end <= b for a, b in outer) for start, end in inner)


def next_change(spans: Spans, zone: str, now: datetime) -> datetime | None:
    """The next moment at which the window may open or close; None for one that never changes.

    Where the zone's offset changes first, that moment is given: the answer is then asked for again.
    """
    if spans in ((), ALL_WEEK):
        return None
    place = ZoneInfo(zone)
    minute = minute_of_week(now, zone)
    edges = {edge % WEEK_MIN for span in spans for edge in span}
    wait_min = min((edge - minute - 1) % WEEK_MIN + 1 for edge in edges)
    start = now.astimezone(UTC).replace(second=0, microsecond=0)
    boundary = start + timedelta(minutes=wait_min)
    if boundary.astimezone(place).utcoffset() == now.astimezone(place).utcoffset():
        return boundary
    low, high = 0, wait_min  # the offset at `low` is today's, at `high` it is not
    while high - low > 1:
        middle = (low + high) // 2
        moment = (start + timedelta(minutes=middle)).astimezone(place)
        low, high = (middle, high) if moment.utcoffset() == now.astimezone(place).utcoffset() else (low, middle)
    return start + timedelta(minutes=high)
