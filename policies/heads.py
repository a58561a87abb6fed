"""Request heads: one request put into the tokens of a model file."""

import dataclasses
import math
from datetime import datetime
from typing import Final

from policies.geo import far_edge_m
from policies.guardrail import Guardrail
from policies.layers import SharingLayer
from policies.matching import ANY, Ctx, Head, Obj, Sub
from policies.request import Caps, Facts, Request, Subject
from policies.vocabulary import RANGE_ACTS, Act, Tag

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


def asked_caps(request: Request) -> Caps:
    """The caps of a request; a recording is at least as long as the range that is asked for."""
    if SECONDS_OF.get(request.act) == "clip_s" and request.span is not None:
        return dataclasses.replace(request.caps, seconds=max(request.caps.seconds, math.ceil(request.span.seconds)))
    return request.caps


def subject(who: Subject) -> Sub:
    """`r.sub`."""
    principals = {ANY, f"agency:{who.agency}", f"unit:{who.agency}/{who.unit}"}
    principals |= {f"role:{who.agency}/{role}" for role in who.roles}
    return Sub(frozenset(principals), who.agency, who.roles, who.assurance)


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
    camera = layer.policy.camera_by_id[request.camera]
    context = _context(
        request,
        facts,
        caps=caps,
        distance_m=None if request.incident is None else far_edge_m(camera.place, request.incident.cell),
        layer=layer,
        is_any_time=is_any_time,
    )
    needed = request.acts if caps is not None else frozenset({request.act})
    return Head(subject(request.subject), request.partner, Obj(layer.scopes[request.camera]), needed, context)


def guardrail_head(guardrail: Guardrail, request: Request, facts: Facts, tags: frozenset[Tag]) -> Head:
    """A request to an ordinance."""
    scopes = frozenset({ANY} | {f"tag:{tag}" for tag in tags})
    context = _context(request, facts, caps=None, distance_m=None, layer=None, is_any_time=False)
    camera = Obj(scopes, frozenset({guardrail.jurisdiction}))
    return Head(subject(request.subject), request.partner, camera, request.acts, context)


def agency_head(request: Request, facts: Facts) -> Head:
    """A request to the agency's own rules."""
    context = _context(request, facts, caps=None, distance_m=None, layer=None, is_any_time=False)
    return Head(subject(request.subject), request.partner, Obj(frozenset()), request.acts, context)


def _context(
    request: Request, facts: Facts, *, caps: Caps | None, distance_m: int | None, layer: SharingLayer | None,
    is_any_time: bool,
) -> Ctx:  # fmt: skip
    return Ctx(
        now=request.now,
        purpose=request.purpose,
        technology=request.technology,
        incident=request.incident,
        is_recorded=request.act in RANGE_ACTS,
        distance_m=distance_m,
        is_approved=_is_approved(facts, request.act, request.now),
        is_panic=facts.panic_until is not None and request.now < facts.panic_until,
        is_second_person_present=facts.is_second_person_present,
        caps=caps,
        seconds=SECONDS_OF.get(request.act, ""),
        span=request.span,
        windows={} if layer is None else layer.policy.window_by_id,
        terms={} if layer is None else layer.policy.terms_by_id,
        is_any_time=is_any_time,
    )


def _is_approved(facts: Facts, act: Act, now: datetime) -> bool:
    return facts.approval is not None and facts.approval.act == act and now < facts.approval.until
