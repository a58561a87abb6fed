"""How much a tunnel may carry: bytes in a bucket that fills at a rate. Pure; the times are given.

What is beyond the rate is lost, as on a line that is too narrow. What is far beyond it is no picture, and ends the
tunnel: reading it takes time that the gateway needs for others.
"""

from typing import Final, Literal

MOST_BYTES_PER_S: Final = 1_250_000  # 10 Mbit/s: more than twice a picture at 1080p
MOST_AT_ONCE_BYTES: Final = 2_000_000  # the group of pictures that a view begins with
FLOOD_FACTOR: Final = 4
MESSAGE_BYTES: Final = 100  # what a message costs beside its own bytes, so that many small ones are no way around

Verdict = Literal["pass", "drop", "flood"]


class Bucket:
    """Fills at a rate up to its depth."""

    def __init__(self, *, bytes_per_s: float, depth_bytes: float, now: float) -> None:
        self._rate, self._depth = bytes_per_s, depth_bytes
        self._level, self._at = depth_bytes, now

    def take(self, size_bytes: int, now: float) -> bool:
        """Take so much out, if it is there.

        Args:
            size_bytes: how much.
            now: monotonic seconds.
        """
        self._level = min(self._depth, self._level + (now - self._at) * self._rate)
        self._at = now
        if size_bytes > self._level:
            return False
        self._level -= size_bytes
        return True


class Meter:
    """What becomes of each message of one tunnel."""

    def __init__(self, now: float) -> None:
        self._fair = Bucket(bytes_per_s=MOST_BYTES_PER_S, depth_bytes=MOST_AT_ONCE_BYTES, now=now)
        self._flood = Bucket(
            bytes_per_s=FLOOD_FACTOR * MOST_BYTES_PER_S, depth_bytes=FLOOD_FACTOR * MOST_AT_ONCE_BYTES, now=now
        )

    def take(self, size_bytes: int, now: float) -> Verdict:
        """Judge one message of this size, at this monotonic second."""
        cost = size_bytes + MESSAGE_BYTES
        if not self._flood.take(cost, now):
            return "flood"
        return "pass" if self._fair.take(cost, now) else "drop"
