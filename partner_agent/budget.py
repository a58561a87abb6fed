"""The site's uplink for live views: how much may leave in all, and which view gives way when it is too much. Pure.

The owner sets a rate; the site's other traffic needs the rest of the line. A stream is taken on if what it is known to
need fits beside those that run. What leaves then is counted in a bucket that fills at that rate; when it runs dry, the
newest uplink ends, not a picture of every one of them.
"""

from collections.abc import Callable
from typing import Final

from partner_agent.wire.clock import Clock

DEPTH_S: Final = 4.0  # so much of the rate may leave at once: the group of pictures that a new view begins with
_KEPT_SHARE: Final = 0.25  # of that, which nothing that was lost may take
_PAYLOAD_BYTES: Final = 1200
_HEADERS_BYTES: Final = 70  # of one packet, at most: IPv6 40, UDP 8, RTP 12, the tag of SRTP 10


def on_the_line(unit_bytes: int) -> int:
    """How many bytes an access unit is once it is in packets; a lost one that leaves again counts by itself."""
    return unit_bytes + _HEADERS_BYTES * -(-unit_bytes // _PAYLOAD_BYTES)


class Share:
    """One uplink's part of the budget; made by `Budget.open`, given back by `close`."""

    def __init__(self, budget: "Budget", rate_bps: Callable[[], int | None], on_over: Callable[[], None]) -> None:
        self._budget, self._on_over = budget, on_over
        self.rate_bps = rate_bps
        self.is_over = False

    def take(self, unit_bytes: int) -> bool:
        """Count one unit about to leave; False if it may not, because this uplink gave way."""
        return not self.is_over and self._budget.take(self, unit_bytes)

    def spares(self, packet_bytes: int) -> bool:
        """Count one packet that would leave for a second time, if there is room for it; nobody gives way for it."""
        return not self.is_over and self._budget.spares(packet_bytes)

    def give_way(self) -> None:
        """Nothing more may leave, from this instant."""
        self.is_over = True
        self.close()
        self._on_over()

    def close(self) -> None:
        """Free its part; a second time is harmless."""
        self._budget.forget(self)


class Budget:
    """What may leave a site, and the uplinks that share it, the newest last.

    Attributes:
        clock: by which it fills.
    """

    def __init__(self, rate_bps: int, *, clock: Clock) -> None:
        """`rate_bps`: bits a second over all uplinks; 0 = as much as there is."""
        self._rate_bps, self.clock = rate_bps, clock
        self._depth = rate_bps / 8 * DEPTH_S
        self._tokens, self._filled_s = self._depth, clock.monotonic()
        self._shares: list[Share] = []

    @property
    def is_bound(self) -> bool:
        """Whether the owner set a rate."""
        return self._rate_bps > 0

    def fits(self, rate_bps: int | None) -> bool:
        """Whether a stream of this rate fits beside those that run; one of unknown rate, if anything is left."""
        if not self._rate_bps:
            return True
        left = self._rate_bps - sum(share.rate_bps() or 0 for share in self._shares)
        return left > 0 if rate_bps is None else left >= rate_bps

    def affords(self, unit_bytes: int) -> bool:
        """Whether so much may leave at once, now."""
        self._fill()
        return not self._rate_bps or self._tokens >= on_the_line(unit_bytes)

    def open(self, rate_bps: Callable[[], int | None], *, on_over: Callable[[], None]) -> Share | None:
        """A part for a new uplink, or None if it does not fit.

        Args:
            rate_bps: what the stream needs as far as it is known by now, in bits a second, each time it is asked.
            on_over: called once if this uplink gives way; it must end it.
        """
        if not self.fits(rate_bps()):
            return None
        share = Share(self, rate_bps, on_over)
        self._shares.append(share)
        return share

    def take(self, share: Share, unit_bytes: int) -> bool:
        """Count one unit of `share`; False if that share gave way for it."""
        if not self._rate_bps:
            return True
        self._fill()
        self._tokens -= on_the_line(unit_bytes)
        if self._tokens < 0:
            self._tokens = self._depth  # the others are counted anew: less leaves from now on
            self._shares[-1].give_way()
        return not share.is_over

    def spares(self, packet_bytes: int) -> bool:
        """Count one repeated packet if a quarter of the bucket stays for pictures; else it may not leave.

        Who asks for packets without end, a relay that lies, gets what the line has over, and ends no view by it.
        """
        if not self._rate_bps:
            return True
        self._fill()
        size = packet_bytes + _HEADERS_BYTES
        if self._tokens - size < self._depth * _KEPT_SHARE:
            return False
        self._tokens -= size
        return True

    def forget(self, share: Share) -> None:
        """This uplink is over."""
        self._shares = [one for one in self._shares if one is not share]

    def _fill(self) -> None:
        now = self.clock.monotonic()
        self._tokens = min(self._depth, self._tokens + (now - self._filled_s) * self._rate_bps / 8)
        self._filled_s = now
