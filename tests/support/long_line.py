"""A long line for TCP, as a process: `… PORT TARGET RTT_S`. Each byte takes half of a round trip, in both directions.

A new connection takes two more before its first byte arrives, as TCP and TLS do. Chromium is led there by a flag, so
that the page keeps its origin.
"""

import asyncio
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from urllib.parse import urlsplit

from tests.support import outside
from tests.support.processes import free_port, running

HANDSHAKES = 2
_TICK_S = 1e-6
_BLOCK_BYTES = 65_536


@contextmanager
def long_line(origin: str, *, rtt_s: float, log: Path) -> Iterator[str]:
    """The line to `origin`, open while inside the block; gives Chromium's flag."""
    place, port = urlsplit(origin), free_port()
    command = [sys.executable, "-m", __name__, str(port), str(place.port), str(rtt_s)]
    with running(command, log=log, variables={}) as process:
        while not log.read_text():
            assert process.poll() is None
            outside.wait_a_moment()
        yield f"--host-resolver-rules=MAP {place.hostname}:{place.port} 127.0.0.1:{port}"


class _Line:
    """One direction of one connection."""

    def __init__(self, writer: asyncio.StreamWriter, *, delay_s: float, opening_s: float) -> None:
        self._writer, self._delay_s = writer, delay_s
        self._loop = asyncio.get_running_loop()
        self._last_at = self._loop.time() + opening_s + delay_s

    async def carry(self, reader: asyncio.StreamReader) -> None:
        """Until its end, which takes as long as everything before it."""
        data = b"begins"
        while data:
            data = await reader.read(_BLOCK_BYTES)
            self._last_at = max(self._loop.time() + self._delay_s, self._last_at + _TICK_S)  # in order
            self._loop.call_at(self._last_at, self._hand_on, data)

    def _hand_on(self, data: bytes) -> None:
        if data:
            self._writer.write(data)
        else:
            self._writer.close()


async def _serve(port: int, target: int, rtt_s: float) -> None:
    async def connect(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        far_reader, far_writer = await asyncio.open_connection("127.0.0.1", target)
        there = _Line(far_writer, delay_s=rtt_s / 2, opening_s=HANDSHAKES * rtt_s)
        back = _Line(writer, delay_s=rtt_s / 2, opening_s=0)
        with suppress(ConnectionError):
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(there.carry(reader))
                tasks.create_task(back.carry(far_reader))

    server = await asyncio.start_server(connect, "127.0.0.1", port)
    sys.stdout.write("ready\n")
    sys.stdout.flush()
    async with server:
        await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(_serve(int(sys.argv[1]), int(sys.argv[2]), float(sys.argv[3])))
