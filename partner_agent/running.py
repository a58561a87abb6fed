"""One session that lives: its grant, what bounds it, and what of the recording or the picture it has given."""

import math
from dataclasses import dataclass, field
from datetime import datetime

import anyio

from partner_agent.ports import Counts, Limits, Player, Publication
from partner_agent.wire.clips import ClipRequest
from partner_agent.wire.grants import Grant
from partner_agent.wire.limits import RECORDED_VIEW_S, STILL_S


@dataclass(slots=True)
class Running:
    """One session that lives."""

    grant: Grant
    clip: ClipRequest | None
    limits: Limits
    accepted: float  # monotonic
    lease_until: float  # monotonic
    horizon: datetime | None
    publication: Publication | None = None
    sent_bytes: int = 0  # of a clip or a still
    still_at: datetime | None = None  # when a still began to leave
    player: Player | None = None  # the publication, of a view of a recording
    lines: int = 0  # how high it is on its viewer's screen, as last told
    progress_at: float = 0.0
    scope: anyio.CancelScope = field(default_factory=anyio.CancelScope)

    @property
    def is_live(self) -> bool:
        """Whether it shows what happens now."""
        return self.clip is None and self.grant.recorded is None

    @property
    def most_s(self) -> int:
        """How long a view may last; of a recording the limits bound the range instead."""
        if self.grant.still is not None:
            return STILL_S
        return self.limits.seconds if self.is_live else RECORDED_VIEW_S

    @property
    def footage_s(self) -> int:
        """Seconds of recording that were given, or 0 for a live view: a file whole, of a view what was shown."""
        if self.player is not None:
            return min(math.ceil(self.player.watched_s), recorded_seconds(self.grant, None))
        return recorded_seconds(self.grant, self.clip) if self.sent_bytes else 0

    @property
    def counts(self) -> Counts:
        """What has left so far."""
        if self.publication is not None:
            return self.publication.counts
        if self.still_at is not None:
            return Counts(self.still_at, self.still_at, 1.0, self.sent_bytes)
        return Counts(sent_bytes=self.sent_bytes)


def recorded_seconds(grant: Grant, clip: ClipRequest | None) -> int:
    """Seconds of recording that a grant gives at most; 0 for a live view."""
    if grant.recorded is not None:
        return math.ceil((grant.recorded.last - grant.recorded.first).total_seconds())
    return math.ceil((clip.end - clip.start).total_seconds()) if clip else 0
