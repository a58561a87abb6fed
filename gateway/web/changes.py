"""Pages that keep themselves current: a stream that says `changed` when there is news, read by `js/changes.js`.

The stream carries no content: the page is read again with the caller's rights of that moment. It ends after ten
minutes, so that a session that is over does not listen on; the browser connects again by itself. While nothing happens
it says `beat`: a page that hears not even that has lost its connection, whatever the browser thinks (`js/news.js`).
"""

from collections.abc import AsyncIterator, Callable
from contextlib import AbstractContextManager
from typing import Final, Protocol, TypeVar

import anyio
from litestar.response import ServerSentEvent, ServerSentEventMessage

HEARTBEAT_S: Final = 15.0  # keeps proxies from closing a quiet stream; `js/news.js` waits longer than twice this
GAP_S: Final = 1.0  # between two `changed`: however much happens, a page is read again at most this often
LIFE_S: Final = 600.0
OPEN: Final = ServerSentEventMessage(comment="open")
BEAT: Final = ServerSentEventMessage(event="beat", data="")
CHANGED: Final = ServerSentEventMessage(event="changed", data="")


N_co = TypeVar("N_co", covariant=True)


class Heard(Protocol[N_co]):
    """A source of news."""

    async def get(self) -> N_co:
        """The next; waits for it."""


class Listener(Heard[object], Protocol):
    """What has not been heard yet."""

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
    """The messages of `change_stream`."""
    with bus.subscribe(*topics) as listener:
        async for message in messages(listener, lambda _: CHANGED, heartbeat_s=heartbeat_s, life_s=life_s):
            yield message
            if message is CHANGED:
                await anyio.sleep(gap_s)
                listener.clear()
                yield CHANGED


async def messages(
    listener: Heard[N_co],
    say: Callable[[N_co], ServerSentEventMessage],
    *,
    heartbeat_s: float = HEARTBEAT_S,
    life_s: float = LIFE_S,
) -> AsyncIterator[ServerSentEventMessage]:
    """What every stream of news says: `OPEN`, then each news as `say` puts it, and `BEAT` after `heartbeat_s` without.

    It ends after `life_s`. No cancel scope is held across a `yield`.
    """
    yield OPEN
    end = anyio.current_time() + life_s
    while anyio.current_time() < end:
        message = BEAT
        with anyio.move_on_after(heartbeat_s):
            message = say(await listener.get())
        yield message
