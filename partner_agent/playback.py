"""Where a playback of a recording is, and when its next picture is due: arithmetic without I/O.

An anchor ties one picture of the recording to one moment of the stream. Each later picture leaves as long after it as
it was taken after it, divided by the speed. A jump, another speed, a pause and a hole set a new anchor; the stream's
own time goes on, so that a player sees one stream.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final

from partner_agent.ports import Where
from partner_agent.ring.footage import Shot
from partner_agent.rtc.units import CLOCK_RATE_HZ
from partner_agent.wire.limits import FOOTAGE_RANGES, KEYS_ONLY_SPEED

NORMAL: Final = 100  # percent
HOLE_S: Final = 1.0  # pictures farther apart than this have a hole between them, which is not waited for
LATE_S: Final = 0.5  # further behind than this, time is counted anew instead of catching up in a rush
_JOIN_S: Final = 1.0


class Pace:
    """The clockwork of one playback."""

    def __init__(self, at: datetime, now: float) -> None:
        """It begins at `at`; `now` in monotonic seconds."""
        self.position = at
        self.speed_percent = NORMAL
        self.is_paused = False
        self.is_over = False
        self._begun = now
        self._pts = -1
        self._first: int | None = None
        self._anchor = (0, at)

    @property
    def where(self) -> Where:
        """As the viewer is told."""
        ticks, at = self._anchor
        return Where(
            self.position, self.speed_percent, self.is_paused, self.is_over, max(0, ticks - (self._first or 0)), at
        )

    @property
    def is_keys_only(self) -> bool:
        """Whether so many pictures pass that only key pictures leave."""
        return self.speed_percent >= KEYS_ONLY_SPEED

    def due(self, at: datetime) -> float:
        """When the picture taken at `at` leaves, in monotonic seconds."""
        ticks, anchored = self._anchor
        since_s = (at - anchored).total_seconds() * NORMAL / self.speed_percent
        return self._begun + ticks / CLOCK_RATE_HZ + since_s

    def is_hole(self, at: datetime) -> bool:
        """Whether nothing is recorded between the present picture and that of `at`; key pictures may lie far apart."""
        return not self.is_keys_only and (at - self.position).total_seconds() > HOLE_S

    def shown(self, at: datetime, now: float) -> int:
        """The next picture of running time leaves now; its place in the stream."""
        due = self.due(at)
        if self.is_hole(at) or now - due > LATE_S:
            return self.jumped(at, now)
        self.position = at
        return self._next(due)

    def jumped(self, at: datetime, now: float) -> int:
        """The picture of another place is shown now; its place in the stream, and the anchor of what follows."""
        self.position, self.is_over = at, False
        pts = self._next(now)
        self._anchor = (pts, at)
        return pts

    def hurried(self, now: float) -> int:
        """The place of a picture that is sent only because those after it need it."""
        return self._next(now)

    def anchor_here(self, now: float) -> None:
        """Count from the present picture on: speed or pause has changed."""
        self._anchor = (max(self._pts, round((now - self._begun) * CLOCK_RATE_HZ)), self.position)

    def end(self) -> None:
        """There is nothing more."""
        self.is_paused = self.is_over = True

    def _next(self, moment: float) -> int:
        self._pts = max(self._pts + 1, round((moment - self._begun) * CLOCK_RATE_HZ))
        self._first = self._pts if self._first is None else self._first
        return self._pts


def run_up(shots: Sequence[Shot], at: datetime) -> int:
    """The index of the picture that shows `at`: the last one not after it, or else the first."""
    return max((index for index, shot in enumerate(shots) if shot.at <= at), default=0)


def key_before(shots: Sequence[Shot], index: int) -> int:
    """The index of the key picture that the picture at `index` needs; `shots` begin with one."""
    return next(number for number in range(index, -1, -1) if shots[number].is_key)


@dataclass(slots=True)
class Watched:
    """Which moments of the recording have left the site."""

    ranges: list[list[datetime]] = field(default_factory=list)

    def add(self, at: datetime, *, follows: bool) -> None:
        """One picture left; `follows`: it is the one after the last, however far apart they are."""
        if self.ranges:
            last = self.ranges[-1]
            near = timedelta(seconds=_JOIN_S)
            if last[0] <= at and (follows or at <= last[1] + near):
                last[1] = max(last[1], at)
                return
        self.ranges.append([at, at])
        if len(self.ranges) > 2 * FOOTAGE_RANGES:
            self.ranges = [*([start, end] for start, end in joined(self.ranges[:-1])), self.ranges[-1]]

    def told(self) -> list[tuple[datetime, datetime]]:
        """The ranges in order, joined where they meet; of too many the nearest are joined, so that none is left out."""
        return joined(self.ranges)

    @property
    def seconds(self) -> float:
        """How much footage that is; a single picture counts a second."""
        return sum(max(1.0, (end - start).total_seconds()) for start, end in self.told())


def joined(ranges: Sequence[Sequence[datetime]]) -> list[tuple[datetime, datetime]]:
    """`ranges` in order, those that meet as one, and at most `FOOTAGE_RANGES` of them."""
    found: list[tuple[datetime, datetime]] = []
    for start, end in sorted((pair[0], pair[1]) for pair in ranges):
        if found and start <= found[-1][1] + timedelta(seconds=_JOIN_S):
            found[-1] = (found[-1][0], max(found[-1][1], end))
        else:
            found.append((start, end))
    while len(found) > FOOTAGE_RANGES:
        nearest = min(range(1, len(found)), key=lambda n: found[n][0] - found[n - 1][1])
        found[nearest - 1 : nearest + 1] = [(found[nearest - 1][0], found[nearest][1])]
    return found
