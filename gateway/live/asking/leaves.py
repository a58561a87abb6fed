"""What asking writes in the log. The owner reads agency and reason, compliance also who asked and who answered."""

from gateway.audit import Decision, Json, Kind, LeafDraft
from gateway.live.asking.model import ViewAsk
from partner_agent.wire.clock import to_rfc3339


def leaf(
    kind: Kind,
    ask: ViewAsk,
    *,
    decision: Decision = Decision.NONE,
    by: str = "",
    person: str = "",
    details: dict[str, Json] | None = None,
) -> LeafDraft:
    """The leaf of one step.

    Args:
        kind: which step.
        ask: the request as it was before.
        decision: yes or no, where the owner gave it.
        by: `passkey`, `portal`, `site` or `time`.
        person: who answered in the portal.
        details: more of this step.
    """
    return LeafDraft(
        kind=kind,
        streams=ask.streams | ({person} - {""}),
        decision=decision,
        public={"act": ask.act, "purpose": ask.purpose, **({"by": by} if by else {})},
        details={
            "camera": ask.camera_id,
            "site": ask.site_id,
            "organisation": ask.organisation_id,
            "incident": ask.incident_id,
            "agency": ask.agency_id,
            "request": ask.id,
            "sha256": ask.document_sha256,
            **_range(ask),
            **(details or {}),
        },
        restricted={"person": ask.person_id, **({"answered_by": person} if person else {})},
    )


def _range(ask: ViewAsk) -> dict[str, Json]:
    """The range of a recording; nothing for what happens now."""
    if ask.footage is None:
        return {}
    return {"recorded_from": to_rfc3339(ask.footage.start), "recorded_to": to_rfc3339(ask.footage.end)}
