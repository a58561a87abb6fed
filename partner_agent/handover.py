"""Hands one camera's units to several consumers: the last group of pictures is kept, every queue is bounded.

A consumer that falls behind loses whole groups up to the next key picture, so that what it gets can be decoded; the
camera's reader never waits for anybody. Lives in one event loop.
"""

from collections import deque
from collections.abc import Callable
from typing import Final, Self

import anyio

from partner_agent.rtc.room import PACKET_BYTES, Room
from partner_agent.rtc.units import AccessUnit

# 20 s of 5 Mbit/s ("smart codec"); a longer group is not kept for replay. In packets it is one that the relay keeps.
GOP_BYTES: Final = 12 * 1024 * 1024
ROOM_BYTES: Final = 128 * 1024 * 1024  # of an agent: ten such groups; every camera that is recorded has one running
QUEUE_BYTES: Final = 2 * GOP_BYTES
QUEUE_UNITS: Final = 1024
GOP_UNITS: Final = 900  # the same for a group of many small pictures (30 s of 30 fps): a replay must fit a queue


class Subscription:
    """One consumer's view of a source: an async iterator, closed by `close` or at the end of a `with` block.

    Attributes:
        dropped: units lost because this consumer was too slow.
    """

    def __init__(self, handover: "Handover") -> None:
        self._handover = handover
        self._units: deque[AccessUnit] = deque()
        self._bytes = 0
        self._is_ended = False
        self._waits_for_key = True
        self._event = anyio.Event()
        self.dropped = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> AccessUnit:
        """The next unit; the first one is a key picture. Ends when the source stops for good."""
        while not self._units:
            if self._is_ended:
                raise StopAsyncIteration
            self._event = anyio.Event()
            await self._event.wait()
        unit = self._units.popleft()
        self._bytes -= len(unit.data)
        return unit

    def waiting(self) -> list[AccessUnit]:
        """Take all that waits, without waiting."""
        units = list(self._units)
        self._units.clear()
        self._bytes = 0
        return units

    def close(self) -> None:
        """Take no more; ends the iteration."""
        self._handover.remove(self)
        self.end()

    def put(self, unit: AccessUnit) -> None:
        """Add a unit, dropping to the next key picture when the queue is full."""
        if self._waits_for_key and not unit.is_key:
            return
        self._waits_for_key = False
        if len(self._units) >= QUEUE_UNITS or self._bytes + len(unit.data) > QUEUE_BYTES:
            self.dropped += len(self._units)
            self._units.clear()
            self._bytes = 0
            if not unit.is_key:
                self.dropped += 1
                self._waits_for_key = True
                return
        self._units.append(unit)
        self._bytes += len(unit.data)
        self._event.set()

    def end(self) -> None:
        """No more units will come."""
        self._is_ended = True
        self._event.set()


class Handover:
    """The consumers of one source and its last group of pictures."""

    def __init__(self, *, on_change: Callable[[], None] = lambda: None, room: Room | None = None) -> None:
        """`on_change` is told when a consumer comes or goes; `room` is for its group and others, None = alone."""
        self._on_change, self._room = on_change, room or Room(ROOM_BYTES)
        self._gop: list[AccessUnit] = []
        self._gop_bytes = 0
        self._consumers: list[Subscription] = []

    def __len__(self) -> int:
        return len(self._consumers)

    @property
    def gop(self) -> tuple[AccessUnit, ...]:
        """The units since the last key picture; empty if there was none or the group is too long to keep."""
        return tuple(self._gop)

    def add(self, *, replay_gop: bool) -> Subscription:
        """A new consumer; with `replay_gop` it begins with the group that is running."""
        subscription = Subscription(self)
        if replay_gop:
            for unit in self._gop:
                subscription.put(unit)
        self._consumers.append(subscription)
        self._on_change()
        return subscription

    def remove(self, subscription: Subscription) -> None:
        """Forget a consumer; a second time is harmless."""
        self._consumers = [consumer for consumer in self._consumers if consumer is not subscription]
        self._on_change()

    def put(self, unit: AccessUnit) -> None:
        """Keep and hand on one unit."""
        if unit.is_key:
            self._gop, self._gop_bytes = [unit], len(unit.data)
        elif self._gop:
            self._gop.append(unit)
            self._gop_bytes += len(unit.data)
            if self._gop_bytes > GOP_BYTES or len(self._gop) > GOP_UNITS:
                self.let_go()
        self._room.hold(self, self._gop_bytes + PACKET_BYTES * len(self._gop))
        for consumer in self._consumers:
            consumer.put(unit)

    def forget(self) -> None:
        """Drop the kept group: it is over, and nobody may begin with it."""
        self.let_go()
        self._room.hold(self, 0)

    def let_go(self) -> None:
        """Keep nothing until the next key picture; what waits in the queues goes on."""
        self._gop, self._gop_bytes = [], 0

    def end(self) -> None:
        """End every consumer's iteration."""
        self.forget()
        for consumer in self._consumers:
            consumer.end()
        self._consumers = []
