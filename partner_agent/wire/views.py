"""The request for a live view that an owner is asked about first: a closed document whose digest is approved.

One request opens one session, of at most five minutes. A grant under it must carry the same document, and name the same
camera, agency, purpose and incident.
"""

from datetime import datetime
from typing import Any

import msgspec

from partner_agent.wire import canonical
from partner_agent.wire.clock import from_rfc3339
from partner_agent.wire.limits import VIEW_REQUEST_LIFE_S


class ViewRequestError(ValueError):
    """Not a request for a live view."""


class ViewRequest(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The closed document; times are RFC 3339."""

    lineage: str
    partner: str
    site: str
    camera: str
    agency: str
    purpose: str
    incident: str | None
    request_id: str  # vwr_…
    created_at: str
    expires_at: str  # when the owner's answer comes too late

    @property
    def sha256(self) -> str:
        """The digest that is approved."""
        return canonical.sha256_hex(msgspec.to_builtins(self))

    @property
    def expiry(self) -> datetime:
        """When the request is over."""
        return from_rfc3339(self.expires_at)


def parse(raw: dict[str, Any]) -> ViewRequest:
    """Read a request strictly.

    Raises:
        ViewRequestError: not closed, times that are none, or a life over an hour.
    """
    try:
        request = msgspec.convert(raw, ViewRequest, strict=True)
        life_s = (request.expiry - from_rfc3339(request.created_at)).total_seconds()
    except (msgspec.ValidationError, ValueError) as error:
        raise ViewRequestError("malformed request") from error
    if not 0 < life_s <= VIEW_REQUEST_LIFE_S:
        raise ViewRequestError("a request for a live view lives at most an hour")
    return request
