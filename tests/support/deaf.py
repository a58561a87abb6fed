"""A WebSocket client that sends pings and reads nothing, until it is told to."""

import base64
import contextlib
import os
import socket
from collections.abc import Iterator

import anyio

PING = b"\x89\xfd" + bytes(4) + b"x" * 125  # RFC 6455 §5.2, with a mask of zeros
SMALL_BYTES = 4_096  # that the kernel takes for it


class DeafPeer:
    """Its end."""

    def __init__(self, wire: socket.socket) -> None:
        self.wire = wire

    async def opens(self, path: str, **headers: str) -> None:
        """Ask for a WebSocket, and read that it is one; nothing after it."""
        key = base64.b64encode(os.urandom(16)).decode()
        asked = {
            "Host": "localhost:8080",
            "Upgrade": "websocket",
            "Connection": "Upgrade",
            "Sec-WebSocket-Key": key,
            "Sec-WebSocket-Version": "13",
            **headers,
        }
        lines = "".join(f"{name}: {value}\r\n" for name, value in asked.items())
        await self.send(f"GET {path} HTTP/1.1\r\n{lines}\r\n".encode())
        await anyio.wait_readable(self.wire)
        answer = self.wire.recv(12)
        assert answer == b"HTTP/1.1 101", answer

    async def send(self, data: bytes, *, within_s: float = 5) -> None:
        """All of it."""
        with anyio.fail_after(within_s):
            while data:
                await anyio.wait_writable(self.wire)
                data = data[self.wire.send(data) :]

    async def pings(self, number: int) -> None:
        """So many, as long as the other end takes them."""
        with contextlib.suppress(ConnectionError):
            for _ in range(number // 200):
                await self.send(PING * 200)

    async def reads_until(self, end: bytes, *, within_s: float = 5) -> int:
        """Read until `end` came; how many bytes that were."""
        tail, count = b"", 0
        with anyio.fail_after(within_s):
            while end not in tail:
                await anyio.wait_readable(self.wire)
                read = self.wire.recv(65_536)
                assert read, "closed"
                tail, count = (tail + read)[-100_000:], count + len(read)
        return count


@contextlib.contextmanager
def deaf_peer(port: int) -> Iterator[DeafPeer]:
    """Connected, while inside the block."""
    with socket.socket() as wire:
        wire.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, SMALL_BYTES)
        wire.connect(("127.0.0.1", port))
        wire.setblocking(False)
        yield DeafPeer(wire)
