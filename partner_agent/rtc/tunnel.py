"""A WebSocket to the gateway, used like a UDP port of our own: for networks that let nothing else out.

One datagram is one message, and all of them go to the relay: the gateway's other end leads nowhere else. TCP waits for
what is lost, so what could not leave is not kept: beyond a bound in time and in bytes the oldest is dropped, as a full
socket buffer would have done. The ICE, DTLS and SRTP above know nothing of it.
"""

from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final, Protocol

import anyio

from partner_agent.rtc.gso import Address
from partner_agent.rtc.mux import Port, nobody
from partner_agent.wire.tunnels import DATAGRAM_BYTES

WAIT_S: Final = 0.5  # a picture that is later than this is not worth its place on the line
WAITING_BYTES: Final = 2 * 1024 * 1024  # half a second of 32 Mbit/s: a bound for the memory, not for the delay
LEAVE_S: Final = 1.0


class TunnelLostError(ConnectionError):
    """There is no tunnel, or no longer; the sentence says why."""


class TunnelChannel(Protocol):
    """An open WebSocket, of one call. Each raises TunnelLostError when it is gone."""

    async def send(self, datagram: bytes) -> None:
        """Send one message; returns when there is room for the next."""

    async def receive(self) -> bytes:
        """The next message."""

    async def close(self) -> None:
        """Say goodbye; never raises."""


@dataclass(frozen=True, slots=True)
class TunnelPlace:
    """Where a call's tunnel is.

    Attributes:
        url: of the WebSocket, on the origin that took the call.
        relay: what the relay calls its own address; datagrams come from there for all that ICE knows.
    """

    url: str
    relay: Address


class TunnelPort(Port):
    """The port at the tunnel's end. `run` carries it, as a task, until `close` or its loss."""

    def __init__(self, channel: TunnelChannel, relay: Address) -> None:
        self._sender = TunnelSender()
        super().__init__(self._sender)
        self._channel, self._relay = channel, relay
        self._scope = anyio.CancelScope()

    @property
    def address(self) -> Address:
        """A name of the relay's family, that ICE pairs; nobody is told of it, and nothing is sent there."""
        return ("::" if ":" in self._relay[0] else "0.0.0.0"), 9  # noqa: S104 -- nothing is bound

    def close(self) -> None:
        """Send and hear nothing more; the goodbye is said by `run`."""
        self.on_lost = nobody
        self._sender.close()
        self._scope.cancel()

    async def run(self) -> None:
        """Carry datagrams both ways."""
        try:
            with self._scope:
                async with anyio.create_task_group() as tasks:
                    tasks.start_soon(self._write)
                    await self._read()
        except* TunnelLostError:
            pass
        finally:
            self._sender.close()
            with anyio.CancelScope(shield=True):
                await self._channel.close()
        self.on_lost()

    async def _write(self) -> None:
        while True:
            await self._channel.send(await self._sender.next())

    async def _read(self) -> None:
        while True:
            self.datagram_received(await self._channel.receive(), self._relay)


class TunnelSender:
    """What waits to leave: bounded in time and bytes, the oldest goes first.

    Attributes:
        dropped: datagrams that waited too long, or that there was no room for.
    """

    def __init__(self, *, now: Callable[[], float] = anyio.current_time) -> None:
        """`now`: monotonic seconds."""
        self.dropped = 0
        self._now = now
        self._waiting: deque[tuple[float, bytes]] = deque()
        self._bytes = 0
        self._news = anyio.Event()
        self._is_closed = False

    def send(self, datagrams: Sequence[bytes], address: Address) -> None:
        """Queue all of them, in order, whatever the address; never waits."""
        del address
        now = self._now()
        for datagram in datagrams:
            self._put(now, datagram)
        self._news.set()

    def send_run(self, data: memoryview, segment_bytes: int, address: Address) -> None:
        """Queue datagrams of `segment_bytes` each, the last perhaps shorter, that lie one behind the other."""
        self.send([bytes(data[at : at + segment_bytes]) for at in range(0, len(data), segment_bytes)], address)

    async def next(self) -> bytes:
        """The next that may leave, as soon as there is one."""
        while True:
            while not self._waiting:
                self._news = anyio.Event()
                await self._news.wait()
            at, datagram = self._waiting.popleft()
            self._bytes -= len(datagram)
            if self._now() - at <= WAIT_S:
                return datagram
            self.dropped += 1

    def close(self) -> None:
        """Nothing more leaves."""
        self._is_closed = True
        self._waiting.clear()
        self._bytes = 0

    def _put(self, now: float, datagram: bytes) -> None:
        if self._is_closed or len(datagram) > DATAGRAM_BYTES:
            self.dropped += 1
            return
        self._waiting.append((now, datagram))
        self._bytes += len(datagram)
        while self._bytes > WAITING_BYTES:
            self._bytes -= len(self._waiting.popleft()[1])
            self.dropped += 1
