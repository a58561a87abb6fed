"""What arrived at a viewer: counts and gaps of each, and every single packet of the one that looks closely. Pure."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, field

from partner_agent.rtc import rtp


@dataclass(slots=True)
class Tally:
    """Packets of one stream, noted run by run.

    Attributes:
        count: how many came.
        span: how many there were to come, by their sequence numbers.
        last: the newest sequence number; -1 before the first.
    """

    count: int = 0
    span: int = 0
    last: int = -1

    def note(self, count: int, first: int, last: int) -> None:
        """A run of `count` packets came, which began with sequence number `first` and ended with `last`."""
        self.count += count
        before = self.last if self.last >= 0 else (first - 1) % rtp.SEQUENCES
        ahead = (last - before) % rtp.SEQUENCES
        if ahead < rtp.SEQUENCES // 2:  # else overtaken: no newer than what came
            self.span += ahead
            self.last = last

    @property
    def lost(self) -> int:
        """Gaps that nothing filled."""
        return self.span - self.count


@dataclass(slots=True)
class Checker:
    """Compares decrypted packets with what was sent: a loop of known payloads.

    Attributes:
        payloads: one turn of the loop, each payload once.
        checked: packets looked at.
        wrong: packets with another payload than any that was sent.
        missing: packets between two that came, by their sequence numbers.
        disordered: packets that came late, twice, or with the payload of another place in the loop.
        replays: starts of the loop over again out of turn, as a relay does for who asks for a key picture.
    """

    payloads: Sequence[bytes]
    checked: int = 0
    wrong: int = 0
    missing: int = 0
    disordered: int = 0
    replays: int = 0
    _places: dict[bytes, int] = field(default_factory=dict)
    _sequence: int = -1
    _place: int = -1

    def __post_init__(self) -> None:
        self._places = {_digest(payload): place for place, payload in enumerate(self.payloads)}
        if len(self._places) != len(self.payloads):
            raise ValueError("a loop with a payload twice cannot be checked for order")

    def take(self, arrived: rtp.RtpPacket) -> None:
        """One decrypted packet of the stream."""
        self.checked += 1
        place = self._places.get(_digest(arrived.payload))
        if place is None:
            self.wrong += 1
            return
        if self._sequence >= 0:
            self._compare((arrived.sequence - self._sequence) % rtp.SEQUENCES, place)
        self._sequence, self._place = arrived.sequence, place

    def _compare(self, step: int, place: int) -> None:
        """What `step` sequence numbers after the packet before says of a payload's place."""
        if not 0 < step < rtp.SEQUENCES // 2:
            self.disordered += 1
            return
        self.missing += step - 1
        if place != (self._place + step) % len(self.payloads):
            if place:
                self.disordered += 1
            else:
                self.replays += 1


def _digest(payload: bytes) -> bytes:
    return hashlib.sha256(payload).digest()
