"""Request heads: one request put into the tokens of a model file, with everything the predicates compare as numbers."""

import dataclasses
import math
from datetime import UTC, datetime, timedelta
from functools import cache, lru_cache
from typing import Final

from policies.geo import Point, far_edge_m
from policies.guardrail import Guardrail
from policies.layers import SharingLayer
from policies.matching import ANY, Asked, Clocks, Ctx, Head, Reach, Told
from policies.request import Caps, Facts, Request, Subject
from policies.vocabulary import RANGE_ACTS, Act, Condition, Duty, Tag, Who

# which number of terms, envelope and ordinance bounds `caps.seconds` of an act; the others have no length
SECONDS_OF: Final = {
    Act.LIVE_VIEW: "session_s",
    Act.LIVE_AUDIO: "session_s",
    Act.PTZ_MOVE: "session_s",
    Act.RECORDED_VIEW: "clip_s",
    Act.CLIP_REQUEST: "clip_s",
    Act.CLIP_FETCH: "clip_s",
    Act.PRESERVE_PLACE: "hold_s",
}
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_MS: Final = timedelta(milliseconds=1)


def asked_caps(request: Request) -> Caps:
    """The caps of a request; a recording is at least as long as the range that is asked for."""
    if SECONDS_OF.get(request.act) == "clip_s" and request.span is not None:
        return dataclasses.replace(request.caps, seconds=max(request.caps.seconds, math.ceil(request.span.seconds)))
    return request.caps


def epoch_ms(moment: datetime) -> int:
    """Whole milliseconds since 1970 UTC, rounded down: exact, as a product of floating seconds is not."""
    return (moment - _EPOCH) // _MS


def names_of(who: Subject) -> frozenset[str]:
    """`r.sub` for an owner's rules: every grantee that means this person."""
    return _grantees(who.agency, who.unit, who.roles)


@lru_cache(4096)
def _grantees(agency: str, unit: str, roles: frozenset[str]) -> frozenset[str]:
    return frozenset({ANY, f"agency:{agency}", f"unit:{agency}/{unit}", *(f"role:{agency}/{role}" for role in roles)})


@lru_cache(4096)
def _colleague(agency: str, roles: frozenset[str], assurance: int) -> frozenset[str]:
    """Signing in surely counts as less surely too."""
    levels = (f"assurance:{level}" for level in range(assurance + 1))
    return frozenset({f"agency:{ANY}", f"agency:{agency}", *(f"role:{role}" for role in roles), *levels})


_ONE: Final = frozenset[str]()
_TWO: Final = frozenset({str(Condition.TWO_PERSONS)})


def _meant(who: Subject) -> frozenset[str]:
    """`r.sub` for an ordinance: the roles, and whether somebody acts for another agency."""
    return _ruled(who.roles, bool(who.on_behalf_of))


@lru_cache(4096)
def _ruled(roles: frozenset[str], is_on_behalf: bool) -> frozenset[str]:
    return frozenset({str(Who.ANY), *([str(Who.ON_BEHALF)] if is_on_behalf else []), *(f"role:{one}" for one in roles)})


@lru_cache(1024)
def _in_ordinance(jurisdiction: str, tags: frozenset[Tag]) -> frozenset[str]:
    return frozenset({ANY, f"jurisdiction:{jurisdiction}", *(f"tag:{tag}" for tag in tags)})


def sharing_head(
    layer: SharingLayer, request: Request, facts: Facts, *, caps: Caps | None, is_any_time: bool = False
) -> Head:
    """A request to an owner's rules.

    Args:
        layer: the owner's document, with this camera in it.
        request: the question.
        facts: what is true at this moment.
        caps: what is asked for; None asks which rule would match for some caps, with the request's act alone.
        is_any_time: take every window and date as open.
    """
    policy = layer.policy
    context = Ctx(
        purpose=request.purpose,
        technology=request.technology,
        now_ms=epoch_ms(request.now),
        clocks=Clocks(request.now),
        holding=_holding(request, facts),
        told=_told(request, policy.camera_by_id[request.camera].place),
        asked=None if caps is None else Asked(caps.seconds, SECONDS_OF.get(request.act, ""), caps.height_lines),
        reach=_reach(request),
        is_any_time=is_any_time,
    )
    needed = request.acts if caps is not None else frozenset({request.act})
    return Head(names_of(request.subject), request.partner, layer.scopes[request.camera], needed, context)


def guardrail_head(
    guardrail: Guardrail, request: Request, tags: frozenset[Tag], *, is_second_person_present: bool = False
) -> Head:
    """A request to an ordinance; of the facts only a second person's approval reaches it, nothing of an owner's."""
    camera = _in_ordinance(guardrail.jurisdiction, tags)
    context = _placeless(request, _TWO if is_second_person_present else _ONE)
    return Head(_meant(request.subject), request.partner, camera, request.acts, context)


def agency_head(request: Request) -> Head:
    """A request to the agency's own rules."""
    who = request.subject
    named = _colleague(who.agency, who.roles, who.assurance)
    return Head(named, request.partner, frozenset(), request.acts, _placeless(request))


def duty_head(who: Subject, duty: Duty, now: datetime) -> Head:
    """A question to the agency's own rules that is about no camera."""
    context = Ctx(
        purpose="", technology="", now_ms=epoch_ms(now), clocks=Clocks(now), holding=frozenset(),
        told=None, asked=None, reach=None,
    )  # fmt: skip
    return Head(_colleague(who.agency, who.roles, who.assurance), "", frozenset(), frozenset({duty}), context)


def _placeless(request: Request, holding: frozenset[str] = frozenset()) -> Ctx:
    """The context of a layer that knows no camera, window or terms."""
    return Ctx(
        purpose=request.purpose,
        technology=request.technology,
        now_ms=epoch_ms(request.now),
        clocks=Clocks(request.now),
        holding=holding,
        told=_told(request, None),
        asked=None,
        reach=None,
    )


def _told(request: Request, camera: Point | None) -> Told | None:
    """The incident, where it is a reason: while it is active, and for recordings also afterwards."""
    incident = request.incident
    if incident is None or not (incident.is_active or request.act in RANGE_ACTS):
        return None
    distance_m = None if camera is None else far_edge_m(camera, incident.cell)
    age_s = (request.now - incident.opened_at).total_seconds()
    return Told(incident.origin, incident.has_moved, distance_m, age_s)


def _reach(request: Request) -> Reach | None:
    span, incident = request.span, request.incident
    if span is None:
        return None
    around = None if incident is None else max(incident.opened_at - span.start, span.end - incident.opened_at)
    return Reach(
        age_s=(request.now - span.start).total_seconds(),
        start_ms=epoch_ms(span.start),
        around_s=None if around is None else around.total_seconds(),
    )


def _holding(request: Request, facts: Facts) -> frozenset[str]:
    approval, panic = facts.approval, facts.panic_until
    return _conditions(
        approval is not None and approval.act == request.act and request.now < approval.until,
        panic is not None and request.now < panic,
        facts.is_second_person_present,
    )


@cache
def _conditions(is_approved: bool, is_panic: bool, is_second_person_present: bool) -> frozenset[str]:
    named = (
        (True, Condition.ALWAYS),
        (is_approved, Condition.ASK),
        (is_panic, Condition.PANIC),
        (is_second_person_present, Condition.TWO_PERSONS),
    )
    return frozenset(str(condition) for is_true, condition in named if is_true)
