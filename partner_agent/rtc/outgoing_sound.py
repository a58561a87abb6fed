"""One uplink's sound: numbered, encrypted, on the same clock as its pictures. Makes datagrams; sending is the caller's.

Decides nothing about whether anything may be sent: who holds it stops calling. Nothing is repeated. RFC 3550 §5.1 and
§6.4.1, RFC 3551 §4.1 (the marker begins what follows a silence).
"""

import secrets
from collections.abc import Callable
from datetime import datetime

from partner_agent.rtc import rtp
from partner_agent.rtc.outgoing import REPORT_S, clock_report
from partner_agent.rtc.sdp_sound import Sound
from partner_agent.rtc.srtp import Protector
from partner_agent.rtc.units import SoundUnit


class OutgoingSound:
    """The sound of one uplink, whenever there is some."""

    def __init__(self, *, ssrc: int, protector: Protector, taken: Sound) -> None:
        """`taken`: what the relay took, by its names."""
        self._ssrc, self._protector, self._taken = ssrc, protector, taken
        self._index = secrets.randbelow(1 << 15)  # RFC 3711 §3.3.1, as of the pictures
        self._offset = secrets.randbits(32)
        self._last: tuple[int, float] | None = None  # timestamp and moment
        self._packets = self._octets = 0
        self._reported_at = float("-inf")

    def datagrams(self, unit: SoundUnit, now: float) -> list[bytes]:
        """The datagram of one unit, in a list; none where the relay does not take its codec.

        Args:
            unit: next in time.
            now: monotonic seconds.
        """
        payload_type = self._taken.type_of(unit.codec)
        if payload_type is None:
            return []
        if unit.is_first and self._last is not None:  # after a silence: on, by the time that passed
            passed = round((now - self._last[1]) * unit.codec.clock_hz)
            self._offset = self._last[0] + passed - unit.ticks
            self._reported_at = float("-inf")
        timestamp = self._offset + unit.ticks
        head = rtp.header(
            is_last=unit.is_first,
            payload_type=payload_type,
            sequence=self._index,
            timestamp=timestamp,
            ssrc=self._ssrc,
        )
        datagram = self._protector.protect(head, unit.data, self._index)
        self._index += 1
        self._last = (timestamp, now)
        self._packets += 1
        self._octets += len(unit.data)
        return [datagram]

    def report(self, unit: SoundUnit, *, at: datetime, now: float) -> bytes | None:
        """The sender report that is due after `unit`, or None; as of `OutgoingStream`."""
        if now - self._reported_at < REPORT_S:
            return None
        self._reported_at = now
        return clock_report(
            self._ssrc,
            timestamp=self._offset + unit.ticks,
            clock_hz=unit.codec.clock_hz,
            captured_at=unit.captured_at,
            at=at,
            counts=(self._packets, self._octets),
        )


def agreed(offered: Sound | None, taken: Sound | None, protector: Callable[[int], Protector]) -> OutgoingSound | None:
    """Ours, by the names the relay takes; None where we offered none or it takes none."""
    if offered is None or taken is None or taken.direction == "sendonly":
        return None
    return OutgoingSound(ssrc=offered.ssrc, protector=protector(offered.ssrc), taken=taken)
