"""The other end of a line of a given width: an HTTP server that reads so fast and no faster, and counts."""

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Final

import anyio

_BUFFER_BYTES: Final = 4096  # the kernel takes little in advance, so that the sender feels the width
_SLICE_BYTES: Final = 2048


@dataclass
class SlowLine:
    """What a test looks at afterwards.

    Attributes:
        bytes_s: the width; 0 = as fast as it goes.
        status: what every request is answered with.
        sizes: the body of each request that was read to its end.
        tokens: what each request named.
    """

    url: str = ""
    bytes_s: float = 0.0
    status: int = 204
    sizes: list[int] = field(default_factory=list)
    tokens: list[str] = field(default_factory=list)
    taken: int = 0

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One connection, request after request."""
        try:
            while True:
                await self._one(reader, writer)
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()

    async def _one(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = (await reader.readuntil(b"\r\n\r\n")).decode().lower().split("\r\n")
        fields = dict(line.split(": ", 1) for line in head[1:] if line)
        self.tokens.append(fields["authorization"].removeprefix("bearer "))
        size = left = int(fields["content-length"])
        due_s = anyio.current_time()
        while left:
            part = await reader.read(min(_SLICE_BYTES, left))
            if not part:
                raise ConnectionError
            left -= len(part)
            self.taken += len(part)
            if self.bytes_s:
                due_s += len(part) / self.bytes_s
                await anyio.sleep(max(0.0, due_s - anyio.current_time()))
        self.sizes.append(size)
        writer.write(f"HTTP/1.1 {self.status} x\r\ncontent-length: 0\r\n\r\n".encode())
        await writer.drain()


@asynccontextmanager
async def slow_line(*, kbps: int = 0, status: int = 204, host: str = "127.0.0.1") -> AsyncIterator[SlowLine]:
    """It listens while inside the block."""
    with socket.socket() as listener:
        if kbps:
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, _BUFFER_BYTES)
        listener.bind((host, 0))
        line = SlowLine(f"http://{host}:{listener.getsockname()[1]}/", kbps * 1000 / 8, status)
        server = await asyncio.start_server(line.serve, sock=listener, limit=_SLICE_BYTES)
        async with server:
            yield line
