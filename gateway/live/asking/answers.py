"""What whoever asked an owner is told over the API."""

from datetime import datetime

import msgspec

from gateway.live.asking.model import ViewAsk


class Asked(msgspec.Struct, frozen=True, kw_only=True):
    """A request that was put to an owner; times of the range are those the owner is asked about.

    Attributes:
        until: when the owner's answer comes too late.
    """

    ask_id: str
    until: datetime
    range_from: datetime | None = None
    range_to: datetime | None = None

    @classmethod
    def of(cls, ask: ViewAsk) -> "Asked":
        """What may be told of it."""
        span = ask.footage
        return cls(
            ask_id=ask.id,
            until=ask.until,
            range_from=span.start if span else None,
            range_to=span.end if span else None,
        )
