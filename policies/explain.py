"""Why an owner's document says no, and what the person who asked could do where the owner offers it.

The kernel says which allow rule came nearest and which of its fields stopped it, in the order of the model's terms.
This names an owner's rules: it is for the owner and the auditor. The operator is told the remedies and nothing else.
An owner's yes, and a second person's word, are to the agency that asks: for another one behind it they are no remedy.
"""

from typing import Final

from policies.heads import sharing_head
from policies.kernel import Verdict
from policies.layers import SharingLayer
from policies.matching import Head
from policies.parts import Rule
from policies.request import Deny, Facts, Request
from policies.vocabulary import REMEDIES, Condition, Effect, Layer, Reason, Remedy

_SILENT: Final = (Reason.NOT_SHARED, "No rule speaks of this camera.")
# the field that stopped the nearest rule; stopped by an earlier one, no rule speaks of the camera at all
_REASONS: Final = {
    "grantee": (Reason.GRANTEE, "The rules for this camera are for others."),
    "act": (Reason.ACT, "The rules for this camera do not include this."),
    "purpose": (Reason.PURPOSE, "The rules for this camera do not include this purpose."),
    "dates": (Reason.DATES, "The rule has ended or has not begun."),
    "window": (Reason.WINDOW, "It is outside the hours of the rule."),
    "condition": (Reason.CONDITION, "The condition of the rule does not hold."),
    "terms": (Reason.TERMS, "More is asked for than the rule gives."),
}
_OFFERS: Final[dict[str, Remedy]] = {Condition.ASK: Remedy.ASK, Condition.TWO_PERSONS: Remedy.TWO_PERSONS}


def not_shared(layer: SharingLayer, request: Request, facts: Facts, head: Head, verdict: Verdict) -> Deny:
    """The deny for a request that the owner's rules do not permit.

    Args:
        layer: the document.
        request: the question.
        facts: what is true at this moment.
        head: the request, as the verdict was given on it.
        verdict: what the kernel said.
    """
    reason, sentence, rule = reason_of(layer, head, verdict)
    remedies = () if reason is Reason.DENY_RULE else _remedies(layer, request, facts)
    return Deny(reason, Layer.SHARING, sentence, remedies, rule)


def reason_of(layer: SharingLayer, head: Head, verdict: Verdict) -> tuple[Reason, str, str]:
    """Why it is refused: the reason, its sentence, and the rule that forbids it or came nearest (or empty)."""
    rules = layer.policy.rules
    if verdict.row is not None:
        return Reason.DENY_RULE, "A rule of the owner forbids this.", rules[verdict.row].id
    row, field = verdict.nearest, verdict.stopped_by
    if row is None:
        row, field = layer.judges.kernel.nearest(head)
    reason, sentence = _REASONS.get(field, _SILENT)
    return reason, sentence, "" if row is None or reason is Reason.NOT_SHARED else rules[row].id


def _remedies(layer: SharingLayer, request: Request, facts: Facts) -> tuple[Remedy, ...]:
    """Everything that would make a rule hold, for some caps, where its condition alone is missing."""
    head = sharing_head(layer, request, facts, caps=None)
    offers = {
        _offer(rule, request)
        for index, rule in enumerate(layer.policy.rules)
        if rule.effect is Effect.ALLOW and layer.judges.kernel.stopped_at(head, index) == "condition"
    }
    return tuple(item for item in REMEDIES if item in offers)


def _offer(rule: Rule, request: Request) -> Remedy:
    kind = rule.condition.partition(":")[0]
    if kind in {Condition.ANY, Condition.NEAR}:
        return Remedy.LINK_INCIDENT if request.incident is None else Remedy.NONE
    if request.subject.on_behalf_of:
        return Remedy.NONE
    return _OFFERS.get(kind, Remedy.NONE)
