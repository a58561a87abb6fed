"""The newest packets of one stream, kept so that a lost one can be sent again: one ring for all who see the stream.

Bounded by number, bytes and age, whichever comes first. Keeps what was sent and nothing of whom it was sent to.
"""

from collections import deque
from collections.abc import Sequence
from typing import Final

import msgspec

RING_PACKETS: Final = 2_048  # 4 s of 4 Mbit/s
RING_BYTES: Final = 3 * 1024 * 1024
RING_S: Final = 2.0  # a packet that comes later than this is of no use to a picture


class Packet(msgspec.Struct, frozen=True, gc=False):
    """A packet of a stream: its place in it, and what goes behind any receiver's header."""

    number: int
    is_last: bool
    timestamp: int
    payload: bytes


class Ring:
    """Packets by their number."""

    def __init__(self) -> None:
        self._kept: dict[int, Packet] = {}
        self._order: deque[tuple[float, Sequence[Packet], int]] = deque()  # when, what was put together, its bytes
        self._bytes = 0

    def __len__(self) -> int:
        return len(self._kept)

    def __contains__(self, number: int) -> bool:
        return number in self._kept

    def put(self, packets: Sequence[Packet], now: float) -> None:
        """Keep packets whose numbers were not put before; `now` in monotonic seconds. They go together, too."""
        size = 0
        for packet in packets:
            self._kept[packet.number] = packet
            size += len(packet.payload)
        self._order.append((now, packets, size))
        self._bytes += size
        while self._order and (
            len(self._kept) > RING_PACKETS or self._bytes > RING_BYTES or now - self._order[0][0] > RING_S
        ):
            _, oldest, size = self._order.popleft()
            self._bytes -= size
            for packet in oldest:
                self._kept.pop(packet.number, None)

    def get(self, number: int, now: float) -> Packet | None:
        """The packet, if it is here and not older than `RING_S` against the newest; `now` in monotonic seconds."""
        if not self._order or now - self._order[-1][0] > RING_S:
            return None
        return self._kept.get(number)
