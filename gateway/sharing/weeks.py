"""Weekly hours as a form asks them: rows of days with a from and a to, and the same rows found again in the minutes.

A row runs over midnight where its end comes first. `hours` keeps what the rows stand for; rows that mean the same
minutes are shown alike whoever wrote them.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import time
from itertools import pairwise
from typing import Final

from gateway.web import Form
from policies import hours

MAX_ROWS: Final = 6  # different hours of one answer; more is no week that a person keeps in mind
_TIME: Final = "Give a time such as 08:00 or 18:30."
_SAME: Final = "From and to are the same. For the whole day take the hours away, or end at 24:00."


@dataclass(frozen=True, slots=True)
class Row:
    """Days with the same hours: minutes of the day; `closes` up to `opens` is on the next day."""

    days: tuple[int, ...]
    opens: int
    closes: int

    @property
    def spans(self) -> list[tuple[int, int]]:
        """The minutes of the week that it stands for, not merged."""
        return [span(day, self.opens, self.closes) for day in self.days]


def span(day: int, opens: int, closes: int) -> tuple[int, int]:
    """From `opens` on a day to the next `closes`, over midnight where that comes first."""
    start = day * hours.DAY_MIN + opens
    return start, start + ((closes - opens) % hours.DAY_MIN or hours.DAY_MIN)


def rows_of(spans: hours.Spans) -> tuple[Row, ...]:
    """The rows that stand for these minutes, the earliest day first."""
    by_time: dict[tuple[int, int], list[int]] = {}
    for start, end in _pieces(spans):
        day, opens = divmod(start, hours.DAY_MIN)
        by_time.setdefault((opens, (end - 1) % hours.DAY_MIN + 1), []).append(day)
    rows = [Row(tuple(sorted(days)), opens, closes) for (opens, closes), days in by_time.items()]
    return tuple(sorted(rows, key=lambda row: (row.days, row.opens)))


def values_of_hours(spans: hours.Spans) -> dict[str, str]:
    """Weekly hours as the form shows them; more rows than it holds are asked anew rather than shown in part."""
    rows = rows_of(spans)
    values = {"has_hours": "yes"}
    if len(rows) > MAX_ROWS:
        return values
    for number, row in enumerate(rows):
        names = _names(number)
        values |= {names.opens: clock(row.opens), names.closes: clock(row.closes)}
        values |= {names.days[day]: "yes" for day in row.days}
    return values


def read_hours(form: Form) -> hours.Spans:
    """The minutes of the week that the rows of a form stand for; what is wrong is said at its field."""
    spans: list[tuple[int, int]] = []
    for number in range(MAX_ROWS):
        names = _names(number)
        days = tuple(day for day in range(7) if form.is_ticked(names.days[day]))
        is_empty = not days and not form.given(names.opens).strip() and not form.given(names.closes).strip()
        if is_empty and number:
            continue
        row = _read_row(form, names, days)
        spans += row.spans if row else []
    return hours.normal(spans)


def rows_shown(values: Iterable[str]) -> int:
    """How many rows a form shows: those that are filled in, and one more while there is room."""
    filled = {number for number in range(MAX_ROWS) for name in _names(number).all if name in set(values)}
    return min(max(filled, default=-1) + 2, MAX_ROWS)


def clock(minute: int) -> str:
    """A minute of the day as a clock shows it; the last is 24:00."""
    return f"{minute // 60:02d}:{minute % 60:02d}"


@dataclass(frozen=True, slots=True)
class _Names:
    """The fields of one row."""

    opens: str
    closes: str
    group: str
    days: Sequence[str]

    @property
    def all(self) -> tuple[str, ...]:
        return self.opens, self.closes, *self.days


def _names(number: int) -> _Names:
    tail = f"_{number}" if number else ""
    return _Names(f"opens{tail}", f"closes{tail}", f"days{tail}", [f"day_{day}{tail}" for day in range(7)])


def _read_row(form: Form, names: _Names, days: tuple[int, ...]) -> Row | None:
    if not days:
        form.wrong(names.group, "Choose at least one day, or take the hours away.")
    opens, closes = _read_time(form, names.opens), _read_time(form, names.closes, is_end=True)
    if opens is None or closes is None:
        return None
    if opens == closes:
        form.wrong(names.closes, _SAME)
        return None
    return Row(days, opens, closes)


def _read_time(form: Form, name: str, *, is_end: bool = False) -> int | None:
    """Minutes of the day; 24:00 is the end of the day."""
    text = form.line(name, most=5)
    if not text:
        return None
    if text == "24:00" and is_end:
        return hours.DAY_MIN
    try:
        at = time.fromisoformat(text if ":" in text else "")
    except ValueError:
        form.wrong(name, _TIME)
        return None
    return at.hour * 60 + at.minute


def _pieces(spans: hours.Spans) -> Iterable[tuple[int, int]]:
    """The spans, each shorter than a day or cut at midnights; one at the end of the week goes on on Monday."""
    joined = list(spans)
    if len(joined) > 1 and joined[0][0] == 0 and joined[-1][1] == hours.WEEK_MIN:
        first = joined.pop(0)
        joined[-1] = (joined[-1][0], hours.WEEK_MIN + first[1])
    for start, end in joined:
        if end - start < hours.DAY_MIN:
            yield start, end
            continue
        midnights = range((start // hours.DAY_MIN + 1) * hours.DAY_MIN, end, hours.DAY_MIN)
        for low, high in pairwise((start, *midnights, end)):
            yield low % hours.WEEK_MIN, low % hours.WEEK_MIN + high - low


HOURS_FIELDS: Final = tuple(name for number in range(MAX_ROWS) for name in _names(number).all)
