"""Retransmission: a packet once more, in a stream of its own, to one peer, within a budget.

RFC 4588: own SSRC, own sequence numbers, the first two bytes of the payload say which packet it was. That also keeps
the encryption sound: the same index is never used for two plaintexts, nor the same plaintext sent under it again. A
peer that asks without end gets no more than the budget: it cannot make us send more than it may see.
"""

from collections.abc import Callable, Iterable
from typing import Final

import msgspec

from partner_agent.rtc import rtp
from partner_agent.rtc.ring import RING_PACKETS, Packet
from partner_agent.rtc.srtp import Protector

MOST_TIMES: Final = 4  # one packet, to one peer
BURST_BYTES: Final = 256 * 1024  # a lost key frame
REFILL_BYTES_S: Final = 256 * 1024  # 2 Mbit/s: half of a 4 Mbit/s stream may be lost
BURST_WANTED: Final = RING_PACKETS  # numbers one peer may name at once: all there can be
REFILL_WANTED_S: Final = 2_000  # four times what a stream of 4 Mbit/s sends
_SEQUENCE_BYTES: Final = 2


class _Bucket:
    """How much of something may still be had: full at first, and again as time passes."""

    def __init__(self, depth: float, per_s: float) -> None:
        self.left, self._depth, self._per_s = float(depth), depth, per_s
        self._filled_at: float | None = None

    def fill(self, now: float) -> None:
        """Let in what came since the last time; `now` in monotonic seconds."""
        since = now - self._filled_at if self._filled_at is not None else 0.0
        self.left, self._filled_at = min(self.left + since * self._per_s, self._depth), now


class Retransmitter:
    """One peer's retransmission stream.

    Attributes:
        packets, sent_bytes: the account.
        refused: packets asked for that the budget did not allow.
    """

    def __init__(
        self, *, ssrc: int, payload_type: int, protector: Protector, spares: Callable[[int], bool] = lambda _: True
    ) -> None:
        """`protector` encrypts for `ssrc` alone; indexes begin at 0, for the keys are fresh (RFC 3711 §3.3.1).

        `spares` counts a packet of so many bytes elsewhere too, and says whether it may leave.
        """
        self._spares = spares
        self.packets = self.sent_bytes = self.refused = 0
        self._ssrc, self._payload_type, self._protect = ssrc, payload_type, protector.protect
        self._index = 0
        self._times: dict[int, int] = {}
        self._bytes = _Bucket(BURST_BYTES, REFILL_BYTES_S)
        self._wanted = _Bucket(BURST_WANTED, REFILL_WANTED_S)

    def considered(self, sequences: Iterable[int], now: float) -> list[int]:
        """Of the numbers that a peer names, those that are looked for: each once, and no more than it may name.

        Looking costs time that is everybody's, whether anything is found or not.
        """
        self._wanted.fill(now)
        named = list(dict.fromkeys(sequences))
        looked_for = named[: int(self._wanted.left)]
        self._wanted.left -= len(looked_for)
        self.refused += len(named) - len(looked_for)
        return looked_for

    def repeat(self, asked: Iterable[tuple[Packet, int]], now: float) -> list[bytes]:
        """The datagrams that repeat packets, as far as the budget allows.

        Args:
            asked: packets, and the sequence number under which this peer was sent each.
            now: monotonic seconds.
        """
        self._bytes.fill(now)
        datagrams = []
        for packet, sequence in asked:
            times = self._times.get(packet.number, 0)
            size = rtp.HEADER_BYTES + _SEQUENCE_BYTES + len(packet.payload)
            if times >= MOST_TIMES or size > self._bytes.left or not self._spares(size):
                self.refused += 1
                continue
            self._bytes.left -= size
            self._times[packet.number] = times + 1
            datagrams.append(self._repeated(packet, sequence))
        self._forget()
        self.packets += len(datagrams)
        self.sent_bytes += sum(map(len, datagrams))
        return datagrams

    def _repeated(self, packet: Packet, sequence: int) -> bytes:
        header = rtp.header(
            is_last=packet.is_last,
            payload_type=self._payload_type,
            sequence=self._index,
            timestamp=packet.timestamp,
            ssrc=self._ssrc,
        )
        payload = (sequence % rtp.SEQUENCES).to_bytes(_SEQUENCE_BYTES, "big") + packet.payload
        self._index += 1
        return self._protect(header, payload, self._index - 1)

    def _forget(self) -> None:
        """The ring holds no more than `RING_PACKETS`; what is this far behind can be asked for by nobody."""
        if len(self._times) > 2 * RING_PACKETS:
            oldest = max(self._times) - 2 * RING_PACKETS
            self._times = {number: times for number, times in self._times.items() if number > oldest}


def original(repeated: rtp.RtpPacket, *, ssrc: int, payload_type: int) -> rtp.RtpPacket | None:
    """The packet that a retransmission repeats (RFC 4588 §4); None if it carries none, as probes do.

    Args:
        repeated: of the retransmission stream.
        ssrc: of the stream it repairs.
        payload_type: of the stream it repairs.
    """
    if len(repeated.payload) <= _SEQUENCE_BYTES:
        return None
    sequence = int.from_bytes(repeated.payload[:_SEQUENCE_BYTES], "big")
    return msgspec.structs.replace(
        repeated, sequence=sequence, ssrc=ssrc, payload_type=payload_type, payload=repeated.payload[_SEQUENCE_BYTES:]
    )
