"""The week of a policy as a grid: for each day the stretches in which something is open, and on what.

Only the rules that let something out are looked at; who is excluded, and for what purpose, stands in the words. The
clock on the wall of the site's zone decides (`policies.hours`), and `clock_changes` says on which nights that matters.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from itertools import pairwise
from typing import Final
from zoneinfo import ZoneInfo

from policies import hours
from policies.model import Policy
from policies.parts import ALWAYS
from policies.vocabulary import Act, Condition, Effect

COLUMN_MIN: Final = 30  # what one column of the grid stands for; the words give the exact minutes
COLUMNS: Final = hours.DAY_MIN // COLUMN_MIN
_LOOK_AHEAD_DAYS: Final = 370


class Open(StrEnum):
    """What a stretch of the week is, by the colours of the design system."""

    ALWAYS = "permitted"
    IF = "ask"
    NEVER = "unavailable"


# the kind of a condition as words; the order is that of the page
CONDITIONS: Final[Mapping[str, str]] = {
    Condition.NEAR: "an incident is nearby",
    Condition.ANY: "there is an incident",
    Condition.ASK: "you say yes",
    Condition.PANIC: "your alarm button is on",
    Condition.TWO_PERSONS: "it is emergency access by two people",
}


@dataclass(frozen=True, slots=True)
class Stretch:
    """A part of one day, in minutes of the day.

    Attributes:
        conditions: the kinds of condition on which it is open, in the order of `CONDITIONS`; empty when none is needed.
        columns: how many columns of the grid it takes.
    """

    start: int
    end: int
    is_open: Open
    conditions: tuple[str, ...]
    columns: int


def week_of(policy: Policy, act: Act, cameras: frozenset[str] | None = None) -> list[list[Stretch]]:
    """Seven days, Monday first, each cut where what is open changes.

    Args:
        policy: whose rules are looked at.
        act: what is let out.
        cameras: which cameras; None for every camera: a stretch is open where it is for one of them.
    """
    spans = _spans_by_condition(policy, act, cameras)
    edges = {edge for found in spans.values() for span in found for edge in span}
    days = []
    for day in range(7):
        low, high = day * hours.DAY_MIN, (day + 1) * hours.DAY_MIN
        cuts = sorted({low, high, *(edge for edge in edges if low < edge < high)})
        kinds = [_kinds_at(spans, start) for start, _ in pairwise(cuts)]
        days.append(_stretches(low, [*zip(pairwise(cuts), kinds, strict=True)]))
    return days


def _spans_by_condition(policy: Policy, act: Act, cameras: frozenset[str] | None) -> Mapping[str, hours.Spans]:
    found: dict[str, list[tuple[int, int]]] = {}
    for rule in policy.rules:
        members = policy.members_by_scope[rule.scope]
        if rule.effect is not Effect.ALLOW or act not in rule.acts or not members:
            continue
        if cameras is None or members & cameras:
            spans = hours.ALL_WEEK if rule.window == ALWAYS else policy.window_by_id[rule.window].spans
            found.setdefault(rule.condition.partition(":")[0], []).extend(spans)
    return {kind: hours.normal(spans) for kind, spans in found.items()}


def _kinds_at(spans: Mapping[str, hours.Spans], minute: int) -> frozenset[str]:
    return frozenset(kind for kind, found in spans.items() if any(start <= minute < end for start, end in found))


def _stretches(low: int, cut: Iterable[tuple[tuple[int, int], frozenset[str]]]) -> list[Stretch]:
    """Neighbours that are alike are one; each takes at least one column, and all of a day take `COLUMNS`."""
    merged: list[tuple[int, int, frozenset[str]]] = []
    for (start, end), kinds in cut:
        seen = frozenset({Condition.ALWAYS.value}) if Condition.ALWAYS in kinds else kinds
        if merged and merged[-1][2] == seen:
            merged[-1] = (merged[-1][0], end, seen)
        else:
            merged.append((start, end, seen))
    sizes = _columns([end - start for start, end, _ in merged])
    return [
        Stretch(start - low, end - low, _state(kinds), _named(kinds), columns)
        for (start, end, kinds), columns in zip(merged, sizes, strict=True)
    ]


def _state(kinds: frozenset[str]) -> Open:
    if not kinds:
        return Open.NEVER
    return Open.ALWAYS if Condition.ALWAYS in kinds else Open.IF


def _named(kinds: frozenset[str]) -> tuple[str, ...]:
    return tuple(kind for kind in CONDITIONS if kind in kinds)


def _columns(minutes: list[int]) -> list[int]:
    """Columns for stretches of these lengths: rounded, at least one each, together `COLUMNS` where so many suffice."""
    sizes = [max(1, round(length / COLUMN_MIN)) for length in minutes]
    wanted = max(COLUMNS, len(sizes))
    while sum(sizes) != wanted:
        widest = sizes.index(max(sizes))
        sizes[widest] += 1 if sum(sizes) < wanted else -1
    return sizes


@dataclass(frozen=True, slots=True)
class ClockChange:
    """A night on which clocks are changed: they go from `before` to `after`, as shown on the wall."""

    before: datetime
    after: datetime

    @property
    def is_skip(self) -> bool:
        """Whether an hour is left out; otherwise it comes twice."""
        return self.after > self.before


def clock_changes(zone: str, now: datetime) -> list[ClockChange]:
    """The next two nights on which clocks in `zone` are changed; empty where they are not."""
    place = ZoneInfo(zone)
    found: list[ClockChange] = []
    start = now.astimezone(UTC).replace(minute=0, second=0, microsecond=0)
    for day in range(_LOOK_AHEAD_DAYS):
        low, high = start + timedelta(days=day), start + timedelta(days=day + 1)
        if low.astimezone(place).utcoffset() == high.astimezone(place).utcoffset():
            continue
        while high - low > timedelta(minutes=1):
            middle = low + (high - low) // 2
            is_before = middle.astimezone(place).utcoffset() == low.astimezone(place).utcoffset()
            low, high = (middle, high) if is_before else (low, middle)
        change = high.replace(second=0, microsecond=0)
        earlier = (change - timedelta(minutes=2)).astimezone(place).utcoffset() or timedelta()
        wall = (change + earlier).replace(tzinfo=None)
        found.append(ClockChange(wall, change.astimezone(place).replace(tzinfo=None)))
    return found[:2]
