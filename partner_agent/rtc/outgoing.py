"""One uplink's packets: numbered, packetised, encrypted, kept for a while, repeated when the relay lost some.

Each second it says which moment of the agent's clock is which of the media's, so that a viewer's report can carry it
on. Decides nothing about whether anything may be sent: who holds it stops calling. RFC 6184, RFC 3550 §6.4.1,
RFC 4588 (a packet is repeated in a stream of its own, never under its own index again).
"""

import secrets
from collections.abc import Iterable
from datetime import datetime
from typing import Final

from partner_agent.rtc import h264, nal, rtcp, rtp, sdp
from partner_agent.rtc.ring import Packet, Ring
from partner_agent.rtc.rtx import Retransmitter
from partner_agent.rtc.srtp import Protector
from partner_agent.rtc.units import CLOCK_RATE_HZ, AccessUnit

PAYLOAD_TYPE: Final = 96
RTX_PAYLOAD_TYPE: Final = 97
REPORT_S: Final = 1.0
_MOST_AGE_S: Final = 10.0  # a capture time further back, or ahead, is a clock that was set meanwhile


class OutgoingStream:
    """The packets of one uplink. Makes datagrams; sending them is the caller's."""

    def __init__(self, *, ssrc: int, protector: Protector, retransmitter: Retransmitter | None) -> None:
        """`protector` encrypts for `ssrc`; without a `retransmitter` nothing is repeated."""
        self._ssrc, self._protector, self._retransmitter = ssrc, protector, retransmitter
        self._index = secrets.randbelow(1 << 15)  # RFC 3711 §3.3.1: the lower half, as the rollover count starts at 0
        self._origin = secrets.randbits(32)
        self._ring = Ring()
        self._packets = self._octets = 0
        self._reported_at = float("-inf")

    def datagrams(self, unit: AccessUnit, now: float) -> list[bytes]:
        """The datagrams of one unit; `now` in monotonic seconds."""
        payloads = h264.packetise(list(nal.split(unit.data)))
        timestamp = (self._origin + unit.pts_90k) % rtp.TIMESTAMPS
        datagrams, packets = [], []
        for number, payload in enumerate(payloads, 1):
            packet = Packet(self._index, number == len(payloads), timestamp, payload)
            self._index += 1
            datagrams.append(self._protector.protect(self._header(packet), payload, packet.number))
            packets.append(packet)
            self._octets += len(payload)
        self._ring.put(packets, now)
        self._packets += len(payloads)
        return datagrams

    def repeated(self, wanted: Iterable[tuple[int, int]], now: float) -> list[bytes]:
        """What the relay lost, once more, as far as it is still here and the budget allows.

        Args:
            wanted: (media SSRC, sequence number), as `rtcp.Heard.wanted`.
            now: monotonic seconds.
        """
        if self._retransmitter is None:
            return []
        newest = self._index - 1
        asked: list[tuple[Packet, int]] = []
        ours = (sequence for ssrc, sequence in wanted if ssrc == self._ssrc)
        for sequence in self._retransmitter.considered(ours, now):
            packet = self._ring.get(newest - (newest - sequence) % rtp.SEQUENCES, now)
            if packet is not None:
                asked.append((packet, sequence))
        return self._retransmitter.repeat(asked, now)

    def report(self, unit: AccessUnit, *, at: datetime, now: float) -> bytes | None:
        """The sender report that is due after `unit`, or None: the first at once, then every `REPORT_S`.

        Args:
            unit: just sent.
            at: this moment by the agent's clock, aware.
            now: the same moment in monotonic seconds.
        """
        if now - self._reported_at < REPORT_S:
            return None
        self._reported_at = now
        return clock_report(
            self._ssrc,
            timestamp=self._origin + unit.pts_90k,
            clock_hz=CLOCK_RATE_HZ,
            captured_at=unit.captured_at,
            at=at,
            counts=(self._packets, self._octets),
        )

    def _header(self, packet: Packet) -> bytes:
        return rtp.header(
            is_last=packet.is_last,
            payload_type=PAYLOAD_TYPE,
            sequence=packet.number,
            timestamp=packet.timestamp,
            ssrc=self._ssrc,
        )


def clock_report(
    ssrc: int, *, timestamp: int, clock_hz: int, captured_at: datetime | None, at: datetime, counts: tuple[int, int]
) -> bytes:
    """A sender report that binds `at` to the media time of that moment.

    Args:
        ssrc: the stream's.
        timestamp: of what was just sent.
        clock_hz: of the timestamps.
        captured_at: when that was taken, by the best clock known; None = now.
        at: this moment by the agent's clock, aware.
        counts: packets and octets so far.
    """
    age_s = (at - captured_at).total_seconds() if captured_at else 0.0
    age_s = age_s if abs(age_s) <= _MOST_AGE_S else 0.0
    said = rtcp.SenderReport(ssrc, rtcp.ntp_of(at), timestamp + round(age_s * clock_hz), *counts)
    return rtcp.sender_report(said) + rtcp.description(ssrc, sdp.CNAME)
