"""The group of pictures of one stream that runs, key picture first: what whoever joins begins with.

It begins with the first packet of the unit that holds the key frame. What comes late goes into its place. A group that
is too long is not kept, nor one for which the process has no room; the next key frame begins another. No I/O; no more
of a payload is read than its NAL types.
"""

from bisect import insort
from operator import attrgetter
from typing import Final

from partner_agent.rtc import h264
from partner_agent.rtc.ring import Packet
from partner_agent.rtc.room import PACKET_BYTES, Room

GROUP_PACKETS: Final = 12_000  # 27 s of 4 Mbit/s; under half of the sequence numbers, in which a viewer starts
GROUP_BYTES: Final = 16 * 1024 * 1024  # the same, with what packets cost beside their payload
ROOM_BYTES: Final = 256 * 1024 * 1024  # of a relay process: twenty groups of 20 s at 4 Mbit/s, two hundred of 2 s
_NUMBER: Final = attrgetter("number")


class Group:
    """The packets of one stream since its last key frame.

    Attributes:
        packets: in their order; empty without a key frame, or when they are too many.
        size_bytes: their share of the room.
    """

    def __init__(self, room: Room) -> None:
        self._room = room
        self._unit: list[Packet] = []
        self._is_key_unit = False
        self.packets: list[Packet] = []
        self.size_bytes = 0

    def add(self, packet: Packet) -> None:
        """Take the stream's newest packet."""
        if self._unit and self._unit[0].timestamp != packet.timestamp:
            self._unit, self._is_key_unit = [], False
        is_kept = len(self._unit) < GROUP_PACKETS  # a unit that is longer begins no group
        if is_kept:
            self._unit.append(packet)
        if is_kept and not self._is_key_unit and h264.starts_key_unit(packet.payload):
            self._is_key_unit = True
            self._keep(list(self._unit))
        elif self.packets:
            self.packets.append(packet)
            self._hold(self.size_bytes + len(packet.payload) + PACKET_BYTES)

    def add_late(self, packet: Packet) -> None:
        """Put a packet that others have overtaken into its place; it may be the one a key frame was waiting for."""
        unit = self._unit
        is_current = 0 < len(unit) < GROUP_PACKETS and unit[0].timestamp == packet.timestamp
        is_key = h264.starts_key_unit(packet.payload)
        if is_current:
            insort(unit, packet, key=_NUMBER)
            self._is_key_unit = self._is_key_unit or is_key
        kept = self.packets
        if kept and (packet.number > kept[0].number or packet.timestamp == kept[0].timestamp):
            insort(kept, packet, key=_NUMBER)
            if is_key and packet.timestamp != kept[0].timestamp:
                first = next(one.number for one in kept if one.timestamp == packet.timestamp)
                self._keep([one for one in kept if one.number >= first])
            else:  # not counted anew: a publisher may send every other packet late
                self._hold(self.size_bytes + len(packet.payload) + PACKET_BYTES)
        elif is_key and is_current:
            self._keep(list(unit))

    def forget(self) -> None:
        """Another source begins, or none: nothing is kept of this one."""
        self._unit, self._is_key_unit = [], False
        self.let_go()
        self._room.hold(self, 0)

    def let_go(self) -> None:
        """Keep nothing until the next key frame."""
        self.packets, self.size_bytes = [], 0

    def _keep(self, packets: list[Packet]) -> None:
        self.packets = packets
        self._hold(sum(len(kept.payload) for kept in packets) + PACKET_BYTES * len(packets))

    def _hold(self, size_bytes: int) -> None:
        self.size_bytes = size_bytes
        if len(self.packets) > GROUP_PACKETS or size_bytes > GROUP_BYTES:
            self.let_go()
        self._room.hold(self, self.size_bytes)
