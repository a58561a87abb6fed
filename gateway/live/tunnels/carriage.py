"""Datagrams of one tunnel between its WebSocket and the relay's media port, both ways, and when that ends.

The UDP socket is connected to the relay: nothing goes anywhere else, and nothing comes from anywhere else. Each tunnel
has a socket of its own, for the relay knows its peers by their addresses. Nothing is kept for long: what comes is sent
on at once, and what the site does not read is dropped, the oldest first.
"""

import asyncio
import contextlib
from collections import deque
from collections.abc import Awaitable, Callable
from typing import Final

import anyio
import anyio.lowlevel

from gateway.live.tunnels.model import Meter
from gateway.live.tunnels.ports import Address, Socket, SocketGoneError
from partner_agent.wire import tunnels
from partner_agent.wire.clock import Clock

WATCH_S: Final = 1.0  # a tunnel outlives its reason by no more than this
SEND_S: Final = 10.0  # a site that does not read for this long is gone
WAITING: Final = 64  # datagrams for the site: checks, handshakes and reports, no media
_AT_ONCE: Final = 32  # messages before the event loop's other work has its turn
_NORMAL: Final = 1000  # RFC 6455 §7.4.1

Ended = Callable[[], int]
"""Why this tunnel has to end, as a code to close with; 0 while it may go on."""


class Carriage(asyncio.DatagramProtocol):
    """One tunnel.

    Attributes:
        dropped: datagrams of the site beyond what it may send, and of the relay that the site did not read.
    """

    def __init__(self, socket: Socket, *, ended: Ended, clock: Clock) -> None:
        self.dropped = 0
        self._socket, self._ended, self._clock = socket, ended, clock
        self._meter = Meter(clock.monotonic())
        self._heard_at = clock.monotonic()
        self._waiting: deque[bytes] = deque()
        self._news = anyio.Event()
        self._code = _NORMAL

    async def carry(self, relay: Address) -> int:
        """Carry until somebody ends it; the code to close with."""
        try:
            transport, _ = await asyncio.get_running_loop().create_datagram_endpoint(lambda: self, remote_addr=relay)
        except OSError:  # too many files are open
            return tunnels.CLOSE_FULL
        try:
            async with anyio.create_task_group() as tasks:
                for part in (self._read, self._write, self._watch):
                    tasks.start_soon(self._until_over, part, transport, tasks.cancel_scope)
        finally:
            transport.close()
        return self._code

    def datagram_received(self, data: bytes, addr: object) -> None:
        """From the relay, for the site."""
        del addr
        if len(self._waiting) >= WAITING:
            self._waiting.popleft()
            self.dropped += 1
        self._waiting.append(data)
        self._news.set()

    def error_received(self, exc: Exception) -> None:
        """A relay that starts again refuses a datagram; ICE finds out by itself."""
        del exc

    async def _until_over(
        self,
        part: Callable[[asyncio.DatagramTransport], Awaitable[int]],
        transport: asyncio.DatagramTransport,
        scope: anyio.CancelScope,
    ) -> None:
        with contextlib.suppress(SocketGoneError):
            self._code = await part(transport)
        scope.cancel()

    async def _read(self, transport: asyncio.DatagramTransport) -> int:
        count = 0
        while True:
            message = await self._socket.receive()
            if isinstance(message, str):
                return tunnels.CLOSE_TEXT
            if len(message) > tunnels.DATAGRAM_BYTES:
                return tunnels.CLOSE_TOO_BIG
            self._heard_at = self._clock.monotonic()
            match self._meter.take(len(message), self._heard_at):
                case "pass":
                    if message:
                        transport.sendto(message)
                case "drop":
                    self.dropped += 1
                case "flood":
                    return tunnels.CLOSE_FLOOD
            count += 1
            if count % _AT_ONCE == 0:
                await anyio.lowlevel.checkpoint()

    async def _write(self, transport: asyncio.DatagramTransport) -> int:
        del transport
        while True:
            while not self._waiting:
                self._news = anyio.Event()
                await self._news.wait()
            with anyio.move_on_after(SEND_S) as waiting:
                await self._socket.send(self._waiting.popleft())
            if waiting.cancelled_caught:
                return tunnels.CLOSE_IDLE

    async def _watch(self, transport: asyncio.DatagramTransport) -> int:
        del transport
        while True:
            await self._clock.sleep(WATCH_S)
            if self._clock.monotonic() - self._heard_at > tunnels.IDLE_S:
                return tunnels.CLOSE_IDLE
            code = self._ended()
            if code:
                return code
