"""Who is asking. One frozen value per request, made by `edge.auth` from a session, an agent's proof or nothing."""

from dataclasses import dataclass, field
from enum import StrEnum


class PrincipalKind(StrEnum):
    """What sort of caller this is."""

    ANONYMOUS = "anonymous"
    PARTNER = "partner"  # a person of a partner organisation
    AGENCY = "agency"  # a person of the agency
    AGENT = "agent"  # a paired site agent
    SYSTEM = "system"  # the gateway itself: timers, the sequencer


class Role(StrEnum):
    """What a person may do; partner roles hold within one organisation, agency roles within the agency."""

    OWNER = "owner"
    MANAGER = "manager"
    ANSWERS = "answers"  # answers requests only
    OPERATOR = "operator"
    SUPERVISOR = "supervisor"
    COMPLIANCE = "compliance"
    ADMIN = "admin"
    SECOND = "second"  # somebody outside, who approves changes of the ordinance and nothing else
    FIRE = "fire"
    EMS = "ems"
    EMERGENCY_MANAGEMENT = "emergency_management"
    TRANSPORT = "transport"
    CAPTAIN = "captain"  # gives nothing; marks whom an ordinance may ask for as the second person
    FEDERAL = "federal"  # gives nothing; marks a federal officer, whom an ordinance may forbid to look


@dataclass(frozen=True, slots=True)
class Principal:
    """The caller.

    Attributes:
        kind: what sort of caller.
        person_id: `per_…`, or the agent's `agt_…`; empty when anonymous.
        organisation_id: the partner's `org_…`, or the agency's `age_…`; empty when neither.
        roles: what they may do there.
        name: for pages only; never logged.
        session_ref: hex SHA-256 of the session id; names the session without opening it.
        unit: the agency unit, such as `rtcc`.
        factors: how they signed in: `mail_link`, `password`, `totp`, `passkey`.
    """

    kind: PrincipalKind
    person_id: str = ""
    organisation_id: str = ""
    roles: frozenset[Role] = field(default_factory=frozenset)
    name: str = ""
    session_ref: str = ""
    unit: str = ""
    factors: frozenset[str] = field(default_factory=frozenset)

    @property
    def is_signed_in(self) -> bool:
        """Whether somebody stands behind this request."""
        return self.kind is not PrincipalKind.ANONYMOUS

    @property
    def only_answers(self) -> bool:
        """Whether this person of a partner answers requests and does nothing else."""
        return self.kind is PrincipalKind.PARTNER and not self.roles & {Role.OWNER, Role.MANAGER}


ANONYMOUS = Principal(kind=PrincipalKind.ANONYMOUS)
SYSTEM = Principal(kind=PrincipalKind.SYSTEM, person_id="system")
