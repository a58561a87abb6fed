"""What each step of a confirmation says in the log. Pure. Who asked and who answered are for compliance alone."""

from gateway.audit import Decision, Kind, LeafDraft
from gateway.emergency.model import Confirmation, Need
from gateway.kernel.principal import Principal
from policies.vocabulary import Purpose


def asked(one: Confirmation) -> LeafDraft:
    """Somebody asks for a second person."""
    return _about(one, Kind.EMERGENCY_ASKED)


def confirmed(one: Confirmation) -> LeafDraft:
    """A second person says yes."""
    return _about(one, Kind.EMERGENCY_CONFIRMED, decision=Decision.PERMIT)


def declined(one: Confirmation) -> LeafDraft:
    """A second person says no."""
    return _about(one, Kind.EMERGENCY_DECLINED, decision=Decision.DENY)


def lapsed(one: Confirmation) -> LeafDraft:
    """Nobody answered, or nobody used it, in time."""
    return _about(one, Kind.EMERGENCY_LAPSED, is_confirmed=bool(one.second_id))


def refused(principal: Principal, need: Need, *, organisation_id: str, reason: str) -> LeafDraft:
    """What was asked for is not permitted with two people either, or this person may not be the second."""
    ids = {need.camera_id, need.incident_id, organisation_id, principal.person_id}
    purpose = need.purpose if need.purpose in set(Purpose) else "unknown"
    return LeafDraft(
        kind=Kind.EMERGENCY_REFUSED,
        streams=frozenset(ids - {""}),
        decision=Decision.DENY,
        public={"act": need.act, "purpose": purpose, "reason": reason},
        details={"camera": need.camera_id, "organisation": organisation_id, "incident": need.incident_id},
        restricted={"person": principal.person_id},
    )


def _about(one: Confirmation, kind: Kind, *, decision: Decision = Decision.NONE, **public: bool) -> LeafDraft:
    need, place, asker = one.need, one.place, one.asker
    ids = {need.camera_id, need.incident_id, place.site_id, place.organisation_id, asker.person_id, one.second_id}
    return LeafDraft(
        kind=kind,
        streams=frozenset(ids - {""}),
        decision=decision,
        public={"act": need.act, "purpose": need.purpose, **public},
        details={
            "confirmation": one.id,
            "camera": need.camera_id,
            "site": place.site_id,
            "organisation": place.organisation_id,
            "incident": need.incident_id,
            "agency": one.agency_id,
            "unit": asker.unit,
            "role": " ".join(sorted(asker.roles)),
        },
        restricted={"person": asker.person_id, "second": one.second_id},
        once=f"{kind.value} {one.id}",
    )
