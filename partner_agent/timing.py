"""When a picture was taken, and where it stands on the source's time line. Pure.

A camera's own clock (RTCP sender reports, as FFmpeg's `prft`) is used while it is plausible; otherwise the picture's
arrival less the smallest delay seen. Which clock spoke, and how far the camera's was off, is kept beside the time. How
much a stream needs is measured on the same time line.
"""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Final

from partner_agent.rtc.units import CLOCK_RATE_HZ

PLAUSIBLE_FROM: Final = datetime(2020, 1, 1, tzinfo=UTC)  # a camera without a battery wakes up in 1970 or 2000
CLOCK_TRUST_S: Final = 5.0  # a camera clock further off than this is reported, not used
DRIFT_PER_S: Final = 500e-6  # how fast the smallest delay is forgotten: the worst crystal of a camera
JUMP_S: Final = 10.0  # a step of the RTP clock larger than this is a new time base, not a pause
FALLBACK_STEP_90K: Final = CLOCK_RATE_HZ // 25
REORDERS_MEAN_B_FRAMES: Final = 3
REORDERS_WITHIN_S: Final = 10.0  # of media: a clock that is corrected now and then goes back more rarely
MOST_REORDER_S: Final = 2.0  # further back is a clock that was set: 16 pictures, the most an encoder reorders, at 8 fps


class ClockSource(StrEnum):
    """Whose clock a capture time came from."""

    CAMERA = "camera"
    AGENT = "agent"


@dataclass(frozen=True, slots=True)
class Capture:
    """A capture time.

    Attributes:
        offset_ms: the camera's clock minus the agent's, if the camera told a plausible time.
    """

    at: datetime
    source: ClockSource
    offset_ms: int | None = None


class CaptureClock:
    """Turns arrivals, and the camera's word where it has one, into capture times. One per connection."""

    def __init__(self) -> None:
        self._delay_base_s: float | None = None
        self._last_arrival_s = 0.0

    def capture(self, *, pts_90k: int, arrived_at: datetime, arrived_s: float, camera_time: datetime | None) -> Capture:
        """The capture time of one unit.

        Args:
            pts_90k: where it stands on the time line.
            arrived_at: wall time of arrival.
            arrived_s: monotonic time of the same moment.
            camera_time: what the camera's clock said, if it said anything.
        """
        own = arrived_at - timedelta(seconds=self._delay_s(pts_90k / CLOCK_RATE_HZ, arrived_s))
        if camera_time is None or camera_time < PLAUSIBLE_FROM:
            return Capture(own, ClockSource.AGENT)
        offset_s = (camera_time - own).total_seconds()
        source = ClockSource.CAMERA if abs(offset_s) <= CLOCK_TRUST_S else ClockSource.AGENT
        return Capture(camera_time if source is ClockSource.CAMERA else own, source, round(offset_s * 1000))

    def _delay_s(self, media_s: float, arrived_s: float) -> float:
        """How much later than the least delayed unit this one came."""
        base = arrived_s - media_s
        if self._delay_base_s is None:
            self._delay_base_s = base
        else:
            self._delay_base_s += DRIFT_PER_S * max(0.0, arrived_s - self._last_arrival_s)
            self._delay_base_s = min(self._delay_base_s, base)
        self._last_arrival_s = arrived_s
        return base - self._delay_base_s


class BFramesError(ValueError):
    """Pictures come out of presentation order, or say so themselves: the encoder uses B-frames."""


class Timeline:
    """Places the units of one connection on the source's time line.

    FFmpeg gives the first key picture of an RTSP stream no time; it is put one frame before the second rather than
    dropped. Where the camera's RTP clock steps back, or jumps ahead, the time line goes on by the time that passed
    between the two arrivals, one frame at least. A clock that is set back once is no B-frame.
    """

    def __init__(self, *, starts_at_90k: int) -> None:
        self._next_90k = starts_at_90k
        self._offset_90k: int | None = None
        self._last_90k = starts_at_90k - 1
        self._last_pts_90k: int | None = None
        self._last_arrival_s: float | None = None
        self._reorders = 0
        self._reordered_90k = starts_at_90k

    def place(self, pts_90k: int | None, step_90k: int, *, arrived_s: float) -> int:
        """Where the unit stands.

        Args:
            pts_90k: the time FFmpeg gave, or None.
            step_90k: the distance of two pictures as far as known; 0 = unknown.
            arrived_s: monotonic time of its arrival.

        Raises:
            BFramesError: the third unit within `REORDERS_WITHIN_S` whose time lies before its predecessor's.
        """
        step_90k = step_90k or FALLBACK_STEP_90K
        before_s, self._last_arrival_s = self._last_arrival_s, arrived_s
        if pts_90k is None:
            return self._advance(self._next_90k, step_90k)
        is_back = self._last_pts_90k is not None and pts_90k < self._last_pts_90k
        self._last_pts_90k = pts_90k
        if self._offset_90k is None:
            self._offset_90k = self._next_90k - pts_90k
        placed = pts_90k + self._offset_90k
        if is_back and self._last_90k - placed <= MOST_REORDER_S * CLOCK_RATE_HZ:
            self._count_reorder()
        if is_back or placed - self._last_90k > JUMP_S * CLOCK_RATE_HZ:
            away_s = arrived_s - before_s if before_s is not None else 0.0
            placed = max(self._next_90k, self._last_90k + round(away_s * CLOCK_RATE_HZ))
            self._offset_90k = placed - pts_90k
        return self._advance(max(placed, self._last_90k + 1), step_90k)

    def _count_reorder(self) -> None:
        if self._last_90k - self._reordered_90k > REORDERS_WITHIN_S * CLOCK_RATE_HZ:
            self._reorders = 0
        self._reorders += 1
        self._reordered_90k = self._last_90k
        if self._reorders >= REORDERS_MEAN_B_FRAMES:
            raise BFramesError("pictures come out of order")

    def _advance(self, placed: int, step_90k: int) -> int:
        self._last_90k = placed
        self._next_90k = placed + step_90k
        return placed


class GopRate:
    """Measures what a stream needs, by whole groups of pictures: a key picture is many times the size of the others."""

    def __init__(self) -> None:
        self._before_bps = self._last_bps = 0
        self._bytes = 0
        self._began_90k: int | None = None

    @property
    def bps(self) -> int | None:
        """Bits a second, headers of packets not counted: the larger of the last two groups; None before the first."""
        return max(self._before_bps, self._last_bps) or None

    def begin(self) -> None:
        """The stream broke off: the group that runs does not count."""
        self._began_90k = None

    def add(self, size_bytes: int, pts_90k: int, *, is_key: bool) -> None:
        """Count one unit."""
        if is_key:
            if self._began_90k is not None and pts_90k > self._began_90k:
                self._before_bps = self._last_bps
                self._last_bps = self._bytes * 8 * CLOCK_RATE_HZ // (pts_90k - self._began_90k)
            self._began_90k, self._bytes = pts_90k, 0
        self._bytes += size_bytes
