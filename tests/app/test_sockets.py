"""A WebSocket's peer that reads nothing: what it makes the web server hold, and for how long."""

import socket
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

import anyio
import pytest
import uvicorn
from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol

from gateway.app import sockets
from gateway.app.sockets import HooksMovedError, check_hooks, socket_protocol
from gateway.sites import routes
from gateway.sites.routes import SocketTransport
from tests.support.deaf import PING, deaf_peer
from tests.support.waiting import until

pytestmark = pytest.mark.anyio
MANY = 60_000  # pings: 8 MB of pongs, of which the kernel takes less than half
HELD_BYTES = 512 * 1024  # uvicorn's high-water mark, and one reading's answers
SOON_S = 5.0
Receive = Callable[[], Awaitable[Any]]
Send = Callable[[dict[str, Any]], Awaitable[None]]


@asynccontextmanager
async def serving(app: Any, **options: Any) -> AsyncIterator[tuple[uvicorn.Server, int]]:
    """Served by the server that the gateway uses; the server and its port."""
    async with anyio.create_task_group() as tasks:
        listener = socket.create_server(("127.0.0.1", 0))
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 65_536)
        options = {"lifespan": "off", "log_level": "warning", "timeout_graceful_shutdown": 1, **options}
        server = uvicorn.Server(uvicorn.Config(app, ws=socket_protocol(), ws_per_message_deflate=False, **options))
        tasks.start_soon(lambda: server.serve(sockets=[listener]))
        await until(lambda: server.started)
        yield server, listener.getsockname()[1]
        for held in server.server_state.connections:
            held.transport.abort()  # type: ignore[union-attr]
        server.should_exit = True


async def listens(scope: dict[str, Any], receive: Receive, send: Send) -> None:
    """Take a WebSocket, and hear it until it is over."""
    del scope
    await receive()
    await send({"type": "websocket.accept"})
    while (await receive())["type"] != "websocket.disconnect":
        pass


async def leaves(scope: dict[str, Any], receive: Receive, send: Send) -> None:
    """Take a WebSocket, say much, and close it as soon as a message comes."""
    del scope
    await receive()
    await send({"type": "websocket.accept"})
    await receive()
    await send({"type": "websocket.send", "bytes": bytes(4_000_000)})
    with anyio.move_on_after(0.1):
        await send({"type": "websocket.close", "code": 1000})


def unread(server: uvicorn.Server) -> int:
    """What waits for peers to read it, in bytes."""
    return sum(held.transport.get_write_buffer_size() for held in server.server_state.connections)  # type: ignore[union-attr]


async def test_pongs_that_nobody_reads_are_not_gathered():
    """Millions of bytes of pings; and who reads again after all has the answer to the newest."""
    last = b"\x89\x84" + bytes(4) + b"last"
    async with serving(listens) as (server, port):
        with deaf_peer(port) as peer:
            await peer.opens("/")
            await peer.pings(MANY)
            await peer.send(last)
            await until(lambda: unread(server))
            assert unread(server) < HELD_BYTES
            assert await peer.reads_until(b"\x8a\x04last") < MANY * len(PING) // 2


async def test_a_peer_that_does_not_read_our_ping_is_let_go():
    """A close would wait until all that was written is read."""
    async with serving(listens, ws_ping_interval=0.1, ws_ping_timeout=0.1) as (server, port):
        with deaf_peer(port) as peer:
            await peer.opens("/")
            await peer.pings(MANY)
            await until(lambda: not server.server_state.connections, timeout_s=SOON_S)
            await until(lambda: not server.server_state.tasks)


async def test_what_a_route_leaves_unread_is_dropped_after_a_while(monkeypatch: pytest.MonkeyPatch):
    """The route is done, and the peer reads nothing of what it said."""
    monkeypatch.setattr(sockets, "LINGER_S", 0.2)
    async with serving(leaves, ws_ping_interval=None) as (server, port):
        with deaf_peer(port) as peer:
            await peer.opens("/")
            await peer.send(b"\x82\x80" + bytes(4))
            await until(lambda: not server.server_state.tasks)
            await until(lambda: not server.server_state.connections, timeout_s=SOON_S)


async def test_a_link_s_close_does_not_wait_for_a_peer_that_does_not_read(monkeypatch: pytest.MonkeyPatch):
    """The server waits before it writes a close; the link does not wait for the server."""

    class Full:
        async def close(self, code: int) -> None:
            del code
            await anyio.sleep_forever()

    monkeypatch.setattr(routes, "CLOSE_S", 0.01)
    transport = SocketTransport(Full())  # type: ignore[arg-type]
    with anyio.fail_after(SOON_S):
        await transport.close(1000)


def test_a_server_that_moved_is_noticed_before_anybody_is_served(monkeypatch: pytest.MonkeyPatch):
    """A method that is gone, or that no longer calls what we override."""

    def other(self: Any) -> None:
        del self

    with pytest.raises(HooksMovedError):
        check_hooks(WebSocketsSansIOProtocol, {"handle_gone": ("transport",)})
    monkeypatch.setattr(WebSocketsSansIOProtocol, "handle_events", other)
    with pytest.raises(HooksMovedError, match="handle_ping"):
        socket_protocol()
