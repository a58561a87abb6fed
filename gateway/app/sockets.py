"""One WebSocket of the web server, and a peer that does not read: what it makes us hold, and for how long.

uvicorn writes a pong for every ping, whether or not the last one was read, and closes by waiting until all it wrote is
read: a peer that reads nothing would hold memory, descriptor and task for as long as it likes, before it said who it
is. Here one pong waits at most (RFC 6455 §5.5.3), a ping without an answer ends the connection, and `LINGER_S` after
the route is done with it whatever is left is dropped. Of uvicorn this uses what `check_hooks` demands.
"""

from asyncio import AbstractEventLoop, Protocol, TimerHandle
from collections.abc import Mapping, Sequence
from typing import Any, Final

from uvicorn.config import Config
from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol
from uvicorn.server import ServerState

LINGER_S: Final = 5.0  # for a close frame and its answer
_PONG: Final = b"\x8a"  # RFC 6455 §5.2: the last frame of a pong
_HOOKS: Final = {  # what we override or read, by the method of uvicorn that calls or makes it
    "__init__": ("conn", "disconnected", "loop", "transport", "writable"),
    "pause_writing": ("clear", "writable"),
    "resume_writing": ("set", "writable"),
    "connection_lost": ("disconnected",),
    "handle_events": ("handle_ping",),
    "handle_ping": ("conn", "data_to_send", "transport", "write"),
    "handle_connect": ("run_asgi",),
    "send_keepalive_ping": ("keepalive_timeout",),
}


class HooksMovedError(RuntimeError):
    """The library is not the one this was written for: nothing is served."""


def check_hooks(library: type[Protocol], hooks: Mapping[str, Sequence[str]]) -> None:
    """Demand that each method of `library` still uses these names; at the start, never while somebody is served.

    Raises:
        HooksMovedError: one does not.
    """
    for method, names in hooks.items():
        code = getattr(getattr(library, method, None), "__code__", None)
        for name in names:
            if code is None or name not in code.co_names:
                raise HooksMovedError(f"{library.__name__}.{method} does not use {name}: look at this version of it")


def socket_protocol() -> type[Protocol]:
    """For `uvicorn.Config(ws=…)`.

    Raises:
        HooksMovedError: uvicorn changed.
    """
    check_hooks(WebSocketsSansIOProtocol, _HOOKS)
    return PatientProtocol


class PatientProtocol(WebSocketsSansIOProtocol):
    """One WebSocket; our patience with it ends."""

    def __init__(
        self,
        config: Config,
        server_state: ServerState,
        app_state: dict[str, Any],
        _loop: AbstractEventLoop | None = None,
    ) -> None:
        super().__init__(config, server_state, app_state, _loop)
        self._pong = b""
        self._end: TimerHandle | None = None

    def handle_ping(self) -> None:
        """Answer; while the peer does not read only the newest answer is kept."""
        if self.writable.is_set():
            super().handle_ping()
            return
        for frame in self.conn.data_to_send():
            if frame[:1] == _PONG:
                self._pong = bytes(frame)
            else:  # the answer to a close, which comes once
                self.transport.write(frame)

    def resume_writing(self) -> None:
        """The peer reads again."""
        super().resume_writing()
        pong, self._pong = self._pong, b""
        if pong and not self.transport.is_closing():
            self.transport.write(pong)

    def keepalive_timeout(self) -> None:
        """Our ping had no answer: a close would wait for a peer that is not there."""
        super().keepalive_timeout()
        self.transport.abort()

    async def run_asgi(self) -> None:
        """Let the route have it; what it leaves unread is dropped after a while."""
        try:
            await super().run_asgi()
        finally:
            if not self.disconnected:
                self._end = self.loop.call_later(LINGER_S, self.transport.abort)

    def connection_lost(self, exc: Exception | None) -> None:
        """It is over."""
        super().connection_lost(exc)
        if self._end is not None:
            self._end.cancel()
