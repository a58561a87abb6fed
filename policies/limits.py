"""Arithmetic of caps and obligations: what agreement and ordinance cut, and what a permit obliges to."""

from collections.abc import Sequence
from datetime import timedelta
from typing import Protocol

from policies.guardrail import GuardLimits
from policies.heads import SECONDS_OF, asked_caps
from policies.layers import Layers, SharingLayer
from policies.parts import Envelope, Rule
from policies.request import Caps, Obligations, ObligationValue, Request
from policies.vocabulary import Act, Condition, Notify, Obligation


class Limits(Protocol):
    """Whatever bounds a picture: terms, an envelope, an ordinance."""

    @property
    def session_s(self) -> int:
        """Seconds of one live view."""

    @property
    def height_lines(self) -> int:
        """Picture height."""


def envelopes_of(layers: Layers) -> tuple[Envelope, ...]:
    """Every agreement that binds: the decider's own and each document's."""
    own = () if layers.envelope is None else (layers.envelope,)
    return own + tuple(layer.policy.envelope for layer in layers.sharing)


def outside_agreement(envelope: Envelope, request: Request) -> str:
    """Why an agreement does not cover a request, in one sentence; empty when it does."""
    now_ms = request.now.timestamp() * 1000
    if now_ms < envelope.from_ms or (envelope.until_ms is not None and now_ms >= envelope.until_ms):
        return "The agreement is not in force at this time."
    if request.subject.agency not in envelope.agencies:
        return "The agreement is not with this agency."
    if not request.acts <= envelope.acts:
        return "The agreement does not speak of this."
    if request.purpose not in envelope.purposes:
        return "The agreement does not name this purpose."
    return ""


def over_limits(layers: Layers, request: Request) -> str:
    """Why a range or a hold is longer or older than agreement or ordinance let it; empty when it is not.

    A live view is cut to the limit instead; the range of a recording is what was asked for, or nothing.
    """
    if not request.needs_span or request.span is None or layers.guardrail is None:
        return ""
    limits = layers.guardrail.guardrail.limits
    seconds, field = asked_caps(request).seconds, SECONDS_OF[request.act]
    bounds: tuple[Envelope | GuardLimits, ...] = (*envelopes_of(layers), limits)
    for bound in bounds:
        if seconds > getattr(bound, field, seconds):  # an ordinance has no limit for holds: they release nothing
            return "It is longer than the agreement or an ordinance allows."
        if request.span.start < request.now - timedelta(seconds=bound.look_back_s):
            return "It is older than the agreement or an ordinance allows."
    return ""


def cut(caps: Caps, request: Request, limits: Limits) -> Caps:
    """`caps`, no more than `limits`; only a live view has its seconds cut."""
    is_view = SECONDS_OF.get(request.act) == "session_s"
    seconds = limits.session_s if is_view else caps.seconds
    return caps.cut_to(seconds=seconds, height_lines=limits.height_lines)


def has_undrawn_masks(layers: Layers, obligations: Obligations) -> bool:
    """Whether pictures would owe a mask that nobody can draw there: with nothing said of it, none can be."""
    owed, held = obligations.get(Obligation.MASKS, ()), layers.invariants
    drawn = frozenset[str]() if held is None else held.drawn_masks
    return not (isinstance(owed, tuple) and drawn.issuperset(owed))


def derived_obligations(
    layers: Layers, request: Request, caps: Caps, chosen: Sequence[tuple[SharingLayer, Rule]]
) -> Obligations:
    """The obligations of a permit: the strictest of every deciding rule and of the ordinance."""
    terms = [layer.policy.terms_by_id[rule.terms] for layer, rule in chosen]
    limits = None if layers.guardrail is None else layers.guardrail.guardrail.limits
    is_emergency = any(rule.condition == Condition.TWO_PERSONS for _, rule in chosen)
    is_told_now = is_emergency or any(item.notify is Notify.NOW for item in terms)
    masks = frozenset[str]().union(*(item.masks for item in terms))
    found: dict[Obligation, ObligationValue | None] = {
        Obligation.WATERMARK: any(item.watermark for item in terms) or (limits is not None and limits.watermark),
        Obligation.NOTIFY: str(Notify.NOW if is_told_now else Notify.DIGEST),
        Obligation.MASKS: tuple(sorted(masks)),
        Obligation.RECORD_REASON: limits is not None and limits.record_reason,
        Obligation.SECOND_PERSON: is_emergency,
        Obligation.AFTER_ACTION: is_emergency or (limits is not None and limits.after_action),
        Obligation.AFTER_ACTION_DAYS: (limits and limits.after_action_days) or None,
    }
    if request.act is not Act.REGISTRY_VIEW:
        found[Obligation.MAX_SECONDS] = caps.seconds
        found[Obligation.MAX_HEIGHT] = caps.height_lines
        found[Obligation.AUDIO_OFF] = not caps.audio and request.act is not Act.LIVE_AUDIO
        found[Obligation.PTZ_OFF] = not caps.ptz and request.act is not Act.PTZ_MOVE
    return {kind: value for kind, value in found.items() if value is not None and value is not False and value != ()}
