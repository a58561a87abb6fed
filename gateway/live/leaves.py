"""What live views write in the log, one function per event.

Every leaf of a session is on the streams of the session, its camera, site, organisation, person and incident. Who
looked is restricted to compliance; the owner reads agency, unit and role.
"""

from collections.abc import Sequence
from dataclasses import replace

from gateway.audit import Decision, Json, Kind, LeafDraft
from gateway.kernel.principal import Principal
from gateway.live.model import Account, EndReason, Session
from gateway.live.ports import ViewDeny, ViewQuestion
from gateway.live.stills.model import Still
from partner_agent.wire.clock import to_rfc3339
from policies.vocabulary import Purpose


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
        public={"act": session.act, "purpose": session.purpose},
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
        public={"act": question.act.value, "purpose": purpose, "layer": deny.layer, "remedy": deny.remedy.value},
        details={
            "camera": question.camera_id,
            "site": deny.site_id,
            "organisation": deny.organisation_id,
            "incident": question.incident_id,
            **_agency(principal),
            **_behalf(question.on_behalf_of),
            **_sound(is_wanted=question.sound),
            **_phone(question.shown_to),
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
    return draft.done_by(by.person_id, named="stopped_by")


def still_taken(session: Session, still: Still) -> LeafDraft:
    """A still was handed over: what it is, and until when it is there."""
    return _about(
        session,
        Kind.STILL_TAKEN,
        sha256=still.sha256,
        bytes=still.size_bytes,
        taken_at=to_rfc3339(still.taken_at),
        expires_at=to_rfc3339(still.expires_at),
    )


def still_read(session: Session, still: Still, *, by: Principal) -> LeafDraft:
    """Somebody looked at it; each time is an entry."""
    draft = _about(session, Kind.STILL_READ, sha256=still.sha256)
    return replace(draft.done_by(by.person_id, named="read_by"), once="")


def interrupted(session: Session, *, seconds_min: int, seconds_max: int) -> LeafDraft:
    """The site crashed meanwhile; it gives two bounds."""
    return _about(session, Kind.VIEW_INTERRUPTED, seconds=seconds_max, seconds_min=seconds_min)


def accounted(session: Session, site: Account, footage: Sequence[Sequence[str]] = ()) -> LeafDraft:
    """The site's own account of what left it; of a recording also which moments."""
    if not session.is_recorded:
        return _about(session, Kind.VIEW_ACCOUNTED, seconds=round(site.seconds), bytes=site.sent_bytes)
    shown: Json = [list(pair) for pair in footage]
    kind, seconds = Kind.RECORDING_SHOWN, round(site.seconds)
    return _about(session, kind, seconds=seconds, bytes=site.sent_bytes, footage=shown)


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


def _sound(*, is_wanted: bool) -> dict[str, Json]:
    """A view that may be heard is told apart; nothing for a silent one."""
    return {"sound": True} if is_wanted else {}


def _phone(shown_to: str) -> dict[str, Json]:
    """On whose phone, as the sender said; for the owner to read."""
    return {"shown_to": shown_to} if shown_to else {}


def _range(session: Session) -> dict[str, Json]:
    """What of the recording may be shown; nothing for a live view."""
    if session.range_from is None or session.range_to is None:
        return {}
    return {"recorded_from": to_rfc3339(session.range_from), "recorded_to": to_rfc3339(session.range_to)}


def _about(session: Session, kind: Kind, *, decision: Decision = Decision.NONE, **details: Json) -> LeafDraft:
    return LeafDraft(
        kind=kind,
        streams=session.streams,
        decision=decision,
        public={"act": session.act, "purpose": session.purpose}
        | ({"ground": session.ground} if session.ground else {}),
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
            **_phone(session.shown_to),
            **_range(session),
            **_sound(is_wanted=session.has_sound),
            **details,
        },
        restricted={"person": session.person_id} | ({"second": session.second_id} if session.second_id else {}),
        once=f"{kind.value} {session.id}",
    )
