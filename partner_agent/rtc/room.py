"""How much of their running groups of pictures all streams of one process keep: a bound, and who gives way. Pure.

A group that is kept lets whoever joins begin at once. When all of them together are too large, the largest is let go:
it gives the most room, and only who joins its stream before the next key picture waits. What is sent meanwhile is not
affected.
"""

from typing import Final, Protocol

PACKET_BYTES: Final = 256  # what a packet or a unit costs beside its payload: objects, numbers, its place in a list


class Holder(Protocol):
    """Who keeps a group."""

    def let_go(self) -> None:
        """Keep nothing of the group that runs; the room counts it no more."""


class Room:
    """The groups of one process.

    Attributes:
        held_bytes: what all keep now.
        given_up: groups that were let go for want of room, since the start.
    """

    def __init__(self, most_bytes: int) -> None:
        self._most_bytes = most_bytes
        self._held: dict[Holder, int] = {}
        self.held_bytes = self.given_up = 0

    def hold(self, holder: Holder, size_bytes: int) -> None:
        """Say how much a holder keeps now; the last thing it does, for its own group may be the one that is let go."""
        self.held_bytes += size_bytes - self._held.get(holder, 0)
        self._held[holder] = size_bytes
        if not size_bytes:
            del self._held[holder]
        while self.held_bytes > self._most_bytes:
            largest = max(self._held, key=self._held.__getitem__)
            self.held_bytes -= self._held.pop(largest)
            self.given_up += 1
            largest.let_go()
