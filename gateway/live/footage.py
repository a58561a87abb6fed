"""What a site says it has shown of a recording, read strictly. Pure.

It is the site's own word about itself and for its own owner; what cannot be read counts as everything that was granted.
"""

import math
from collections.abc import Sequence
from datetime import datetime

from gateway.live.model import Session
from partner_agent.wire.clock import from_rfc3339
from partner_agent.wire.limits import FOOTAGE_RANGES


def footage_of(session: Session, said: object) -> list[list[str]]:
    """The ranges of a view of a recording, as they were said; the whole granted range where they cannot be read."""
    if session.range_from is None or session.range_to is None:
        return []
    if isinstance(said, list) and len(said) <= FOOTAGE_RANGES and all(_range(one) for one in said):
        return [list(one) for one in said]
    whole = (session.range_from, session.range_to)
    return [[moment.isoformat(timespec="milliseconds").replace("+00:00", "Z") for moment in whole]]


def seconds_of(session: Session, footage: Sequence[Sequence[str]]) -> int | None:
    """How much of the day's total they are: never more than was granted; None for a live view."""
    if not session.is_recorded:
        return None
    pairs = [pair for one in footage if (pair := _range(list(one)))]
    return min(session.recorded_s, math.ceil(sum(max(1.0, (end - start).total_seconds()) for start, end in pairs)))


def _range(one: object) -> tuple[datetime, datetime] | None:
    try:
        start, end = map(from_rfc3339, one)  # type: ignore[call-overload]
    except (TypeError, ValueError, AttributeError):
        return None
    return (start, end) if start <= end else None
