"""The address of tunnels: beside the call that each belongs to. What is refused is refused before it is a WebSocket."""

from typing import Any, Final

import anyio
from litestar import WebSocket, websocket
from litestar.di import NamedDependency
from litestar.params import FromPath

from gateway.edge.requires import PUBLIC, requires
from gateway.kernel.errors import LenspactError, NotFoundError
from gateway.live.calls import Calls
from gateway.live.tunnels.ports import SocketGoneError
from partner_agent.wire.tunnels import SUFFIX

_REFUSED: Final = 4403  # before it is accepted, the server answers 403
CLOSE_S: Final = 2.0  # then the route ends, and the server drops what the site does not read


@websocket(
    f"/whip/{{subject:str}}/{{resource:str}}{SUFFIX}", opt=requires(PUBLIC, reads_cookies=False, deadline_s=None)
)
async def tunnel(
    subject: FromPath[str],
    resource: FromPath[str],
    socket: WebSocket[Any, Any, Any],
    live_calls: NamedDependency[Calls],
) -> None:
    """A site's pictures, where nothing but this passes. Its own device opens it, with a signature in the header."""
    try:
        if live_calls.tunnels is None:
            raise NotFoundError("There are no tunnels here.")
        admitted = await live_calls.tunnels.admit(subject, resource, socket.headers.get("authorization", ""))
    except LenspactError:
        await socket.close(_REFUSED)
        return
    await socket.accept()
    code = await live_calls.tunnels.carry(LitestarSocket(socket), admitted)
    try:
        with anyio.move_on_after(CLOSE_S):
            await socket.close(code)
    except Exception:  # noqa: BLE001 - servers name a broken connection each in their own way: it is gone already
        return


class LitestarSocket:
    """A Litestar WebSocket as the end of a tunnel."""

    def __init__(self, socket: WebSocket[Any, Any, Any]) -> None:
        self._socket = socket

    async def receive(self) -> bytes | str:
        """The next message."""
        event: Any = await self._socket.receive()
        if event["type"] != "websocket.receive":
            raise SocketGoneError
        data = event.get("bytes")
        return bytes(data) if data is not None else str(event.get("text") or "")

    async def send(self, datagram: bytes) -> None:
        """One binary message."""
        try:
            await self._socket.send_bytes(datagram)
        except Exception as error:  # as above
            raise SocketGoneError from error
