"""What is recorded and what is not: segments, gaps with reasons, and exact coverage of a range. Pure."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from itertools import pairwise
from typing import Final

JOIN_S: Final = 0.5  # neighbours closer than this belong together: a frame at 2 fps


class GapReason(StrEnum):
    """Why a time is not recorded."""

    CAMERA_DOWN = "camera_down"
    AGENT_DOWN = "agent_down"
    CLOCK_STEP = "clock_step"  # the clock was put forward; nothing happened in this time
    DISK_FULL = "disk_full"
    PAUSED = "paused"  # by the owner
    EXPIRED = "expired"  # was recorded, overwritten since
    DAMAGED = "damaged"  # is recorded, but its digest no longer fits
    NOT_RECORDED = "not_recorded"  # before the first recording, or recording was off
    FUTURE = "future"


@dataclass(frozen=True, slots=True)
class Span:
    """A half-open time range."""

    t0: datetime
    t1: datetime

    def meets(self, other: "Span") -> bool:
        """Whether the two share a moment."""
        return self.t0 < other.t1 and other.t0 < self.t1


@dataclass(frozen=True, slots=True)
class Gap:
    """A time range without recording, and why."""

    t0: datetime
    t1: datetime
    reason: GapReason


@dataclass(frozen=True, slots=True)
class Segment:
    """One file of the ring.

    Attributes:
        t0: capture time of its first picture, a key picture.
        t1: capture time of its last picture plus one frame.
        clock_source: whose clock `t0` came from: camera or agent.
        clock_offset_ms: the camera's clock minus the agent's, if the camera told a time.
        sha256: hex digest of the file; empty while it is being written.
        is_recovered: it was cut short by a crash and closed at the next start.
    """

    camera: str
    path: str
    t0: datetime
    t1: datetime
    size_bytes: int
    frames: int
    keys: int
    clock_source: str
    clock_offset_ms: int | None
    sha256: str
    is_recovered: bool = False

    @property
    def span(self) -> Span:
        """Its time range."""
        return Span(self.t0, self.t1)


@dataclass(frozen=True, slots=True)
class Hold:
    """Footage kept from being overwritten. It gives nobody access."""

    id: str
    request_id: str
    camera: str
    t0: datetime
    t1: datetime
    placed_at: datetime
    expires_at: datetime


@dataclass(frozen=True, slots=True)
class Coverage:
    """What of a range is recorded; spans and gaps together are the range, in order, without overlap."""

    spans: tuple[Span, ...]
    gaps: tuple[Gap, ...]


def cover(
    wanted: Span, recorded: Iterable[Span], known_gaps: Sequence[Gap], *, now: datetime, expired_until: datetime | None
) -> Coverage:
    """Split `wanted` into what is recorded and what is not, with the reason for each hole.

    Args:
        wanted: the range to split.
        recorded: any order, may overlap.
        known_gaps: holes whose reason was written down when they happened.
        now: what lies after it is the future.
        expired_until: overwriting has reached this time.
    """
    spans = _merged(wanted, recorded)
    gaps: list[Gap] = []
    at = wanted.t0
    for span in (*spans, Span(wanted.t1, wanted.t1)):
        if span.t0 > at:
            gaps += _explained(Span(at, span.t0), known_gaps, now=now, expired_until=expired_until)
        at = max(at, span.t1)
    return Coverage(tuple(spans), tuple(gaps))


def _merged(wanted: Span, recorded: Iterable[Span]) -> list[Span]:
    """The recorded parts of `wanted`, joined where they touch, in order."""
    join = timedelta(seconds=JOIN_S)
    merged: list[Span] = []
    for span in sorted(recorded, key=lambda item: item.t0):
        clipped = Span(max(span.t0, wanted.t0), min(span.t1, wanted.t1))
        if clipped.t0 >= clipped.t1:
            continue
        if merged and clipped.t0 - merged[-1].t1 <= join:
            merged[-1] = Span(merged[-1].t0, max(merged[-1].t1, clipped.t1))
        else:
            merged.append(clipped)
    return merged


def _explained(hole: Span, known: Sequence[Gap], *, now: datetime, expired_until: datetime | None) -> list[Gap]:
    """`hole` cut where its reason changes."""
    marks = {hole.t0, hole.t1, now, *((expired_until,) if expired_until else ())}
    marks |= {moment for gap in known for moment in (gap.t0, gap.t1)}
    edges = sorted(moment for moment in marks if hole.t0 <= moment <= hole.t1)
    pieces: list[Gap] = []
    for begin, end in pairwise(edges):
        reason = _reason(Span(begin, end), known, now=now, expired_until=expired_until)
        if pieces and pieces[-1].reason is reason:
            pieces[-1] = Gap(pieces[-1].t0, end, reason)
        else:
            pieces.append(Gap(begin, end, reason))
    return pieces


def _reason(piece: Span, known: Sequence[Gap], *, now: datetime, expired_until: datetime | None) -> GapReason:
    if piece.t0 >= now:
        return GapReason.FUTURE
    for gap in known:
        if gap.t0 <= piece.t0 and piece.t1 <= gap.t1:
            return gap.reason
    if expired_until is not None and piece.t1 <= expired_until:
        return GapReason.EXPIRED
    return GapReason.NOT_RECORDED
