"""A place at a TURN server, used like a UDP port of our own: for networks that let no UDP out to the relay.

Servers come in the relay's answer to a call, with a name and a password for it (RFC 9725 §4.6). Over TCP what waits to
be sent is bounded: like a full socket buffer, a full connection loses datagrams. RFC 8656; the client is aioice's.
"""

import asyncio
import re
import ssl
import struct
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final, cast

from aioice import stun
from aioice.turn import TurnClientTcpProtocol, TurnClientUdpProtocol

from partner_agent.rtc.gso import Address
from partner_agent.rtc.mux import Port

HOOKS: Final = ("connect", "delete", "send_data", "_send", "peer_to_channel", "channel_refresh_at", "receiver")
EXAMPLE: Final = (("127.0.0.1", 9), "", "", 0, 0)  # what the hooks are looked for on
MOST_SERVERS: Final = 4  # of one answer
LEAVE_S: Final = 1.0
_LIFETIME_S: Final = 600
_REFRESH_S: Final = 240  # a permission lasts 300 s (RFC 8656 §9)
_WAITING_BYTES: Final = 256 * 1024  # half a second of 4 Mbit/s
_LINK: Final = re.compile(
    r'<(turns?):([A-Za-z0-9.-]{1,253})(?::([0-9]{1,5}))?(?:\?transport=(udp|tcp))?>; rel="ice-server"'
    r'; username="([\x21\x23-\x7e]{1,256})"; credential="([\x21\x23-\x7e]{1,256})"; credential-type="password"'
)
_CHANNEL: Final = struct.Struct("!HH")


class TurnError(ConnectionError):
    """No place at this server; the sentence says why."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TurnServer:
    """A server of an answer, and what opens it."""

    host: str
    port: int
    is_tls: bool
    is_stream: bool
    username: str
    password: str

    @property
    def words(self) -> str:
        """Which, for people."""
        return f"{self.host}:{self.port} over {'TLS' if self.is_tls else 'TCP' if self.is_stream else 'UDP'}"


def servers_in(link: str) -> tuple[TurnServer, ...]:
    """The TURN servers of a `Link` header, those over UDP first; what cannot be read is passed over."""
    found = []
    for scheme, host, port, transport, username, password in _LINK.findall(link)[:MOST_SERVERS]:
        is_tls = scheme == "turns"
        number = int(port or (5349 if is_tls else 3478))
        if number < 65_536 and not (is_tls and transport == "udp"):  # DTLS to the server: nobody needs it
            is_stream = is_tls or transport == "tcp"
            found.append(
                TurnServer(
                    host=host, port=number, is_tls=is_tls, is_stream=is_stream, username=username, password=password
                )
            )
    return tuple(sorted(found, key=lambda server: server.is_stream))


class TurnPort(Port):
    """The relayed port: peers join it as any other."""

    def __init__(self, client: TurnClientUdpProtocol | TurnClientTcpProtocol, relayed: Address) -> None:
        self._sender = TurnSender(client)
        super().__init__(self._sender)
        self._client, self._relayed = client, relayed
        client.receiver = _Receiver(self)

    @classmethod
    async def allocate(cls, server: TurnServer, address: str, *, trust: ssl.SSLContext | None = None) -> "TurnPort":
        """Take a place; the caller sets the deadline.

        Args:
            server: which.
            address: of its host, resolved and checked.
            trust: whom to believe that they are the host; None for the system's authorities.

        Raises:
            TurnError: it cannot be reached, is not who it says, or refuses.
        """
        loop = asyncio.get_running_loop()
        transport: asyncio.BaseTransport | None = None
        options = (address, server.port), server.username, server.password, _LIFETIME_S, _REFRESH_S
        client: TurnClientUdpProtocol | TurnClientTcpProtocol
        try:
            if server.is_stream:
                context = (trust or ssl.create_default_context()) if server.is_tls else None
                name = server.host if server.is_tls else None
                transport, client = await loop.create_connection(
                    lambda: TurnClientTcpProtocol(*options), address, server.port, ssl=context, server_hostname=name
                )
            else:
                transport, client = await loop.create_datagram_endpoint(
                    lambda: TurnClientUdpProtocol(*options), remote_addr=(address, server.port)
                )
            return cls(client, await client.connect())
        except BaseException as error:
            if transport is not None:
                transport.close()
            if isinstance(error, OSError | stun.TransactionError):
                raise TurnError(f"no place at {server.words}: {error}") from error
            raise

    @property
    def address(self) -> Address:
        """Where peers see us."""
        return self._relayed

    def close(self) -> None:
        """Give the place up; the server is told, and nobody waits for that."""
        self._sender.close()
        task = asyncio.get_running_loop().create_task(self._leave())
        _LEAVING.add(task)
        task.add_done_callback(_LEAVING.discard)

    async def _leave(self) -> None:
        try:
            async with asyncio.timeout(LEAVE_S):
                await self._client.delete()
        except (OSError, stun.TransactionError):
            return  # the server forgets it by itself


class TurnSender:
    """Sends by the server, which must let an address through first.

    Attributes:
        dropped: datagrams that there was no room for on the connection.
    """

    def __init__(self, client: TurnClientUdpProtocol | TurnClientTcpProtocol) -> None:
        self.dropped = 0
        self._client = client
        self._waiting: set[asyncio.Task[None]] = set()

    def send(self, datagrams: Sequence[bytes], address: Address) -> None:
        """Send all of them to `address`, in order; never waits."""
        for datagram in datagrams:
            self._send(datagram, address)

    def send_run(self, data: memoryview, segment_bytes: int, address: Address) -> None:
        """Send datagrams of `segment_bytes` each, the last perhaps shorter, that lie one behind the other."""
        for at in range(0, len(data), segment_bytes):
            self._send(bytes(data[at : at + segment_bytes]), address)

    def close(self) -> None:
        """Send nothing more."""
        for task in self._waiting:
            task.cancel()

    def _send(self, data: bytes, address: Address) -> None:
        client, transport = self._client, cast("asyncio.WriteTransport", self._client.transport)
        if transport.is_closing() or transport.get_write_buffer_size() > _WAITING_BYTES:
            self.dropped += 1
            return
        channel = client.peer_to_channel.get(address)
        if channel is not None and client.channel_refresh_at[channel] > time.time():
            client._send(_CHANNEL.pack(channel, len(data)) + data)
            return
        task = asyncio.get_running_loop().create_task(client.send_data(data, address))
        self._waiting.add(task)
        task.add_done_callback(self._sent)

    def _sent(self, task: "asyncio.Task[None]") -> None:
        self._waiting.discard(task)
        if not task.cancelled() and task.exception() is not None:
            self.dropped += 1


class _Receiver(asyncio.DatagramProtocol):
    """What the client hands its datagrams to."""

    def __init__(self, port: TurnPort) -> None:
        self._port = port

    def datagram_received(self, data: bytes, addr: tuple[str | Any, int]) -> None:
        self._port.datagram_received(data, addr)


_LEAVING: Final[set["asyncio.Task[None]"]] = set()  # the loop itself keeps no task alive
