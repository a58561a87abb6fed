"""What arrives of one source: which packets are missing, what to ask for again, and the report the sender gets.

Loss and jitter by RFC 3550 §6.4.1 and appendix A; missing packets are asked for by generic NACK (RFC 4585 §6.2.1) after
a little patience with overtaking, a bounded number of times, and a retransmission (RFC 4588) is turned back into the
packet it repeats. A packet that was taken is not taken again. Losses are counted before repair: they tell of the way.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

from partner_agent.rtc import rtcp, rtp, rtx
from partner_agent.rtc.units import CLOCK_RATE_HZ

OVERTAKING: Final = 3  # later packets that must have come before one is missed rather than late
PATIENCE_S: Final = 0.01  # or this long after it was passed over
RETRY_S: Final = 0.1  # an answer takes a round trip
MOST_ASKS: Final = 5
GIVE_UP_S: Final = 1.0  # then the picture is over
MOST_MISSING: Final = 256  # a longer gap is an interruption: nothing of it is asked for
_JITTER_SHARE: Final = 16  # RFC 3550 §A.8
_HALF: Final = rtp.TIMESTAMPS // 2
_BACK: Final = rtp.SEQUENCES // 2  # so far ahead is behind


@dataclass(slots=True)
class _Gap:
    """A packet that has not come."""

    since: float
    asked_at: float = 0.0
    asks: int = 0


@dataclass(slots=True)
class _Source:
    """One source's numbers and times; another source begins anew. Names as in RFC 3550 §A.1."""

    ssrc: int
    payload_type: int
    first: int
    highest: int
    missing: dict[int, _Gap] = field(default_factory=dict)
    received: int = 0
    expected_prior: int = 0
    received_prior: int = 0
    transit: int = 0
    jitter: float = 0.0
    last_report: int = 0
    last_report_at: float = 0.0

    def note_arrival(self, timestamp: int, now: float, clock_hz: int) -> None:
        """RFC 3550 §6.4.1: the smoothed change of how long packets are on their way."""
        transit = (int(now * clock_hz) - timestamp) % rtp.TIMESTAMPS
        if self.received:
            change = (transit - self.transit + _HALF) % rtp.TIMESTAMPS - _HALF
            self.jitter += (abs(change) - self.jitter) / _JITTER_SHARE
        self.received += 1
        self.transit = transit


class Reception:
    """One ingest.

    Attributes:
        repaired: packets that came again because they were asked for.
        given_up: packets that never came.
    """

    def __init__(
        self,
        *,
        asks: bool = False,
        payload_type: int | None = None,
        rtx_payload_type: int = 0,
        clock_hz: int = CLOCK_RATE_HZ,
        others: Callable[[rtp.RtpPacket, float], None] = lambda _packet, _now: None,
    ) -> None:
        """What the call negotiated.

        Args:
            asks: whether losses may be asked for.
            payload_type: what its pictures are called; None = as the first packet says.
            rtx_payload_type: what retransmissions are called; 0 = there are none.
            clock_hz: of its timestamps.
            others: gets every packet that is neither; such a packet is never a picture's.
        """
        self.repaired = self.given_up = 0
        self._asks, self._payload_type, self._rtx_payload_type = asks, payload_type, rtx_payload_type
        self._clock_hz, self._others = clock_hz, others
        self._source: _Source | None = None

    @property
    def ssrc(self) -> int:
        """Whom the ingest sends as; 0 before its first packet."""
        return self._source.ssrc if self._source else 0

    def take(self, packet: rtp.RtpPacket, now: float) -> rtp.RtpPacket | None:
        """The packet to go on with: this one, the one it repeats, or None if there is nothing new in it.

        Args:
            packet: as it arrived.
            now: monotonic seconds.
        """
        source = self._source
        if packet.payload_type != self._payload_type:
            if packet.payload_type == self._rtx_payload_type and self._rtx_payload_type:
                return self._repaired(packet, source) if source else None
            if self._payload_type is not None:
                self._others(packet, now)
                return None
            self._payload_type = packet.payload_type
        if source is None or source.ssrc != packet.ssrc:
            source = self._source = _Source(packet.ssrc, packet.payload_type, packet.sequence, packet.sequence - 1)
        source.note_arrival(packet.timestamp, now, self._clock_hz)
        ahead = (packet.sequence - source.highest) % rtp.SEQUENCES
        if ahead == 1:  # nearly always
            source.highest += 1
            return packet
        if ahead == 0 or ahead >= _BACK:
            index = rtp.nearest(packet.sequence, source.highest)
            return packet if source.missing.pop(index, None) else None
        self._miss(source, source.highest + ahead, now)
        source.highest += ahead
        return packet

    def due(self, now: float) -> list[int]:
        """The sequence numbers to ask for at this moment, each as often as is sensible; call it as packets come."""
        source = self._source
        if source is None or not source.missing:
            return []
        asked: list[int] = []
        for index, gap in list(source.missing.items()):
            if now - gap.since >= GIVE_UP_S:
                del source.missing[index]
                self.given_up += 1
            elif self._asks and gap.asks < MOST_ASKS and _is_due(source.highest - index, gap, now):
                gap.asks, gap.asked_at = gap.asks + 1, now
                asked.append(index % rtp.SEQUENCES)
        return asked

    def heard(self, report: rtcp.SenderReport, now: float) -> None:
        """Note the source's sender report, so that ours can name it."""
        source = self._source
        if source is not None and source.ssrc == report.ssrc:
            source.last_report, source.last_report_at = rtcp.middle(report.ntp), now

    def report(self, now: float) -> rtcp.ReportBlock | None:
        """What arrived since the last report and altogether (RFC 3550 §A.3); None before the first packet."""
        source = self._source
        if source is None:
            return None
        expected = source.highest - source.first + 1
        expected_interval = expected - source.expected_prior
        lost_interval = expected_interval - (source.received - source.received_prior)
        source.expected_prior, source.received_prior = expected, source.received
        return rtcp.ReportBlock(
            ssrc=source.ssrc,
            lost_of_256=min((lost_interval << 8) // expected_interval, 255) if lost_interval > 0 else 0,
            lost=expected - source.received,
            highest=source.highest,
            jitter=int(source.jitter),
            last_report=source.last_report,
            delay_65536=round((now - source.last_report_at) * 65_536) if source.last_report else 0,
        )

    def _miss(self, source: _Source, index: int, now: float) -> None:
        passed = range(source.highest + 1, index)
        if len(passed) > MOST_MISSING:
            self.given_up += len(passed) + len(source.missing)
            source.missing.clear()
            return
        for missing in passed:
            source.missing[missing] = _Gap(now)
        while len(source.missing) > MOST_MISSING:
            del source.missing[next(iter(source.missing))]
            self.given_up += 1

    def _repaired(self, packet: rtp.RtpPacket, source: _Source) -> rtp.RtpPacket | None:
        original = rtx.original(packet, ssrc=source.ssrc, payload_type=source.payload_type)
        if original is None:
            return None
        index = source.highest - (source.highest - original.sequence) % rtp.SEQUENCES
        if source.missing.pop(index, None) is None:
            return None  # it came after all, was given up, or was never missed
        self.repaired += 1
        return original


def _is_due(ahead: int, gap: _Gap, now: float) -> bool:
    if gap.asks:
        return now - gap.asked_at >= RETRY_S
    return ahead >= OVERTAKING or now - gap.since >= PATIENCE_S
