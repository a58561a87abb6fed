"""How many connections the web server holds: as many as leave descriptors for its own work, and one answer beyond.

Without a bound a crowd, or somebody with idle sockets, takes the last descriptor, and then pages, database and relay
fail for everybody who is served already. Whoever comes when all places are taken gets 503 in place of any page, and
keeps a connection for `REFUSED_S` at most. Of those no more than `TURNED_AWAY` are held; others are hung up on. They
take no place. Whoever has a place and does not ask for anything within `HEAD_S` loses it.
"""

import functools
import logging
import resource
from asyncio import AbstractEventLoop, TimerHandle, Transport
from collections.abc import Callable
from typing import Any, Final, cast

from litestar.types import Receive, Scope, Send
from uvicorn.config import Config
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol
from uvicorn.server import ServerState

from gateway.app.sockets import check_hooks
from gateway.edge.problems import RETRY_AFTER_S, Problem

log = logging.getLogger("lenspact.serve")

OWN: Final = 128  # descriptors for databases, relays, files and mail, and for callers who are being turned away
TURNED_AWAY: Final = OWN // 2  # callers who are read the 503 at one time
LEAST: Final = 32  # connections, whatever the limit is
REFUSED_S: Final = 2.0
HEAD_S: Final = 10.0  # for the head of a request, from the connection on, and from its first byte after an answer
SENTENCE: Final = "So many are here that there is no room for one more. Try again in a few seconds."
FULL: Final = "all %d connections are taken: further callers get 503; a higher LimitNOFILE takes more"
_HOOKS: Final = {  # of uvicorn, as in `sockets`
    "__init__": ("connections", "cycle", "loop", "parser", "transport"),
    "connection_made": ("add", "connections"),
    "_should_upgrade": ("_should_upgrade_to_ws",),
    "data_received": ("_unsupported_upgrade_warning", "handle_websocket_upgrade", "parser"),
    "handle_websocket_upgrade": ("connections", "discard"),
    "on_headers_complete": ("cycle", "response_complete"),
}


class Places:
    """How many connections there may be, and whether it was said that all are taken; said again once half are free.

    Attributes:
        most: how many.
        refused: connections that are there now without a place.
    """

    def __init__(self, most: int) -> None:
        self.most, self.refused = most, 0
        self._has_told = False

    def takes(self, present: int) -> bool:
        """Whether there is a place for one more; `present` includes it, and nobody who was refused."""
        is_free = present <= self.most
        if not is_free and not self._has_told:
            log.warning(FULL, self.most)
        self._has_told = not is_free or (self._has_told and present > self.most // 2)
        return is_free


def most_connections(descriptors: int) -> int:
    """What is left of the limit of open files once our own are set aside."""
    return max(LEAST, descriptors - OWN)


def http_protocol() -> Callable[..., HttpToolsProtocol]:
    """For `uvicorn.Config(http=…)`: bounded by the limit of open files as it is now.

    Raises:
        HooksMovedError: uvicorn changed.
    """
    check_hooks(HttpToolsProtocol, _HOOKS)
    soft, _hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    return functools.partial(BoundedProtocol, places=Places(most_connections(soft)))


class BoundedProtocol(HttpToolsProtocol):
    """One connection; where it has no place every request of it is answered with 503, a WebSocket's too."""

    def __init__(
        self,
        config: Config,
        server_state: ServerState,
        app_state: dict[str, Any],
        _loop: AbstractEventLoop | None = None,
        *,
        places: Places,
    ) -> None:
        super().__init__(config, server_state, app_state, _loop)
        self._places, self._is_refused = places, False
        self._head_late: TimerHandle | None = None

    def connection_made(self, transport: Transport) -> None:  # type: ignore[override]
        """Somebody called."""
        super().connection_made(transport)
        self._is_refused = not self._places.takes(len(self.connections) - self._places.refused)
        if not self._is_refused:
            self._await_head()
            return
        self._places.refused += 1
        if self._places.refused > TURNED_AWAY:
            transport.abort()
            return
        self.app = cast("Any", no_room)
        self.loop.call_later(REFUSED_S, transport.abort)

    def connection_lost(self, exc: Exception | None) -> None:
        """The caller is gone, or was sent away."""
        super().connection_lost(exc)
        self._places.refused -= self._is_refused
        self._has_head()

    def data_received(self, data: bytes) -> None:
        """Bytes end the time that an answered connection may idle; those of no request end the connection in time."""
        super().data_received(data)
        is_idle = self.cycle is None or self.cycle.response_complete
        if is_idle and self in self.connections:  # a WebSocket is not: another protocol has it
            self._await_head()

    def on_headers_complete(self) -> None:
        """A request is there."""
        self._has_head()
        super().on_headers_complete()

    def _await_head(self) -> None:
        if self._head_late is None:
            self._head_late = self.loop.call_later(HEAD_S, self.transport.abort)

    def _has_head(self) -> None:
        if self._head_late is not None:
            self._head_late.cancel()
            self._head_late = None

    def _should_upgrade_to_ws(self) -> bool:
        return not self._is_refused and super()._should_upgrade_to_ws()

    def _unsupported_upgrade_warning(self) -> None:
        if not self._is_refused:
            super()._unsupported_upgrade_warning()


async def no_room(scope: Scope, receive: Receive, send: Send) -> None:
    """Answer 503, and end the connection."""
    del scope, receive
    body = Problem("unavailable", SENTENCE).encode()
    headers = [
        (b"content-type", b"application/problem+json"),
        (b"content-length", b"%d" % len(body)),
        (b"retry-after", b"%d" % RETRY_AFTER_S),
        (b"cache-control", b"no-store"),
        (b"connection", b"close"),
    ]
    await send({"type": "http.response.start", "status": 503, "headers": headers})
    await send({"type": "http.response.body", "body": body, "more_body": False})
