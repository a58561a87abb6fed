"""Policy documents for tests of the envelope; what a policy means is built by the tests of `policies`."""

from typing import Any

from partner_agent.wire import documents
from partner_agent.wire.documents import PolicyDocument, Position
from tests.fakes.clock import START

LINEAGE = "0" * 31 + "1"
CONTENT: dict[str, Any] = {
    "partner": "org_1",
    "agreement": "none",
    "owners": [],
    "hold_s": 0,
    "cameras": [],
    "groups": [],
    "tags": [],
    "rules": [],
    "windows": [],
    "terms": [],
    "envelope": [],
    "guardrail": "0" * 64,
    "totals": [],
}


def document(base: Position, **content: Any) -> PolicyDocument:
    """The document after `base`."""
    return documents.build(
        gateway="gw",
        site="sit_1",
        agent="agt_1",
        base=base,
        created_at=START,
        approve_by=None,
        content={**CONTENT, **content},
    )


def clip_request(**changed: Any) -> dict[str, Any]:
    """A request for five minutes of cam_1, an hour before the tests' now."""
    return {
        "lineage": LINEAGE,
        "partner": "org_1",
        "site": "sit_1",
        "camera": "cam_1",
        "t0": "2026-11-23T14:00:00Z",
        "t1": "2026-11-23T14:05:00Z",
        "agency": "age_1",
        "purpose": "violent_crime",
        "incident": "inc_1",
        "legal_basis": "consent",
        "request_id": "clr_1",
        "created_at": "2026-11-23T15:00:00Z",
        "expires_at": "2026-11-26T15:00:00Z",
    } | changed


def view_request(**changed: Any) -> dict[str, Any]:
    """A request to look through cam_1 that the tests' usual grant fits."""
    return {
        "lineage": LINEAGE,
        "partner": "org_1",
        "site": "sit_1",
        "camera": "cam_1",
        "agency": "age_1",
        "purpose": "violent_crime",
        "incident": "inc_1",
        "request_id": "vwr_1",
        "created_at": "2026-11-23T15:00:00Z",
        "expires_at": "2026-11-23T15:30:00Z",
    } | changed
