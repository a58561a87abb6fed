"""The predicates that the model files name: each compares one part of a request with one field of a rule.

Rule fields are text from the closed vocabulary; a list is written `a|b`. Every predicate answers True or False, and
False to a word it does not know.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import lru_cache
from typing import Final, NamedTuple

from policies import hours
from policies.parts import ALWAYS, NO_TERMS, Terms, Window
from policies.request import Caps, Incident, Span
from policies.vocabulary import Act, Condition, GuardCondition, Origin

MOVED: Final = "moved"  # stands among a rule's origins where incidents that moved count too
ANY: Final = "any"


@dataclass(frozen=True, slots=True)
class Sub:
    """`r.sub`: who asks."""

    principals: frozenset[str]
    agency: str
    roles: frozenset[str]
    assurance: int


@dataclass(frozen=True, slots=True)
class Obj:
    """`r.obj`: the camera, as the rules may name it."""

    scopes: frozenset[str]
    jurisdictions: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Ctx:
    """`r.ctx`: everything else that a rule may look at.

    Attributes:
        is_recorded: whether the act is about recordings; a closed incident is a reason for these only.
        distance_m: to the far edge of the incident's cell; None without an incident.
        caps: None asks whether a rule would match for some caps.
        is_any_time: dates and windows are taken as open: asks whether a rule might match at another time.
    """

    now: datetime
    purpose: str
    technology: str
    incident: Incident | None
    is_recorded: bool
    distance_m: int | None
    is_approved: bool
    is_panic: bool
    is_second_person_present: bool
    caps: Caps | None
    seconds: str  # which number of the terms bounds caps.seconds: session_s, clip_s, hold_s, or empty
    span: Span | None
    windows: Mapping[str, Window]
    terms: Mapping[str, Terms]
    is_any_time: bool = False


class Head(NamedTuple):
    """One request in the tokens of a model file."""

    sub: Sub
    dom: str
    obj: Obj
    act: frozenset[Act]
    ctx: Ctx


@lru_cache(4096)
def words(field: str) -> frozenset[str]:
    """The words of a field `a|b`."""
    return frozenset(field.split("|"))


@lru_cache(4096)
def _dates(field: str) -> tuple[int | None, int | None]:
    low, _, high = field.partition("/")
    return (int(low) if low else None), (int(high) if high else None)


def grantee(sub: Sub, field: str) -> bool:
    """The rule speaks of this caller."""
    return field in sub.principals


def scope(obj: Obj, field: str) -> bool:
    """The rule speaks of this camera."""
    return field in obj.scopes


def acts(needed: frozenset[Act], field: str, effect: str) -> bool:
    """An allow covers every act that is needed; anything else is touched by one of them."""
    named = words(field)
    return needed <= named if effect == "allow" else not named.isdisjoint(needed)


def purpose(ctx: Ctx, field: str) -> bool:
    """The rule speaks of this purpose."""
    return ctx.purpose in words(field)


def dates(ctx: Ctx, field: str) -> bool:
    """Now lies between the rule's dates, `from/until` in milliseconds."""
    low, high = _dates(field)
    now_ms = ctx.now.timestamp() * 1000
    return ctx.is_any_time or ((low is None or now_ms >= low) and (high is None or now_ms < high))


def window(ctx: Ctx, field: str) -> bool:
    """The rule's weekly window is open."""
    if field == ALWAYS:
        return True
    found = ctx.windows.get(field)
    return found is not None and (ctx.is_any_time or hours.is_open(found.spans, found.zone, ctx.now))


def condition(ctx: Ctx, field: str, origins: str) -> bool:
    """The rule's condition holds."""
    match field:
        case Condition.ALWAYS:
            return True
        case Condition.ASK:
            return ctx.is_approved
        case Condition.PANIC:
            return ctx.is_panic
        case Condition.TWO_PERSONS:
            return ctx.is_second_person_present
        case Condition.ANY:
            return _incident_counts(ctx, origins)
        case _:
            kind, _, metres = field.partition(":")
            is_near = ctx.distance_m is not None and metres.isdigit() and ctx.distance_m <= int(metres)
            return kind == Condition.NEAR and is_near and _incident_counts(ctx, origins)


def _incident_counts(ctx: Ctx, origins: str) -> bool:
    incident = ctx.incident
    if incident is None or incident.origin not in words(origins):
        return False
    if incident.has_moved and MOVED not in words(origins):
        return False
    return incident.is_active or ctx.is_recorded


def terms(ctx: Ctx, field: str) -> bool:
    """What is asked for is no more than the rule's terms give."""
    if field == NO_TERMS:
        return True
    found = ctx.terms.get(field)
    if found is None or not _reaches(ctx, found):
        return False
    if ctx.caps is None:
        return True
    bound = getattr(found, ctx.seconds) if ctx.seconds else ctx.caps.seconds
    return ctx.caps.seconds <= bound and ctx.caps.height_lines <= found.height_lines


def _reaches(ctx: Ctx, found: Terms) -> bool:
    """Whether the range that is asked for lies where the terms let it."""
    if ctx.span is None:
        return True
    if ctx.span.start < ctx.now - timedelta(seconds=found.look_back_s):
        return False
    if ctx.span.start.timestamp() * 1000 < found.history_from_ms:
        return False
    if found.around_s is None:
        return True
    if ctx.incident is None:
        return False
    around = timedelta(seconds=found.around_s)
    return ctx.incident.opened_at - around <= ctx.span.start and ctx.span.end <= ctx.incident.opened_at + around


def jurisdiction(obj: Obj, field: str) -> bool:
    """The ordinance holds where the camera is."""
    return field in obj.jurisdictions


def guard_purpose(ctx: Ctx, field: str) -> bool:
    """The guard-rail speaks of this purpose."""
    return field == ANY or ctx.purpose in words(field)


def technology(ctx: Ctx, field: str) -> bool:
    """The guard-rail speaks of what will be done with the picture."""
    return field == ANY or ctx.technology in words(field)


def guard_condition(ctx: Ctx, field: str) -> bool:
    """The guard-rail's condition holds; one that we do not know holds, for it can only deny."""
    incident = ctx.incident
    has_incident = incident is not None and (incident.is_active or ctx.is_recorded)
    match field:
        case GuardCondition.NO_INCIDENT:
            return not has_incident
        case GuardCondition.HAND_INCIDENT:
            return not has_incident or (incident is not None and incident.origin == Origin.HAND)
        case _:
            return True


def agency(sub: Sub, field: str) -> bool:
    """The rule speaks of the caller's agency."""
    return field in {ANY, sub.agency}


def role(sub: Sub, field: str) -> bool:
    """The rule speaks of one of the caller's roles."""
    return field in sub.roles


def assurance(sub: Sub, field: str) -> bool:
    """The caller signed in at least this surely."""
    return sub.assurance >= int(field)


_PREDICATES: Final[tuple[Callable[..., bool], ...]] = (
    grantee, scope, acts, purpose, dates, window, condition, terms,
    jurisdiction, guard_purpose, technology, guard_condition,
    agency, role, assurance,
)  # fmt: skip
FUNCTIONS: Final = {predicate.__name__: predicate for predicate in _PREDICATES}
