"""How long an answer holds: the earliest moment at which it may change although nothing happens.

Windows open and close, dates and agreements begin and end, an approval or a panic runs out, a view reaches its length,
a recording becomes too old. Whoever holds the answer asks again at that moment and need not poll. Too early is
harmless. What others must tell us (an incident that closes, a camera that goes) is an event and not foreseen here.
"""

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta

from policies import hours
from policies.guardrail import age_s
from policies.heads import SECONDS_OF, asked_caps, sharing_head
from policies.layers import Layers, SharingLayer
from policies.limits import envelopes_of
from policies.parts import ALWAYS, Rule
from policies.request import Caps, Decision, Facts, Permit, Request
from policies.vocabulary import Condition, Effect

_AFTER = timedelta(microseconds=1)  # a recording is too old once it is older than its limit, not as old


def next_change(layers: Layers, request: Request, decision: Decision) -> datetime | None:
    """When a decision may change by itself: a permit's horizon; for a deny, the earliest moment it may become a yes.

    Args:
        layers: what the decision stood on.
        request: the question it answered.
        decision: the answer.
    """
    if isinstance(decision, Permit):
        return decision.horizon
    if layers.missing() or any(request.camera not in layer.scopes for layer in layers.sharing):
        return None
    moments = [moment for envelope in envelopes_of(layers) for moment in _ends(envelope.from_ms, envelope.until_ms)]
    for layer in layers.sharing:
        moments += _of_document(layer, None, request, layers.facts or Facts())
    return _earliest(moments, request.now)


def horizon(
    layers: Layers, request: Request, caps: Caps, chosen: Sequence[tuple[SharingLayer, Rule]]
) -> datetime | None:
    """The earliest change of a permit after `request.now`, or None where only an event can change it."""
    facts = layers.facts or Facts()
    moments: list[datetime] = []
    for envelope in envelopes_of(layers):
        moments += _ends(envelope.from_ms, envelope.until_ms)
    moments += _too_old(layers, request)
    moments += _too_long_ago(layers, request)
    for layer, rule in chosen:
        moments += _of_condition(rule, facts)
        moments += _of_document(layer, rule, request, facts)
    if SECONDS_OF.get(request.act) == "session_s":
        moments.append(request.now + timedelta(seconds=caps.seconds))
    return _earliest(moments, request.now)


def _earliest(moments: list[datetime], now: datetime) -> datetime | None:
    return min((moment for moment in moments if moment > now), default=None)


def _too_old(layers: Layers, request: Request) -> Iterator[datetime]:
    """When a recording becomes older than an agreement or the ordinance lets it."""
    if request.span is None:
        return
    assert layers.guardrail is not None  # a decision without one is a deny
    bounds = [envelope.look_back_s for envelope in envelopes_of(layers)]
    for look_back_s in (*bounds, layers.guardrail.guardrail.limits.look_back_s):
        yield request.span.start + timedelta(seconds=look_back_s) + _AFTER


def _too_long_ago(layers: Layers, request: Request) -> Iterator[datetime]:
    """When an incident was opened so long ago that the ordinance counts it no more."""
    if request.incident is None:
        return
    assert layers.guardrail is not None  # a decision without one is a deny
    for rule in layers.guardrail.guardrail.rules:
        seconds = age_s(rule.condition)
        if seconds is not None and not rule.acts.isdisjoint(request.acts):
            yield request.incident.opened_at + timedelta(seconds=seconds) + _AFTER


def _of_condition(rule: Rule, facts: Facts) -> list[datetime]:
    if rule.condition == Condition.ASK and facts.approval is not None:
        return [facts.approval.until]
    if rule.condition == Condition.PANIC and facts.panic_until is not None:
        return [facts.panic_until]
    return []


def _of_document(layer: SharingLayer, chosen: Rule | None, request: Request, facts: Facts) -> Iterator[datetime]:
    """The changes of every rule that could take over from the deciding one: each deny, each rule before it, itself.

    Without a deciding rule it is every rule that would match at some other time.
    """
    head = sharing_head(layer, request, facts, caps=asked_caps(request), is_any_time=True)
    is_before = True
    for index, rule in enumerate(layer.policy.rules):
        if (rule.effect is Effect.DENY or is_before) and layer.judges.kernel.matches(head, index):
            yield from _of_rule(layer, rule, request)
        is_before = is_before and (chosen is None or rule.id != chosen.id)


def _of_rule(layer: SharingLayer, rule: Rule, request: Request) -> Iterator[datetime]:
    yield from _ends(rule.from_ms, rule.until_ms)
    if rule.window != ALWAYS:
        window = layer.policy.window_by_id[rule.window]
        change = hours.next_change(window.spans, window.zone, request.now)
        if change is not None:
            yield change
    if request.span is not None and rule.effect is Effect.ALLOW:
        yield request.span.start + timedelta(seconds=layer.policy.terms_by_id[rule.terms].look_back_s) + _AFTER


def _ends(*moments_ms: int | None) -> list[datetime]:
    return [datetime(1970, 1, 1, tzinfo=UTC) + timedelta(milliseconds=at) for at in moments_ms if at is not None]
