"""What waits to be written to a relay's socket: orders first, and never so many calls that an order waits for them.

One writer empties it, so that a request which is given up is either whole on the wire or not on it. Without a media
ticket anybody may call; whoever calls waits here, and beyond `CALLS` is turned away. No I/O.
"""

from collections import deque
from typing import Final

import anyio

CALLS: Final = 64  # of 18 kB at most: about a megabyte, and some milliseconds of the relay's time
ORDERS: Final = 1_000  # a relay that reads so much later than it is told is as good as gone


class QueueFullError(Exception):
    """Too much waits already."""


class Outgoing:
    """Frames on their way; bounded."""

    def __init__(self) -> None:
        self._orders: deque[bytes] = deque()
        self._calls: deque[bytes] = deque()
        self._some = anyio.Event()

    def put(self, frame: bytes, *, is_call: bool) -> None:
        """Queue a frame.

        Raises:
            QueueFullError: as many of its kind wait as may.
        """
        waiting, most = (self._calls, CALLS) if is_call else (self._orders, ORDERS)
        if len(waiting) >= most:
            raise QueueFullError
        waiting.append(frame)
        self._some.set()

    async def next(self) -> bytes:
        """The next frame: the oldest order, or else the oldest call; waits for one."""
        while not (self._orders or self._calls):
            self._some = anyio.Event()
            await self._some.wait()
        return (self._orders or self._calls).popleft()
