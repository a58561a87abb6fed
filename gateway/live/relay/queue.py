"""What waits to be written to a relay's socket: orders first, and never so many calls that an order waits for them.

One writer empties it, so that a request which is given up is either whole on the wire or not on it. What anybody may
ask without having shown anything (a PATCH, a goodbye) waits by itself: it takes no place of a call whose ticket has
been checked, and goes after it. Beyond its bound each kind is turned away. No I/O.
"""

from collections import deque
from typing import Final, Literal

import anyio

CALLS: Final = 64  # of 18 kB at most: about a megabyte, and some milliseconds of the relay's time; of strangers as many
ORDERS: Final = 1_000  # a relay that reads so much later than it is told is as good as gone


Kind = Literal["order", "call", "stranger"]  # in this order they go; a call has shown a good ticket, or a session


class QueueFullError(Exception):
    """Too much waits already."""


class Outgoing:
    """Frames on their way; bounded."""

    def __init__(self) -> None:
        self._waiting: dict[Kind, deque[bytes]] = {"order": deque(), "call": deque(), "stranger": deque()}
        self._some = anyio.Event()

    def put(self, frame: bytes, kind: Kind) -> None:
        """Queue a frame.

        Raises:
            QueueFullError: as many of its kind wait as may.
        """
        waiting = self._waiting[kind]
        if len(waiting) >= (ORDERS if kind == "order" else CALLS):
            raise QueueFullError
        waiting.append(frame)
        self._some.set()

    async def next(self) -> bytes:
        """The oldest order, or else the oldest call, or else what a stranger asked first; waits for one."""
        while True:
            for waiting in self._waiting.values():
                if waiting:
                    return waiting.popleft()
            self._some = anyio.Event()
            await self._some.wait()
