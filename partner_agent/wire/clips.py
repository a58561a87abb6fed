"""The request for a recording: a closed document whose digest an owner approves, at most once, within seven days.

The same document asks to keep the recording from being overwritten (`preserve`), asks the owner (`clip_ask`) and is
answered by a clip grant. What is approved is the digest; a grant must carry the same document, field for field.
"""

from datetime import datetime
from typing import Any

import msgspec

from partner_agent.wire import canonical
from partner_agent.wire.clock import from_rfc3339
from partner_agent.wire.limits import CLIP_REQUEST_LIFE_S


class ClipRequestError(ValueError):
    """Not a request for a recording."""


class ClipRequest(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The closed document; times are RFC 3339."""

    lineage: str
    partner: str
    site: str
    camera: str
    t0: str
    t1: str
    agency: str
    purpose: str
    incident: str | None
    legal_basis: str
    request_id: str  # clr_…
    created_at: str
    expires_at: str

    @property
    def sha256(self) -> str:
        """The digest that is approved."""
        return canonical.sha256_hex(msgspec.to_builtins(self))

    @property
    def start(self) -> datetime:
        """First moment asked for."""
        return from_rfc3339(self.t0)

    @property
    def end(self) -> datetime:
        """The moment after the last one asked for."""
        return from_rfc3339(self.t1)

    @property
    def created(self) -> datetime:
        """When it was made, by the clock of who made it."""
        return from_rfc3339(self.created_at)

    @property
    def expiry(self) -> datetime:
        """When the request is over."""
        return from_rfc3339(self.expires_at)


def parse(raw: dict[str, Any]) -> ClipRequest:
    """Read a request strictly.

    Raises:
        ClipRequestError: not closed, times that are none or in the wrong order, or a life over seven days.
    """
    try:
        request = msgspec.convert(raw, ClipRequest, strict=True)
        life_s = (request.expiry - request.created).total_seconds()
        is_ordered = request.start < request.end and 0 < life_s <= CLIP_REQUEST_LIFE_S
    except (msgspec.ValidationError, ValueError) as error:
        raise ClipRequestError("malformed request") from error
    if not is_ordered:
        raise ClipRequestError("a request has an end after its start, and lives at most seven days")
    return request
