"""One connection to Janus, against a server that says only what a test lets it."""

import anyio
import pytest
from websockets.asyncio.server import ServerConnection, serve
from websockets.typing import Subprotocol

from gateway.live.engines.janus_socket import ANSWER_S, JanusSocket
from gateway.live.relay.client import RelayGoneError
from partner_agent.wire.ids import SystemIds

pytestmark = pytest.mark.anyio


async def test_whoever_waits_for_an_answer_learns_at_once_that_janus_has_hung_up():
    """Also when the connection has just begun, and what waits may not be interrupted: nobody reads on meanwhile."""

    async def hang_up(connection: ServerConnection) -> None:
        await connection.recv()

    async def begin() -> None:
        with anyio.CancelScope(shield=True):
            await socket.ask("info")

    async with serve(hang_up, "127.0.0.1", 0, subprotocols=[Subprotocol("janus-protocol")]) as server:
        (port,) = (listener.getsockname()[1] for listener in server.sockets)
        socket = JanusSocket(url=f"ws://127.0.0.1:{port}", secret="word", ids=SystemIds())

        began = anyio.current_time()
        with pytest.raises(RelayGoneError, match="Janus has hung up"):
            await socket.run(begin, lambda _: None)

        assert anyio.current_time() - began < ANSWER_S / 2
