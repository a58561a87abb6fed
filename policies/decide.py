"""The one decision, the same at the centre and on site.

`decide` is asked before anything is released; kernel and Casbin enforcer must agree. `preview` asks the kernel alone,
for lists and explanations. Caps are part of the request: a permit needs one allow rule that satisfies the whole of it.
Every layer can only narrow, a missing layer is a deny, and so is any error.

The steps, numbered so in the code: 1 every layer of this place is there; 2 every word is known; 3 invariants; 4 the
ordinance; 5 the agreement; 6 the owner's documents, each of them; 7 facts; 8 the agency's own rules; 9 the answer.
"""

import dataclasses
from collections.abc import Callable

from policies.explain import not_shared
from policies.guardrail import GuardRule
from policies.heads import agency_head, asked_caps, guardrail_head, sharing_head
from policies.horizon import horizon
from policies.kernel import Verdict
from policies.layers import DisagreementError, Layers, SharingLayer
from policies.limits import cut, derived_obligations, envelopes_of, has_undrawn_masks, outside_agreement, over_limits
from policies.request import Caps, Decision, Deny, Facts, Permit, Place, Request
from policies.vocabulary import (
    PURPOSES_OF_KIND,
    PURPOSES_OF_ROLE,
    Act,
    GuardCondition,
    IncidentKind,
    Layer,
    Origin,
    Purpose,
    Reason,
    Remedy,
    Technology,
)

_Check = Callable[[Layers, Request, bool], Deny | None]


def decide(layers: Layers, request: Request) -> Decision:
    """Whether this may be released, and with what.

    Args:
        layers: what the decision stands on, compiled; `layers.place` says which are needed.
        request: the question, with the caps and the time it is asked for.
    """
    return _guarded(layers, request, release=True)


def preview(layers: Layers, request: Request) -> Decision:
    """What `decide` would say, asked of the kernel alone: for lists and explanations, never for a release."""
    return _guarded(layers, request, release=False)


def propose_caps(layers: Layers, request: Request) -> Caps | None:
    """The caps to ask for: those of the first allow rule whose other conditions hold, cut to the person's wish.

    Args:
        layers: as for `decide`.
        request: its caps are the wish.

    Returns:
        Caps to decide with, or None where no rule would permit any; then `decide` with the wish says why not.
    """
    if layers.missing() or _unknown(layers, request, False) or _invariants(layers, request, False):
        return None
    facts = _facts_of(layers)
    caps = asked_caps(request)
    for layer in layers.sharing:
        head = sharing_head(layer, request, facts, caps=None)
        verdict = layer.judges.kernel.verdict(head)
        if not verdict.is_allowed or verdict.row is None:
            return None
        rule = layer.policy.rules[verdict.row]
        caps = cut(caps, request, layer.policy.terms_by_id[rule.terms])
        caps = dataclasses.replace(
            caps, audio=caps.audio and Act.LIVE_AUDIO in rule.acts, ptz=caps.ptz and Act.PTZ_MOVE in rule.acts
        )
    caps = _final_caps(layers, dataclasses.replace(request, caps=caps))
    return next((less for less in _fewer(caps) if isinstance(_with(layers, request, less), Permit)), caps)


def _fewer(caps: Caps) -> tuple[Caps, ...]:
    """`caps`, then without moving, without sound, without either."""
    return tuple(
        dataclasses.replace(caps, audio=caps.audio and audio, ptz=caps.ptz and ptz)
        for audio, ptz in ((True, True), (True, False), (False, True), (False, False))
    )


def _with(layers: Layers, request: Request, caps: Caps) -> Decision:
    return preview(layers, dataclasses.replace(request, caps=caps))


def _guarded(layers: Layers, request: Request, *, release: bool) -> Decision:
    try:
        return _decided(layers, request, release=release)
    except DisagreementError:
        return Deny(Reason.DISAGREEMENT, Layer.SHARING, "Two engines disagree about the same rules.", is_alarm=True)
    except Exception as error:  # noqa: BLE001  whatever breaks inside a decision, nothing is released
        sentence = f"The rules could not be evaluated ({type(error).__name__})."
        return Deny(Reason.ERROR, Layer.SHARING, sentence, is_alarm=True)


def _decided(layers: Layers, request: Request, *, release: bool) -> Decision:
    missing = layers.missing()  # 1
    if missing is not None:
        return Deny(Reason.LAYER_MISSING, missing, f"The layer {missing} is not there.")
    before: tuple[_Check, ...] = (_unknown, _invariants, _guardrail, _agreement)  # 2 to 5
    for check in before:
        denied = check(layers, request, release)
        if denied is not None:
            return denied
    verdicts: list[tuple[SharingLayer, Verdict]] = []
    for layer in layers.sharing:  # 6
        head = sharing_head(layer, request, _facts_of(layers), caps=asked_caps(request))
        verdict = layer.judges.verdict(head, release=release)
        if not verdict.is_allowed:
            return not_shared(layer, request, _facts_of(layers), head, verdict)
        verdicts.append((layer, verdict))
    after: tuple[_Check, ...] = (_totals, _agency)  # 7, 8
    for check in after:
        denied = check(layers, request, release)
        if denied is not None:
            return denied
    return _permit(layers, request, verdicts)  # 9


def _facts_of(layers: Layers) -> Facts:
    assert layers.facts is not None  # step 1
    return layers.facts


def _unknown(layers: Layers, request: Request, _release: bool) -> Deny | None:
    """2. Every word is of the closed vocabulary, and what is asked for is whole."""
    del layers
    incident = request.incident
    known = request.act in set(Act) and request.purpose in set(Purpose) and request.technology in set(Technology)
    if incident is not None:
        known = known and incident.kind in set(IncidentKind) and incident.origin in set(Origin)
    if not known:
        return Deny(Reason.UNKNOWN_TERM, Layer.INVARIANTS, "The request uses a word we do not know.")
    if request.needs_span and (request.span is None or request.span.seconds <= 0):
        return Deny(Reason.RANGE_MISSING, Layer.INVARIANTS, "A recording is asked for without a time range.")
    if incident is not None and request.purpose not in PURPOSES_OF_KIND[incident.kind]:
        sentence = f"An incident of the kind {incident.kind} is no ground for {request.purpose}."
        return Deny(Reason.PURPOSE_MISMATCH, Layer.FACTS, sentence)
    role = request.subject.said_role
    if request.purpose not in PURPOSES_OF_ROLE.get(role, Purpose):
        return Deny(Reason.PURPOSE_MISMATCH, Layer.FACTS, f"{request.purpose} is no purpose of the role {role}.")
    return None


def _invariants(layers: Layers, request: Request, _release: bool) -> Deny | None:
    """3. What must be true whatever the rules say."""
    held = layers.invariants
    assert held is not None  # step 1
    for is_broken, reason, sentence in (
        (held.is_suspended, Reason.SUSPENDED, "Sharing is switched off for the whole network."),
        (held.is_paused, Reason.PAUSED, "This site is paused."),
        (not held.is_partner_active, Reason.PARTNER_INACTIVE, "This partner has withdrawn or is not accepted yet."),
        (not held.is_account_active, Reason.ACCOUNT_INACTIVE, "The account of the person asking is not active."),
        (not held.is_camera_present, Reason.NO_SUCH_CAMERA, "This camera is not shared by this site."),
    ):
        if is_broken:
            return Deny(reason, Layer.INVARIANTS, sentence)
    for layer in layers.sharing:
        if layer.policy.partner != request.partner:
            return Deny(Reason.WRONG_PARTNER, Layer.INVARIANTS, "The rules are another partner's.")
        if request.camera not in layer.scopes:
            return Deny(Reason.NO_SUCH_CAMERA, Layer.INVARIANTS, "This camera is not in the owner's document.")
    return None


def _guardrail(layers: Layers, request: Request, release: bool) -> Deny | None:
    """4. The ordinance; on site it is the pack that the owner's document pins."""
    held = layers.guardrail
    assert held is not None  # step 1
    pack = held.guardrail
    pinned = {layer.policy.guardrail for layer in layers.sharing}
    if layers.place is Place.SITE and pinned != {pack.digest}:
        return Deny(Reason.WRONG_GUARDRAIL, Layer.GUARDRAIL, "The ordinance is not the one the document pins.")
    tags = frozenset(tag for layer in layers.sharing for tag in layer.policy.tags_of(request.camera))
    head = guardrail_head(pack, request, tags, is_second_person_present=_facts_of(layers).is_second_person_present)
    verdict = held.judges.verdict(head, release=release)
    if verdict.is_allowed:
        return None
    rule = pack.rules[verdict.row or 0]
    remedies = _remedies_of(rule, layers, request)
    return Deny(Reason.GUARDRAIL, Layer.GUARDRAIL, f"An ordinance forbids this: {rule.cite}", remedies, rule.id)


def _remedies_of(rule: GuardRule, layers: Layers, request: Request) -> tuple[Remedy, ...]:
    """A second person, where their approval is all that the ordinance, and everybody else, still wants."""
    if rule.condition != GuardCondition.ONE_PERSON or request.subject.on_behalf_of:
        return ()
    facts = dataclasses.replace(_facts_of(layers), is_second_person_present=True)
    answer = _decided(dataclasses.replace(layers, facts=facts), request, release=False)
    return (Remedy.TWO_PERSONS,) if isinstance(answer, Permit) else ()


def _agreement(layers: Layers, request: Request, _release: bool) -> Deny | None:
    """5. Every envelope: the decider's own and each document's; then what envelope and ordinance limit."""
    for envelope in envelopes_of(layers):
        sentence = outside_agreement(envelope, request)
        if sentence:
            return Deny(Reason.AGREEMENT, Layer.ENVELOPE, sentence)
    sentence = over_limits(layers, request)
    return Deny(Reason.AGREEMENT, Layer.ENVELOPE, sentence) if sentence else None


def _totals(layers: Layers, request: Request, _release: bool) -> Deny | None:
    """7. The site's totals."""
    usage = _facts_of(layers).usage
    for layer in layers.sharing:
        totals = layer.policy.totals
        if request.is_live:
            spent = usage.live_s >= totals.live_s_per_day or usage.views_now >= totals.views_at_once
        else:
            asked = asked_caps(request).seconds if request.act in {Act.RECORDED_VIEW, Act.CLIP_FETCH} else 0
            spent = usage.clip_s + asked > totals.clip_s_per_day
        if spent:
            return Deny(Reason.TOTALS, Layer.FACTS, "The owner's limit for a day, or for one time, is reached.")
    return None


def _agency(layers: Layers, request: Request, release: bool) -> Deny | None:
    """8. The agency's own rules, where this place has them."""
    if layers.agency is None:
        return None
    verdict = layers.agency.judges.verdict(agency_head(request), release=release)
    if verdict.is_allowed:
        return None
    return Deny(Reason.AGENCY, Layer.AGENCY, "The agency does not let this role do this, or the sign-in is too weak.")


def _final_caps(layers: Layers, request: Request) -> Caps:
    """What was asked for, cut to agreements, ordinance and totals."""
    caps = asked_caps(request)
    for envelope in envelopes_of(layers):
        caps = cut(caps, request, envelope)
    assert layers.guardrail is not None  # step 1
    caps = cut(caps, request, layers.guardrail.guardrail.limits)
    if request.is_live:
        left = [layer.policy.totals.live_s_per_day - _facts_of(layers).usage.live_s for layer in layers.sharing]
        caps = caps.cut_to(seconds=max(0, min(left)), height_lines=caps.height_lines)
    return caps


def _permit(layers: Layers, request: Request, verdicts: list[tuple[SharingLayer, Verdict]]) -> Decision:
    """9. The tightest of everything."""
    caps = _final_caps(layers, request)
    chosen = [(layer, layer.policy.rules[verdict.row or 0]) for layer, verdict in verdicts]
    if request.is_live and (caps.seconds < 1 or caps.height_lines < 1):
        return Deny(Reason.TERMS, Layer.ENVELOPE, "Nothing is left of what was asked for.")
    obligations = derived_obligations(layers, request, caps, chosen)
    if request.is_shown and has_undrawn_masks(layers, obligations):
        sentence = "This camera lacks an area that must be black, so no picture is given."
        return Deny(Reason.MASKS, Layer.SHARING, sentence, rule=chosen[0][1].id)
    return Permit(
        caps=caps,
        obligations=obligations,
        horizon=horizon(layers, request, caps, chosen),
        rules=tuple(rule.id for _, rule in chosen),
    )
