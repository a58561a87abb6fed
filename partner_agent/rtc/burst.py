"""Packets on their way to many viewers: what those have in common is made once, for all of them.

A viewer's copy of a batch is sealed straight into one buffer, handed to the kernel from there, run by run of datagrams
of equal size, and written over by the next viewer's. Without lists of datagrams, and without joining them again, that
costs the process a third less per packet. Only packets that follow one another go this way; whatever was overtaken
or lost on its way here is sealed packet by packet, as for peers that AES-GCM is not agreed with.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise
from typing import NamedTuple

from partner_agent.rtc import gso, rtp
from partner_agent.rtc.ring import Packet
from partner_agent.rtc.srtp import TAG_BYTES, Parts


class Run(NamedTuple):
    """Datagrams of `segment_bytes` each, the last perhaps shorter, one behind the other."""

    data: memoryview
    segment_bytes: int


@dataclass(frozen=True, slots=True)
class Burst:
    """Room for one viewer's copy of a batch, at a time.

    Attributes:
        parts: payload, header and room of each packet.
        runs: the same room, as the kernel takes it.
    """

    parts: Parts
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
        """Where each viewer's copy is sealed; None for packets that do not follow one another."""
        return _burst(self._packets, self.headers) if self._is_run else None


class Batch:
    """Packets that go out together."""

    def __init__(self, packets: Sequence[Packet], ssrc: int, *, is_for_one: bool = False) -> None:
        """`is_for_one`: one viewer alone gets them, and nothing is gained by room for others."""
        self.packets = packets
        self._ssrc = ssrc
        self._is_run = not is_for_one and all(one.number + 1 == two.number for one, two in pairwise(packets))
        self._shared: dict[tuple[int, int], Shared] = {}

    @cached_property
    def lowest(self) -> int:
        """The least number."""
        return min(self.packets).number  # a packet's number is its first field

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
    whole = memoryview(bytearray(sum(sizes)))
    rooms, starts, at = [], [], 0
    for header, size in zip(headers, sizes, strict=True):
        whole[at : at + len(header)] = header
        rooms.append(whole[at + len(header) : at + size])
        starts.append(at)
        at += size
    ends = [*starts[1:], at]
    runs = tuple(Run(whole[starts[first] : ends[end - 1]], sizes[first]) for first, end in gso.runs(sizes))
    parts = Parts(tuple(packet.payload for packet in packets), tuple(headers), tuple(rooms))
    return Burst(parts, runs, at)
