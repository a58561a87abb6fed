"""How fast a group of pictures that lies ready may leave: so much at once, the rest above the stream's own pace. Pure.

All at once it would be lost, on a line narrower than the machine's or before the other end has read it, and with it
every picture up to the next key frame. Pictures that leave as a camera sends them never wait.
"""

from typing import Final

AT_ONCE_PACKETS: Final = 900  # 2 s of 4 Mbit/s; browsers were seen to lose what came beyond 1,300 at once
PACKETS_PER_S: Final = 4_000  # then about 40 Mbit/s: 20 s of 4 Mbit/s are there in little more than two


class Pace:
    """One receiver's."""

    def __init__(self, now: float) -> None:
        """All that may leave at once may; `now` in monotonic seconds, here and below."""
        self._credit, self._at = float(AT_ONCE_PACKETS), now

    def allowed(self, now: float) -> int:
        """How many packets may leave now; less than none after more have left than might."""
        self._credit = min(AT_ONCE_PACKETS, self._credit + PACKETS_PER_S * (now - self._at))
        self._at = now
        return int(self._credit)

    def spend(self, packets: int) -> None:
        """So many have left."""
        self._credit -= packets

    def wait_s(self, now: float) -> float:
        """Seconds until anything may leave again."""
        return max(0, -self.allowed(now)) / PACKETS_PER_S
