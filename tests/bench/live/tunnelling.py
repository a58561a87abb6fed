"""The two ends of the comparison of a tunnel with UDP, each a process of its own.

`gateway HOST PORT SINK DEVICE` serves tunnels that lead to UDP port SINK. `site WAY HOST PORT SINK DEVICE` sends
pictures of 4 Mbit/s, WAY udp or tunnel, each datagram with the moment it was handed over. DEVICE is the file of the
site's key.
"""

import json
import socket
import struct
import sys
from pathlib import Path
from typing import Any, Final

import anyio
import uvicorn
from litestar.di import Provide

from gateway.live.calls import Calls
from gateway.live.tunnels.routes import tunnel
from gateway.live.tunnels.service import path_of
from partner_agent.rtc.mux import Port, UdpPort
from partner_agent.rtc.tunnel import TunnelPort
from partner_agent.wire.clock import SystemClock
from partner_agent.wire.tokens import LocalSigner
from tests.support.far_site import dial
from tests.support.pages import web_app
from tests.support.tunnels import Premises

STAMP: Final = struct.Struct("!IQ")  # number, nanoseconds of the monotonic clock, which processes share
PICTURES_PER_S: Final = 30
DATAGRAMS: Final = 14  # of a picture
DATAGRAM_BYTES: Final = 1_190
PATH: Final = path_of("pub_1", "secret")


class _End:
    """The one relay there is."""

    def __init__(self, address: tuple[str, int]) -> None:
        self._address = address

    async def tunnel_end(self, publication: str, resource: str) -> tuple[str, int]:
        del publication, resource
        return self._address

    async def delete(self, subject: str, resource: str) -> bool:
        raise AssertionError(subject, resource)


async def serve(host: str, port: int, sink: int, device: LocalSigner) -> None:
    """A gateway that has tunnels alone."""
    nobody: Any = None
    tunnels = Premises(device).tunnels(_End((host, sink)), origin=f"http://{host}:{port}")
    calls = Calls(relay=nobody, tunnels=tunnels)
    app = web_app([tunnel], dependencies={"live_calls": Provide(lambda: calls, sync_to_thread=False)})
    config = uvicorn.Config(
        app, log_level="warning", ws="websockets-sansio", ws_per_message_deflate=False, loop="uvloop"
    )
    await uvicorn.Server(config).serve(sockets=[socket.create_server((host, port))])


async def play(way: str, host: str, port: int, sink: int, device: LocalSigner) -> None:
    """Send until killed."""
    clock, number = SystemClock(), 0
    async with anyio.create_task_group() as tasks:
        end: Port
        if way == "tunnel":
            carried = end = TunnelPort(await dial(device, f"ws://{host}:{port}{PATH}"), (host, sink))
            tasks.start_soon(carried.run)
        else:
            end = await UdpPort.open("")
        began_s = clock.monotonic()
        for picture in range(1_000_000):
            await anyio.sleep(max(0.0, began_s + picture / PICTURES_PER_S - clock.monotonic()))
            stamps = [STAMP.pack(number + each, int(clock.monotonic() * 1e9)) for each in range(DATAGRAMS)]
            end.sender.send([stamp.ljust(DATAGRAM_BYTES, b"\x80") for stamp in stamps], (host, sink))
            number += DATAGRAMS


if __name__ == "__main__":
    key = LocalSigner(json.loads(Path(sys.argv[-1]).read_text()))
    place = sys.argv[-4], int(sys.argv[-3]), int(sys.argv[-2])
    if sys.argv[1] == "gateway":
        anyio.run(serve, *place, key, backend_options={"use_uvloop": True})
    else:
        anyio.run(play, sys.argv[2], *place, key, backend_options={"use_uvloop": True})
