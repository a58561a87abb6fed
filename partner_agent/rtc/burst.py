"""Packets on their way to many viewers: what those have in common is made once, for all of them.

A viewer's copy of a batch is sealed in one sweep, one packet behind the other, and handed to the kernel so, run by run
of datagrams of equal size. Only packets that follow one another go this way; whatever was overtaken or lost on its way
here is sealed packet by packet, as for peers that AES-GCM is not agreed with.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import accumulate, pairwise
from typing import NamedTuple

from partner_agent.rtc import gso, rtp
from partner_agent.rtc.ring import Packet
from partner_agent.rtc.srtp import TAG_BYTES


class Run(NamedTuple):
    """Datagrams of `segment_bytes` each, the last perhaps shorter, one behind the other: where they begin and end."""

    start: int
    end: int
    segment_bytes: int


@dataclass(frozen=True, slots=True)
class Burst:
    """A batch as one piece.

    Attributes:
        headers, payloads: of each packet.
        runs: where the sealed packets are, as the kernel takes them.
        size_bytes: of the sealed packets.
    """

    headers: tuple[bytes, ...]
    payloads: tuple[bytes, ...]
    runs: tuple[Run, ...]
    size_bytes: int


class Shared:
    """What viewers of one payload type and one shift have in common."""

    def __init__(self, packets: Sequence[Packet], headers: list[bytes], *, is_run: bool) -> None:
        self.headers = headers
        self._packets = packets
        self._is_run = is_run

    @cached_property
    def burst(self) -> Burst | None:
        """The batch as one piece; None for packets that do not follow one another."""
        return _burst(self._packets, self.headers) if self._is_run else None


class Batch:
    """Packets that go out together."""

    def __init__(self, packets: Sequence[Packet], ssrc: int) -> None:
        self.packets = packets
        self._ssrc = ssrc
        self._is_run = all(one.number + 1 == two.number for one, two in pairwise(packets))
        self._shared: dict[tuple[int, int], Shared] = {}

    @cached_property
    def lowest(self) -> int:
        """The least number."""
        return self.packets[0].number if self._is_run else min(packet.number for packet in self.packets)

    def shared(self, payload_type: int, shift: int) -> Shared:
        """What viewers with this payload type and this shift share."""
        group = payload_type, shift % rtp.SEQUENCES
        found = self._shared.get(group)
        if found is None:
            headers = [self._header(packet, payload_type, shift) for packet in self.packets]
            found = self._shared[group] = Shared(self.packets, headers, is_run=self._is_run)
        return found

    def _header(self, packet: Packet, payload_type: int, shift: int) -> bytes:
        return rtp.header(
            is_last=packet.is_last,
            payload_type=payload_type,
            sequence=packet.number + shift,
            timestamp=packet.timestamp,
            ssrc=self._ssrc,
        )


def _burst(packets: Sequence[Packet], headers: Sequence[bytes]) -> Burst:
    sizes = [len(header) + len(packet.payload) + TAG_BYTES for packet, header in zip(packets, headers, strict=True)]
    starts = [0, *accumulate(sizes)]
    runs = tuple(Run(starts[first], starts[end], sizes[first]) for first, end in gso.runs(sizes))
    return Burst(tuple(headers), tuple(packet.payload for packet in packets), runs, starts[-1])
