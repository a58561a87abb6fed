"""The pieces that `policies.smt` writes documents with, as formulas of SMT-LIB 2; words are their places in a list.

The constants of a request: `act`, `audio`, `ptz`, `purpose`, `seconds`, `lines`, `now`, `age`, `around`, `incident`,
`origin`, `moved`, `distance`, the conditions that hold by themselves, and `range`, which says that a recording is asked
for. Times are milliseconds, lengths seconds, distances metres.
"""

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Final
from zoneinfo import ZoneInfo

from policies.heads import SECONDS_OF, epoch_ms
from policies.hours import WEEK_MIN
from policies.parts import Rule, Terms, radius_m
from policies.vocabulary import Act, Condition, Origin, Purpose

ACTS: Final = tuple(Act)
PURPOSES: Final = tuple(Purpose)
ORIGINS: Final = tuple(Origin)
HOLDING: Final = (Condition.ASK, Condition.PANIC, Condition.TWO_PERSONS)
MINUTE_MS: Final = 60_000
WEEK_MS: Final = WEEK_MIN * MINUTE_MS


def all_of(parts: Iterable[str]) -> str:
    """A conjunction; `true` says nothing."""
    some = [part for part in parts if part != "true"]
    return f"(and {' '.join(some)})" if len(some) > 1 else "".join(some) or "true"


def any_of(parts: Iterable[str]) -> str:
    """A disjunction."""
    some = list(parts)
    return f"(or {' '.join(some)})" if len(some) > 1 else "".join(some) or "false"


def one_of(name: str, numbers: Iterable[int]) -> str:
    """A constant is one of these numbers."""
    return any_of(f"(= {name} {number})" for number in numbers)


def acts(some: Iterable[Act]) -> str:
    """The act is one of these."""
    return one_of("act", sorted(map(ACTS.index, some)))


def covers(some: frozenset[Act]) -> str:
    """An allow of these acts covers every act that is needed."""
    extras = (("audio", Act.LIVE_AUDIO), ("ptz", Act.PTZ_MOVE))
    return all_of([acts(some), *(f"(not {name})" for name, act in extras if act not in some)])


def touches(some: frozenset[Act]) -> str:
    """A deny of these acts is touched by one that is needed."""
    extras = (("audio", Act.LIVE_AUDIO), ("ptz", Act.PTZ_MOVE))
    return any_of([acts(some), *(name for name, act in extras if act in some)])


def purposes(some: Iterable[str]) -> str:
    """The purpose is one of these."""
    return one_of("purpose", [place for place, word in enumerate(PURPOSES) if word in set(some)])


def dates(from_ms: int | None, until_ms: int | None) -> str:
    """Now lies between these dates."""
    parts = [f"(<= {from_ms} now)"] if from_ms is not None else []
    return all_of([*parts, *([f"(< now {until_ms})"] if until_ms is not None else [])])


def lengths(session_s: int, clip_s: int, hold_s: int | None, lines: int) -> str:
    """No more is asked for than these bounds give."""
    bounds = (("session_s", session_s), ("clip_s", clip_s), ("hold_s", hold_s))
    views = (
        f"(=> {acts([act for act, bound in SECONDS_OF.items() if bound == name])} (<= seconds {most}))"
        for name, most in bounds
        if most is not None
    )
    return all_of([*views, f"(<= lines {lines})"])


def of_terms(terms: Terms) -> str:
    """No more is asked for than the terms give, and a recording reaches no farther."""
    reach = [f"(<= age {terms.look_back_s * 1000})", f"(>= (- now age) {terms.history_from_ms})"]
    if terms.around_s is not None:
        reach.append(f"(and incident (<= around {terms.around_s}))")
    bounds = lengths(terms.session_s, terms.clip_s, terms.hold_s, terms.height_lines)
    return f"(and {bounds} (=> range {all_of(reach)}))"


def of_condition(rule: Rule) -> str:
    """The condition of an allow holds."""
    if rule.condition in {*HOLDING, Condition.ALWAYS}:
        return "true" if rule.condition == Condition.ALWAYS else rule.condition
    metres = radius_m(rule.condition)
    return all_of(
        (
            "incident",
            one_of("origin", sorted(map(ORIGINS.index, rule.origins))),
            "true" if rule.is_moving else "(not moved)",
            "true" if metres is None else f"(<= distance {metres})",
        )
    )


def offsets(zone: str, since: datetime, last_ms: int) -> Sequence[tuple[int, int]]:
    """From when on (milliseconds) clocks in a zone are how many minutes ahead of UTC, from `since` on."""
    low_ms = epoch_ms(since)
    found = [(low_ms, _ahead(zone, low_ms))]
    while low_ms < last_ms:
        high_ms = low_ms + WEEK_MS
        if _ahead(zone, high_ms) != found[-1][1]:
            before, after = low_ms, high_ms
            while after - before > 1:
                middle = (before + after) // 2
                before, after = (middle, after) if _ahead(zone, middle) == found[-1][1] else (before, middle)
            found.append((after, _ahead(zone, after)))
        low_ms = high_ms
    return found


@lru_cache(65_536)
def _ahead(zone: str, at_ms: int) -> int:
    at = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(milliseconds=at_ms)
    return (at.astimezone(ZoneInfo(zone)).utcoffset() or timedelta()) // timedelta(minutes=1)
