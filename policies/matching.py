"""The predicates that the model files name: each compares one part of a request with one field of a rule.

Who is meant and which camera are plain names: a rule's name is among those of the request, which the models say with
`in`. Everything else is a predicate here. Rule fields are text from the closed vocabulary; a list is written `a|b`.
`prepared` reads each field once, when rules are loaded, into what its predicate compares,
and puts windows and terms in place of their names. Every predicate answers True
or False, and False to a word it does not know. What a predicate needs of the clock, the map or a range stands in the
request's head as a number already (`policies.heads`), so that one rule costs no arithmetic on dates.
"""

import math
from bisect import bisect_right
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from typing import Final, NamedTuple

from policies import hours
from policies.parts import Terms
from policies.vocabulary import Act, Condition, Duty, GuardCondition, Origin

MOVED: Final = "moved"  # stands among a rule's origins where incidents that moved count too
ANY: Final = "any"


@dataclass(frozen=True, slots=True)
class Told:
    """The incident, where it is a reason for what is asked.

    Attributes:
        distance_m: from the camera to the far edge of its cell; None where no camera is looked at.
        age_s: how long before now it was opened.
    """

    origin: str
    has_moved: bool
    distance_m: int | None
    age_s: float = 0.0


@dataclass(frozen=True, slots=True)
class Asked:
    """How much is asked for; `bound` names the number of the terms that bounds `seconds`, or is empty."""

    seconds: int
    bound: str
    height_lines: int


@dataclass(frozen=True, slots=True)
class Reach:
    """How far a recording reaches.

    Attributes:
        age_s: how long before now it begins.
        start_ms: when it begins.
        around_s: its farthest end from the opening of the incident; None without an incident.
    """

    age_s: float
    start_ms: int
    around_s: float | None


class Hours(NamedTuple):
    """A weekly window: the zone whose clocks count, and the minutes of the week at which it opens and closes."""

    zone: str
    edges: hours.Edges


class Clocks(dict[str, int]):
    """The minute of the week that the clocks of a time zone show at one moment, read when a window first asks."""

    def __init__(self, now: datetime) -> None:
        super().__init__()
        self._now = now

    def __missing__(self, zone: str) -> int:
        minute = self[zone] = hours.minute_of_week(self._now, zone)
        return minute


@dataclass(frozen=True, slots=True)
class Ctx:
    """`r.ctx`: everything else that a rule may look at.

    Attributes:
        clocks: what the clocks of each time zone show.
        holding: the conditions that hold without an incident: `always`, and those that a fact makes true.
        told: None without an incident that is a reason: a closed one is for recordings only.
        asked: None asks whether a rule would match for some caps.
        is_any_time: dates and windows are taken as open: asks whether a rule might match at another time.
    """

    purpose: str
    technology: str
    now_ms: int
    clocks: Clocks
    holding: frozenset[str]
    told: Told | None
    asked: Asked | None
    reach: Reach | None
    is_any_time: bool = False


class Head(NamedTuple):
    """One request in the tokens of a model file.

    Attributes:
        sub: every name by which a rule may mean the person who asks.
        dom: the partner.
        obj: every name by which a rule may mean the camera.
        act: every act that is needed.
    """

    sub: frozenset[str]
    dom: str
    obj: frozenset[str]
    act: frozenset[Act] | frozenset[Duty]
    ctx: Ctx


class OpenedBefore(NamedTuple):
    """No incident, or one that was opened longer ago than this."""

    seconds: int


Dates = tuple[float, float]


@lru_cache(65_536)
def words(field: str) -> frozenset[str]:
    """The words of a field `a|b`; many rules say the same, and then share one set."""
    return frozenset(field.split("|"))


def read_dates(field: str) -> Dates:
    """The dates of a field `from/until`, in milliseconds; an open end is infinite."""
    low, _, high = field.partition("/")
    return (int(low) if low else -math.inf), (int(high) if high else math.inf)


def read_condition(field: str) -> str | int | OpenedBefore:
    """The radius of `near:<metres>` as a number, `opened_before:<seconds>` as such, any other condition as its word."""
    kind, _, number = field.partition(":")
    if number.isdigit() and kind == Condition.NEAR:
        return int(number)
    if number.isdigit() and kind == GuardCondition.OPENED_BEFORE:
        return OpenedBefore(int(number))
    return field


_READERS: Final[Mapping[str, Callable[[str], object]]] = {
    "act": words,
    "purpose": words,
    "technology": words,
    "origin": words,
    "dates": read_dates,
    "condition": read_condition,
}
# what the names in a field stand for: field, then name
Names = Mapping[str, Mapping[str, object]]


def prepared(tokens: Sequence[str], row: Sequence[str], names: Names) -> tuple[object, ...]:
    """A rule with each field read, and each name in place of which something stands exchanged for it.

    Args:
        tokens: the rule's fields, as the model names them.
        row: their text.
        names: `window` and `terms` of the document the rule is from.

    Raises:
        KeyError: a name stands for nothing.
    """
    return tuple(
        names[token][field] if token in names else _READERS.get(token, str)(field)
        for token, field in zip(tokens, row, strict=True)
    )


def acts(needed: frozenset[Act] | frozenset[Duty], field: frozenset[str], effect: str) -> bool:
    """An allow covers every act that is needed; anything else is touched by one of them."""
    return needed <= field if effect == "allow" else not field.isdisjoint(needed)


def purpose(ctx: Ctx, field: frozenset[str]) -> bool:
    """The rule speaks of this purpose."""
    return ctx.purpose in field


def dates(ctx: Ctx, field: Dates) -> bool:
    """Now lies between the rule's dates."""
    low, high = field
    return low <= ctx.now_ms < high or ctx.is_any_time


def window(ctx: Ctx, field: Hours | None) -> bool:
    """The rule's weekly window is open; None is never closed."""
    if field is None or ctx.is_any_time:
        return True
    return bisect_right(field.edges, ctx.clocks[field.zone]) % 2 == 1  # opened once more than closed


def condition(ctx: Ctx, field: str | int, origins: frozenset[str]) -> bool:
    """The rule's condition holds: a word, or the radius in which an incident must lie."""
    if field in ctx.holding:
        return True
    told = ctx.told
    if told is None or told.origin not in origins or (told.has_moved and MOVED not in origins):
        return False
    if isinstance(field, int):
        return told.distance_m is not None and told.distance_m <= field
    return field == Condition.ANY


def terms(ctx: Ctx, field: Terms | None) -> bool:
    """What is asked for is no more than the rule's terms give; a deny has none."""
    if field is None:
        return True
    asked, reach = ctx.asked, ctx.reach
    if asked is not None:
        if asked.height_lines > field.height_lines:
            return False
        if asked.bound and asked.seconds > getattr(field, asked.bound):
            return False
    if reach is None:
        return True
    if reach.age_s > field.look_back_s or reach.start_ms < field.history_from_ms:
        return False
    return field.around_s is None or (reach.around_s is not None and reach.around_s <= field.around_s)


def guard_purpose(ctx: Ctx, field: frozenset[str]) -> bool:
    """The guard-rail speaks of this purpose."""
    return ANY in field or ctx.purpose in field


def technology(ctx: Ctx, field: frozenset[str]) -> bool:
    """The guard-rail speaks of what will be done with the picture."""
    return ANY in field or ctx.technology in field


def guard_condition(ctx: Ctx, field: str | OpenedBefore) -> bool:
    """The guard-rail's condition holds; one that we do not know holds, for it can only deny."""
    match field:
        case OpenedBefore(seconds):
            return ctx.told is None or ctx.told.age_s > seconds
        case GuardCondition.ONE_PERSON:
            return Condition.TWO_PERSONS not in ctx.holding
        case GuardCondition.NO_INCIDENT:
            return ctx.told is None
        case GuardCondition.HAND_INCIDENT:
            return ctx.told is None or ctx.told.origin == Origin.HAND
        case _:
            return True


_PREDICATES: Final[tuple[Callable[..., bool], ...]] = (
    acts, purpose, dates, window, condition, terms, guard_purpose, technology, guard_condition,
)  # fmt: skip
FUNCTIONS: Final = {predicate.__name__: predicate for predicate in _PREDICATES}
