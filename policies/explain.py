"""Why an owner's document says no, and what the person who asked could do where the owner offers it.

Each allow rule is walked in a fixed order of stages; the rule that got farthest gives the reason. This names an owner's
rules: it is for the owner and the auditor. The operator is told the remedy and nothing else.
"""

from typing import Final

from policies import matching
from policies.heads import asked_caps, sharing_head
from policies.kernel import Verdict
from policies.layers import SharingLayer, SharingRow
from policies.matching import Head
from policies.request import Deny, Facts, Request
from policies.vocabulary import Condition, Effect, Layer, Reason, Remedy

_SENTENCES: Final = {
    Reason.NOT_SHARED: "No rule speaks of this camera.",
    Reason.GRANTEE: "The rules for this camera are for others.",
    Reason.ACT: "The rules for this camera do not include this.",
    Reason.PURPOSE: "The rules for this camera do not include this purpose.",
    Reason.DATES: "The rule has ended or has not begun.",
    Reason.WINDOW: "It is outside the hours of the rule.",
    Reason.CONDITION: "The condition of the rule does not hold.",
    Reason.TERMS: "More is asked for than the rule gives.",
}
_REMEDIES: Final[dict[str, Remedy]] = {Condition.ASK: Remedy.ASK, Condition.TWO_PERSONS: Remedy.TWO_PERSONS}
_PREFERRED: Final = (Remedy.LINK_INCIDENT, Remedy.ASK, Remedy.TWO_PERSONS)


def not_shared(layer: SharingLayer, request: Request, facts: Facts, verdict: Verdict) -> Deny:
    """The deny for a request that the owner's rules do not permit."""
    if verdict.row is not None:
        rule = layer.rows[verdict.row].rid
        return Deny(Reason.DENY_RULE, Layer.SHARING, "A rule of the owner forbids this.", rule=rule)
    head = sharing_head(layer, request, facts, caps=asked_caps(request))
    some = sharing_head(layer, request, facts, caps=None)
    reached = [
        (next((count for count, is_passed in enumerate(stages) if not is_passed), len(stages)), row.rid)
        for row, stages in ((row, _stages(head, row)) for row in layer.rows if row.eft == Effect.ALLOW)
    ]
    best, nearest = max(reached, key=lambda item: item[0], default=(0, ""))
    reason = tuple(_SENTENCES)[best]
    offers = {_offer(some, row) for row in layer.rows if row.eft == Effect.ALLOW}
    remedy = next((item for item in _PREFERRED if item in offers), Remedy.NONE)
    return Deny(reason, Layer.SHARING, _SENTENCES[reason], remedy, nearest if best else "")


def _stages(head: Head, row: SharingRow) -> tuple[bool, ...]:
    """What a rule asks in the order of `_SENTENCES`, but for its terms, which come last."""
    return (
        matching.scope(head.obj, row.scope),
        matching.grantee(head.sub, row.grantee),
        matching.acts(head.act, row.act, row.eft),
        matching.purpose(head.ctx, row.purpose),
        matching.dates(head.ctx, row.dates),
        matching.window(head.ctx, row.window),
        matching.condition(head.ctx, row.condition, row.origin),
    )


def _offer(head: Head, row: SharingRow) -> Remedy:
    """What would make this rule hold, where its condition alone is missing."""
    *before, condition = _stages(head, row)
    if condition or not all(before):
        return Remedy.NONE
    kind = row.condition.partition(":")[0]
    if kind in {Condition.ANY, Condition.NEAR}:
        return Remedy.LINK_INCIDENT if head.ctx.incident is None else Remedy.NONE
    return _REMEDIES.get(kind, Remedy.NONE)
