"""Pages that keep themselves current: a stream that says `changed` when there is news, read by `js/changes.js`.

The stream carries no content: the page is read again with the caller's rights of that moment. It ends after ten
minutes, so that a session that is over does not listen on; the browser connects again by itself.
"""

from collections.abc import AsyncIterator
from contextlib import AbstractContextManager
from typing import Final, Protocol

import anyio
from litestar.response import ServerSentEvent, ServerSentEventMessage

HEARTBEAT_S: Final = 15.0  # a comment this often keeps proxies from closing a quiet stream
GAP_S: Final = 1.0  # between two `changed`: however much happens, a page is read again at most this often
LIFE_S: Final = 600.0


class Listener(Protocol):
    """What has not been heard yet."""

    async def get(self) -> object:
        """The next news; waits for it."""

    def clear(self) -> None:
        """Forget what waits."""


class News(Protocol):
    """The bus."""

    def subscribe(self, *prefixes: str) -> AbstractContextManager[Listener]:
        """Listen to topics equal to, or below, any of `prefixes` while inside the block."""


def change_stream(
    bus: News, *topics: str, heartbeat_s: float = HEARTBEAT_S, gap_s: float = GAP_S, life_s: float = LIFE_S
) -> ServerSentEvent:
    """Answer with a stream that says `changed` on news of any of `topics`."""
    return ServerSentEvent(changes(bus, *topics, heartbeat_s=heartbeat_s, gap_s=gap_s, life_s=life_s))


async def changes(
    bus: News, *topics: str, heartbeat_s: float = HEARTBEAT_S, gap_s: float = GAP_S, life_s: float = LIFE_S
) -> AsyncIterator[ServerSentEventMessage]:
    """The messages of `change_stream`; no cancel scope is held across a `yield`."""
    end = anyio.current_time() + life_s
    with bus.subscribe(*topics) as listener:
        yield ServerSentEventMessage(comment="open")
        while anyio.current_time() < end:
            with anyio.move_on_after(heartbeat_s) as waiting:
                await listener.get()
            if waiting.cancelled_caught:
                yield ServerSentEventMessage(comment="still here")
                continue
            yield ServerSentEventMessage(event="changed", data="")
            await anyio.sleep(gap_s)
            listener.clear()
            yield ServerSentEventMessage(event="changed", data="")
