"""What an owner is asked about first: a live view, a view of a recording, or a still; its digest is approved.

It is a closed document. One request opens one session: live for at most five minutes, of a recording exactly the range
that it names, or one still. A grant under it carries the same document and names the same act, camera, agency, purpose
and incident; a request for anything but a live view also names the person, as grants do. One for a live view is
written as it was before there were others, so that every agent reads it.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final

import msgspec

from partner_agent.wire import canonical
from partner_agent.wire.clock import from_rfc3339
from partner_agent.wire.limits import (
    ASKED_RANGE_S,
    RECORDED_AHEAD_S,
    RECORDED_APPROVED_S,
    VIEW_APPROVED_S,
    VIEW_REQUEST_LIFE_S,
)
from policies.vocabulary import Act

APPROVED_S: Final[Mapping[Act, int]] = {  # what can be asked for, and how long a yes lasts from the acceptance
    Act.LIVE_VIEW: VIEW_APPROVED_S,
    Act.RECORDED_VIEW: RECORDED_APPROVED_S,
    Act.STILL_TAKE: VIEW_APPROVED_S,  # it is over in seconds
}


class ViewRequestError(ValueError):
    """Not a request that an owner could be asked about."""


class ViewRequest(
    msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True, rename={"start": "from", "end": "to"}
):
    """The closed document; times are RFC 3339.

    Attributes:
        request_id: `vwr_…`; it opens one session.
        expires_at: when the owner's answer comes too late.
        act: one of `APPROVED_S`.
        who: the person who asked, as a grant's subject names them; None only for a live view.
        start, end: the range of a recording; None for what happens now.
    """

    lineage: str
    partner: str
    site: str
    camera: str
    agency: str
    purpose: str
    incident: str | None
    request_id: str
    created_at: str
    expires_at: str
    act: str = Act.LIVE_VIEW.value
    who: str | None = None
    start: str | None = None
    end: str | None = None

    @property
    def sha256(self) -> str:
        """The digest that is approved."""
        return canonical.sha256_hex(msgspec.to_builtins(self))

    @property
    def expiry(self) -> datetime:
        """When the request is over."""
        return from_rfc3339(self.expires_at)

    @property
    def created(self) -> datetime:
        """When it was made, by the clock of who made it."""
        return from_rfc3339(self.created_at)

    @property
    def kind(self) -> Act:
        """What is asked for."""
        return Act(self.act)

    @property
    def span(self) -> tuple[datetime, datetime] | None:
        """The range of a recording; None for what happens now."""
        return (from_rfc3339(self.start), from_rfc3339(self.end)) if self.start and self.end else None


def parse(raw: dict[str, Any]) -> ViewRequest:
    """Read a request strictly.

    Raises:
        ViewRequestError: not closed, times that are none, a life over an hour, or an act, person and range that do not
            go together.
    """
    try:
        request = msgspec.convert(raw, ViewRequest, strict=True)
        life_s = (request.expiry - request.created).total_seconds()
        span = request.span
    except (msgspec.ValidationError, ValueError) as error:
        raise ViewRequestError("malformed request") from error
    if msgspec.to_builtins(request) != raw or raw.get("act") == Act.LIVE_VIEW:
        raise ViewRequestError("what is as usual is left out: one request has one form")
    if not 0 < life_s <= VIEW_REQUEST_LIFE_S:
        raise ViewRequestError("a request lives at most an hour")
    if request.act not in set(APPROVED_S):
        raise ViewRequestError("nobody is asked for this act")
    if request.act != Act.LIVE_VIEW and not request.who:
        raise ViewRequestError("a request for a recording or a still names who asks")
    is_recorded = request.act == Act.RECORDED_VIEW
    if is_recorded is (span is None) or (request.start is None) is not (request.end is None):
        raise ViewRequestError("a recording has a beginning and an end, and nothing else has")
    if span is not None and not 0 < (span[1] - span[0]).total_seconds() <= ASKED_RANGE_S:
        raise ViewRequestError("the range is empty, or longer than an owner is asked for")
    if span is not None and (span[1] - request.created).total_seconds() > RECORDED_AHEAD_S:
        raise ViewRequestError("what was not there when it was asked for")
    return request
