"""Policy documents for tests of the envelope; what a policy means is built by the tests of `policies`."""

from typing import Any

from partner_agent.wire import documents
from partner_agent.wire.documents import PolicyDocument, Position
from tests.fakes.clock import START

LINEAGE = "0" * 31 + "1"
CONTENT: dict[str, Any] = {
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
    "guardrail_sha256": "0" * 64,
    "totals": [],
}


def document(base: Position, **content: Any) -> PolicyDocument:
    """The document after `base`."""
    return documents.build(
        gateway="gw",
        partner="org_1",
        site="sit_1",
        agent="agt_1",
        base=base,
        created_at=START,
        approve_by=None,
        content={**CONTENT, **content},
    )
