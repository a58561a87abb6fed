"""What live views write in the log, one function per event.

Every leaf of a session is on the streams of the session, its camera, site, organisation, person and incident. Who
looked is restricted to compliance; the owner reads agency, unit and role.
"""

from gateway.audit import Decision, Json, Kind, LeafDraft
from gateway.kernel.principal import Principal
from gateway.live.model import Account, EndReason, Session
from gateway.live.ports import ViewDeny, ViewQuestion
from policies.vocabulary import Act, Purpose

_ACT = Act.LIVE_VIEW.value


def requested(session: Session, *, incident_kind: str) -> LeafDraft:
    """The centre permits; the site is asked next."""
    return _about(
        session,
        Kind.VIEW_REQUESTED,
        decision=Decision.PERMIT,
        opened_by=session.opened_by.value,
        incident_kind=incident_kind,
        policy_sha256=session.policy_sha256,
    )


def grant_issued(session: Session) -> LeafDraft:
    """The grant itself: what the site compares with what it was sent. `camera` is the site's own name for it."""
    return LeafDraft(
        kind=Kind.GRANT_ISSUED,
        streams=session.streams,
        public={"act": _ACT, "purpose": session.purpose},
        details={
            "camera": session.local_camera,
            "grant_sha256": session.grant_sha256,
            "policy_sha256": session.policy_sha256,
            "session": session.id,
        },
        once=f"grant {session.grant_id}",
    )


def denied(question: ViewQuestion, deny: ViewDeny) -> LeafDraft:
    """The centre says no; the owner sees that somebody asked, compliance who."""
    principal = question.principal
    ids = {question.camera_id, deny.site_id, deny.organisation_id, principal.person_id, question.incident_id}
    purpose = question.purpose if question.purpose in set(Purpose) else "unknown"
    return LeafDraft(
        kind=Kind.VIEW_DENIED,
        streams=frozenset(ids - {""}),
        decision=Decision.DENY,
        public={"act": _ACT, "purpose": purpose, "layer": deny.layer, "remedy": deny.remedy.value},
        details={
            "camera": question.camera_id,
            "site": deny.site_id,
            "organisation": deny.organisation_id,
            "incident": question.incident_id,
            **_agency(principal),
            **_behalf(question.on_behalf_of),
        },
        restricted={"person": principal.person_id, "reason": deny.reason},
    )


def accepted(session: Session) -> LeafDraft:
    """The site checked the grant and its own rules, and said yes."""
    return _about(session, Kind.VIEW_ACCEPTED, decision=Decision.PERMIT)


def refused(session: Session, code: str) -> LeafDraft:
    """The site said no."""
    return _about(session, Kind.VIEW_REFUSED, decision=Decision.DENY, reason=code)


def started(session: Session, *, cipher: str) -> LeafDraft:
    """The first picture was forwarded."""
    return _about(session, Kind.VIEW_STARTED, cipher=cipher)


def failed(session: Session, reason: EndReason) -> LeafDraft:
    """It never came to a picture, for a technical cause."""
    return _about(session, Kind.VIEW_FAILED, reason=reason.value)


def ended(session: Session, reason: EndReason, *, by: Principal | None) -> LeafDraft:
    """Nothing more is forwarded."""
    kind = Kind.SESSION_STOPPED if reason is EndReason.SUPERVISOR else Kind.VIEW_ENDED
    draft = _about(session, kind, reason=reason.value, on_screen_s=session.on_screen_s, enlarged_s=session.enlarged_s)
    if by is None or by.person_id == session.person_id:
        return draft
    restricted = {**draft.restricted, "stopped_by": by.person_id}
    return LeafDraft(
        kind=kind,
        streams=draft.streams | ({by.person_id} - {"", "system"}),
        public=draft.public,
        details=draft.details,
        restricted=restricted,
        once=draft.once,
    )


def interrupted(session: Session, *, seconds_min: int, seconds_max: int) -> LeafDraft:
    """The site crashed meanwhile; it gives two bounds."""
    return _about(session, Kind.VIEW_INTERRUPTED, seconds=seconds_max, seconds_min=seconds_min)


def accounted(session: Session, site: Account) -> LeafDraft:
    """The site's own account of what left it."""
    return _about(session, Kind.VIEW_ACCOUNTED, seconds=round(site.seconds), bytes=site.sent_bytes)


def counts_differed(session: Session, *, site: Account | None, relay: Account | None) -> LeafDraft:
    """The accounts do not fit together, or one is missing: somebody has to look."""
    return _about(
        session,
        Kind.COUNTS_DIFFERED,
        site_seconds=round(site.seconds) if site else None,
        relay_seconds=round(relay.seconds) if relay else None,
    )


def _agency(principal: Principal) -> dict[str, Json]:
    return {
        "agency": principal.organisation_id,
        "unit": principal.unit,
        "role": " ".join(sorted(role.value for role in principal.roles)),
    }


def _behalf(on_behalf_of: str) -> dict[str, Json]:
    """For which other agency, as they said; for the owner to read."""
    return {"on_behalf_of": on_behalf_of} if on_behalf_of else {}


def _about(session: Session, kind: Kind, *, decision: Decision = Decision.NONE, **details: Json) -> LeafDraft:
    return LeafDraft(
        kind=kind,
        streams=session.streams,
        decision=decision,
        public={"act": _ACT, "purpose": session.purpose} | ({"ground": session.ground} if session.ground else {}),
        details={
            "session": session.id,
            "camera": session.camera_id,
            "site": session.site_id,
            "organisation": session.organisation_id,
            "incident": session.incident_id,
            "agency": session.agency_id,
            "unit": session.unit,
            "role": session.role,
            **_behalf(session.on_behalf_of),
            **details,
        },
        restricted={"person": session.person_id} | ({"second": session.second_id} if session.second_id else {}),
        once=f"{kind.value} {session.id}",
    )
