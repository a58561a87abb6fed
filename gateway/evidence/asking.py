"""A new request: what may be asked for, and the closed document that the owner approves and the grant carries. Pure."""

from datetime import datetime, timedelta
from typing import Any, Final

from gateway.evidence.model import MAX_CLIP_S, MAX_LOOK_BACK_DAYS, ClipRequest, ClipState
from gateway.evidence.ports import Place, Wanted
from gateway.kernel.errors import InvalidError
from gateway.kernel.principal import Principal
from partner_agent.wire import canonical
from partner_agent.wire.clock import to_rfc3339

REQUEST_LIFE_S: Final = 72 * 3600  # an owner has a long weekend to answer


def check_range(wanted: Wanted, *, now: datetime) -> None:
    """Refuse what no site could give.

    Raises:
        InvalidError: an empty, endless, future or far too old range.
    """
    if not 0 < (wanted.t1 - wanted.t0).total_seconds() <= MAX_CLIP_S:
        fields = {"t1": "Ends after it begins."}
        raise InvalidError("A clip is longer than nothing and at most four hours.", fields=fields)
    if wanted.t1 > now:
        raise InvalidError("A clip is of the past.", fields={"t1": "Not later than now."})
    if now - wanted.t0 > timedelta(days=MAX_LOOK_BACK_DAYS):
        raise InvalidError("No site keeps recordings that long.", fields={"t0": "At most 90 days ago."})


def new_request(
    principal: Principal, wanted: Wanted, place: Place, *, request_id: str, now: datetime, second_id: str = ""
) -> ClipRequest:
    """The request as it begins; `second_id` is the second person it stands on."""
    seconded = {"confirmation": wanted.confirmation_id, "second": second_id} if second_id else {}
    expires_at = now + timedelta(seconds=REQUEST_LIFE_S)
    document = _document(principal, wanted, place, request_id, made=(now, expires_at))
    return ClipRequest(
        id=request_id,
        agency_id=principal.organisation_id,
        person_id=principal.person_id,
        asker={
            "unit": principal.unit,
            "roles": sorted(role.value for role in principal.roles),
            "factors": sorted(principal.factors),
            **({"on_behalf_of": wanted.on_behalf_of} if wanted.on_behalf_of else {}),
            **seconded,
        },
        organisation_id=place.organisation_id,
        site_id=place.site_id,
        agent_id=place.agent_id,
        camera_id=wanted.camera_id,
        purpose=wanted.purpose,
        incident_id=wanted.incident_id,
        t0=wanted.t0,
        t1=wanted.t1,
        state=ClipState.REQUESTED,
        cause="",
        document=document,
        document_sha256=canonical.sha256_hex(document),
        approval=None,
        session_id="",
        held_until=None,
        created_at=now,
        expires_at=expires_at,
        changed_at=now,
        version=1,
    )


def _document(
    principal: Principal, wanted: Wanted, place: Place, request_id: str, *, made: tuple[datetime, datetime]
) -> dict[str, Any]:
    """The closed document the owner approves (`partner_agent.wire.clips`)."""
    created_at, expires_at = made
    return {
        "lineage": place.lineage,
        "partner": place.organisation_id,
        "site": place.site_id,
        "camera": place.local_camera,
        "t0": to_rfc3339(wanted.t0),
        "t1": to_rfc3339(wanted.t1),
        "agency": principal.organisation_id,
        "purpose": wanted.purpose,
        "incident": wanted.incident_id or None,
        "legal_basis": wanted.legal_basis,
        "request_id": request_id,
        "created_at": to_rfc3339(created_at),
        "expires_at": to_rfc3339(expires_at),
    }
