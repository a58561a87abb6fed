"""What each audience is told of a decision. Pure.

The operator reads one of the states of the protocol and the remedies that the owner offers, and nothing that tells why
not: no rule, no reason, no hour, so that refusals never add up to a list of the unwilling. The owner reads their own
rules in full: which rule, where it stopped, and when the answer may change by itself. The auditor reads that, and what
the decision stood on.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from gateway.kernel.principal import Principal, PrincipalKind, Role
from gateway.sharing.looking import Availability
from partner_agent.wire.clock import to_rfc3339
from policies.request import Decision, Permit
from policies.vocabulary import Remedy

Context = Mapping[str, object]


class Audience(StrEnum):
    """Who reads an explanation."""

    OPERATOR = "operator"
    OWNER = "owner"
    AUDITOR = "auditor"


def audience_of(principal: Principal) -> Audience:
    """Which audience somebody is; whoever is none of the others is told what an operator is told."""
    if principal.kind is PrincipalKind.PARTNER and principal.roles & {Role.OWNER, Role.MANAGER}:
        return Audience.OWNER
    if principal.kind is PrincipalKind.AGENCY and Role.COMPLIANCE in principal.roles:
        return Audience.AUDITOR
    return Audience.OPERATOR


@dataclass(frozen=True, slots=True)
class Basis:
    """What a decision stood on, for the auditor."""

    organisation: str
    site: str
    policy_sha256: str
    is_narrowing_pending: bool
    guardrail: str


@dataclass(frozen=True, slots=True)
class Explained:
    """A decision with everything that may be said of it.

    Attributes:
        is_known: whether the person asked about may know that the camera is there.
        changes_at: when the answer may change by itself; None where only an event can change it.
    """

    decision: Decision
    is_known: bool
    changes_at: datetime | None
    basis: Basis

    @property
    def is_permitted(self) -> bool:
        """Whether it would be released."""
        return self.is_known and isinstance(self.decision, Permit)

    @property
    def availability(self) -> Availability:
        """What an operator may read."""
        if self.is_permitted:
            return Availability.AVAILABLE
        return Availability.AVAILABLE_IF if self.remedies else Availability.NOT_AVAILABLE

    @property
    def remedies(self) -> tuple[Remedy, ...]:
        """Everything the owner offers to somebody who may know of the camera, what takes least first."""
        if not self.is_known or isinstance(self.decision, Permit):
            return ()
        return self.decision.remedies

    def told_to(self, audience: Audience) -> Context:
        """The context of the answer, for one audience."""
        told: dict[str, object] = {"audience": str(audience), "state": str(self.availability)}
        if self.remedies:
            told["remedy"] = str(self.remedies[0])
            told["remedies"] = [str(remedy) for remedy in self.remedies]
        if audience is Audience.OPERATOR:
            return told
        told |= {"is_known": self.is_known, **self._why()}
        told["changes_at"] = None if self.changes_at is None else to_rfc3339(self.changes_at)
        if audience is Audience.AUDITOR:
            told["basis"] = {
                "organisation": self.basis.organisation,
                "site": self.basis.site,
                "policy_sha256": self.basis.policy_sha256,
                "is_narrowing_pending": self.basis.is_narrowing_pending,
                "guardrail": self.basis.guardrail,
            }
        return told

    def _why(self) -> dict[str, object]:
        if isinstance(self.decision, Permit):
            caps = self.decision.caps
            obligations = {
                str(kind): list(value) if isinstance(value, tuple) else value
                for kind, value in sorted(self.decision.obligations.items())
            }
            allowed = {"seconds": caps.seconds, "height_lines": caps.height_lines, "audio": caps.audio, "ptz": caps.ptz}
            return {"rules": list(self.decision.rules), "caps": allowed, "obligations": obligations}
        denied = self.decision
        return {
            "reason": str(denied.reason),
            "layer": str(denied.layer),
            "explanation": denied.explanation,
            "rules": [denied.rule] if denied.rule else [],
        }
