"""What each step of a clip says in the log. Pure."""

from collections.abc import Mapping

from gateway.audit import Decision, Json, Kind, LeafDraft
from gateway.evidence.model import ClipRequest
from partner_agent.wire.clock import to_rfc3339


def leaf(
    kind: Kind,
    request: ClipRequest,
    *,
    decision: Decision = Decision.NONE,
    public: Mapping[str, Json] | None = None,
    details: Mapping[str, Json] | None = None,
    person: str = "",
    once: str = "",
) -> LeafDraft:
    """A leaf about `request`: found by its camera, owner, incident and by the request itself."""
    ids = {request.organisation_id, request.camera_id, request.incident_id, request.id, request.person_id}
    ids.add(request.second_id)
    return LeafDraft(
        kind=kind,
        streams=frozenset(each for each in ids if each),
        decision=decision,
        public={
            "act": "clip.request",
            "purpose": request.purpose,
            "seconds": round((request.t1 - request.t0).total_seconds()),
            **(public or {}),
        },
        details={
            "request": request.id,
            "request_sha256": request.document_sha256,
            "camera": request.camera_id,
            "organisation": request.organisation_id,
            "agency": request.agency_id,
            "incident": request.incident_id,
            "from": to_rfc3339(request.t0),
            "until": to_rfc3339(request.t1),
            **({"on_behalf_of": request.on_behalf_of} if request.on_behalf_of else {}),
            **(details or {}),
        },
        restricted={"person": person or request.person_id}
        | ({"second": request.second_id} if request.second_id else {}),
        once=once,
    )
