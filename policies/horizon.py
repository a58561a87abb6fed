"""How long an answer holds: the earliest moment at which it may change although nothing happens.

Windows open and close, dates and agreements end, an approval or a panic runs out, a view reaches its length, a
recording becomes too old. Whoever holds the permit asks again at that moment and need not poll. Too early is harmless.
"""

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta

from policies import hours
from policies.heads import SECONDS_OF, asked_caps, sharing_head
from policies.layers import Layers, SharingLayer
from policies.limits import envelopes_of
from policies.parts import ALWAYS, Rule
from policies.request import Caps, Facts, Request
from policies.vocabulary import Condition, Effect


def horizon(
    layers: Layers, request: Request, caps: Caps, chosen: Sequence[tuple[SharingLayer, Rule]]
) -> datetime | None:
    """The earliest change after `request.now`, or None where only an event can change the answer."""
    facts = layers.facts or Facts()
    moments: list[datetime] = []
    for envelope in envelopes_of(layers):
        moments += _ends(envelope.from_ms, envelope.until_ms)
    for layer, rule in chosen:
        moments += _of_condition(rule, facts)
        moments += _of_document(layer, rule, request, facts)
    if SECONDS_OF.get(request.act) == "session_s":
        moments.append(request.now + timedelta(seconds=caps.seconds))
    return min((moment for moment in moments if moment > request.now), default=None)


def _of_condition(rule: Rule, facts: Facts) -> list[datetime]:
    if rule.condition == Condition.ASK and facts.approval is not None:
        return [facts.approval.until]
    if rule.condition == Condition.PANIC and facts.panic_until is not None:
        return [facts.panic_until]
    return []


def _of_document(layer: SharingLayer, chosen: Rule, request: Request, facts: Facts) -> Iterator[datetime]:
    """The changes of every rule that could take over from the deciding one: each deny, each rule before it, itself."""
    head = sharing_head(layer, request, facts, caps=asked_caps(request), is_any_time=True)
    is_before = True
    for index, rule in enumerate(layer.policy.rules):
        if (rule.effect is Effect.DENY or is_before) and layer.judges.kernel.matches(head, index):
            yield from _of_rule(layer, rule, request)
        is_before = is_before and rule.id != chosen.id


def _of_rule(layer: SharingLayer, rule: Rule, request: Request) -> Iterator[datetime]:
    yield from _ends(rule.from_ms, rule.until_ms)
    if rule.window != ALWAYS:
        window = layer.policy.window_by_id[rule.window]
        change = hours.next_change(window.spans, window.zone, request.now)
        if change is not None:
            yield change
    if request.span is not None and rule.effect is Effect.ALLOW:
        yield request.span.start + timedelta(seconds=layer.policy.terms_by_id[rule.terms].look_back_s)


def _ends(*moments_ms: int | None) -> list[datetime]:
    return [datetime.fromtimestamp(moment / 1000, UTC) for moment in moments_ms if moment is not None]
