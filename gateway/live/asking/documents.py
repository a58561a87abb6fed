"""A new request to look, and the closed document that the owner approves and the grant carries. Pure."""

from datetime import datetime, timedelta

from gateway.kernel.principal import Principal
from gateway.live.asking.model import ANSWER_S, AskState, ViewAsk
from gateway.live.asking.ports import AskPlace, AskWish
from partner_agent.wire import canonical
from partner_agent.wire.clock import to_rfc3339
from policies.vocabulary import Act


def new_ask(principal: Principal, wish: AskWish, place: AskPlace, *, ask_id: str, now: datetime) -> ViewAsk:
    """The request as it begins; it ends with the incident at the latest."""
    expires_at = now + timedelta(seconds=ANSWER_S)
    if place.active_until is not None:
        expires_at = min(expires_at, place.active_until)
    document: dict[str, str] = {  # `partner_agent.wire.views`
        "lineage": place.lineage,
        "partner": place.organisation_id,
        "site": place.site_id,
        "camera": place.local_camera,
        "agency": principal.organisation_id,
        "purpose": wish.purpose,
        "incident": wish.incident_id,
        "request_id": ask_id,
        "created_at": to_rfc3339(now),
        "expires_at": to_rfc3339(expires_at),
    }
    if wish.act is not Act.LIVE_VIEW:  # a live view is asked for as before there was anything else
        document |= {"act": wish.act.value, "who": place.who}
    if place.footage is not None:
        document |= {"from": to_rfc3339(place.footage.start), "to": to_rfc3339(place.footage.end)}
    return ViewAsk(
        id=ask_id,
        incident_id=wish.incident_id,
        organisation_id=place.organisation_id,
        agency_id=principal.organisation_id,
        person_id=principal.person_id,
        site_id=place.site_id,
        agent_id=place.agent_id,
        camera_id=wish.camera_id,
        purpose=wish.purpose,
        state=AskState.ASKED,
        document=document,
        document_sha256=canonical.sha256_hex(document),
        approval=None,
        session_id="",
        created_at=now,
        expires_at=expires_at,
        answered_at=None,
        version=1,
        act=wish.act.value,
    )
