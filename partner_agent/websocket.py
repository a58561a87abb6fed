"""Outbound WebSockets, each to one checked address, without compression: the link, and a call's tunnel.

The link takes frames of at most 64 KiB. A tunnel takes datagrams, and lets few of them wait where nobody can drop them:
in this process and in the kernel. The only importer of the library here.
"""

import socket
import ssl
from collections.abc import AsyncIterator, Callable
from typing import Final
from urllib.parse import urlsplit

import anyio
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidHandshake, InvalidURI

from partner_agent.addresses import AddressError, AddressRules
from partner_agent.channels import LinkLostError
from partner_agent.rtc.tunnel import LEAVE_S, TunnelLostError
from partner_agent.wire.keyset import KeySet
from partner_agent.wire.limits import FRAME_BYTES
from partner_agent.wire.tunnels import DATAGRAM_BYTES

_OPEN_S: Final = 10.0
_PING_S: Final = 20.0  # finds a dead path; not the protocol's heartbeat
_QUEUE_FRAMES: Final = 16  # received and not yet read; then TCP holds the gateway back
_TUNNEL_QUEUE: Final = 64
_UNSENT_BYTES: Final = 16 * 1024  # that wait here, and again in the kernel: 60 ms of 4 Mbit/s together
_NOT_SENT: Final = getattr(socket, "TCP_NOTSENT_LOWAT", 25)  # linux/tcp.h; Python 3.11 has no name for it


class WebSocketDialler:
    """Dials the gateway's link address."""

    def __init__(self, *, addresses: AddressRules, key_set: Callable[[], KeySet], user_agent: str) -> None:
        self._addresses, self._key_set, self._user_agent = addresses, key_set, user_agent

    async def dial(self, url: str) -> "WebSocketChannel":
        """Connect to `url`, which must be on a host of the key set.

        Raises:
            LinkLostError: not allowed, not reachable, or no WebSocket there.
        """
        return WebSocketChannel(await self._connected(url, max_size=FRAME_BYTES, max_queue=_QUEUE_FRAMES))

    async def dial_tunnel(self, url: str, token: str) -> "WebSocketTunnel":
        """Connect to the tunnel of a call at `url`, which must be on a host of the key set, with what opens it.

        Raises:
            TunnelLostError: not allowed, not reachable, refused, or no WebSocket there.
        """
        try:
            connection = await self._connected(
                url, max_size=DATAGRAM_BYTES, max_queue=_TUNNEL_QUEUE, write_limit=_UNSENT_BYTES, token=token
            )
        except LinkLostError as error:
            raise TunnelLostError(str(error)) from error
        wire: socket.socket = connection.transport.get_extra_info("socket")
        try:
            wire.setsockopt(socket.IPPROTO_TCP, _NOT_SENT, _UNSENT_BYTES)
        except OSError as error:
            connection.transport.abort()
            raise TunnelLostError("the tunnel broke at once, or the system holds back nothing") from error
        return WebSocketTunnel(connection)

    async def _connected(
        self, url: str, *, max_size: int, max_queue: int, write_limit: int = 2**15, token: str = ""
    ) -> ClientConnection:
        try:
            address = await self._addresses.target(url, self._key_set())
            parts = urlsplit(url)
            is_tls = parts.scheme == "wss"
            return await connect(
                url,
                host=str(address),
                port=parts.port or (443 if is_tls else 80),
                ssl=ssl.create_default_context() if is_tls else None,
                server_hostname=parts.hostname if is_tls else None,
                compression=None,
                max_size=max_size,
                max_queue=max_queue,
                write_limit=write_limit,
                open_timeout=_OPEN_S,
                ping_interval=_PING_S,
                proxy=None,
                user_agent_header=self._user_agent,
                additional_headers={"authorization": f"Bearer {token}"} if token else None,
            )
        except AddressError as error:
            raise LinkLostError(str(error)) from error
        except (OSError, InvalidHandshake, InvalidURI, TimeoutError) as error:
            raise LinkLostError(f"{url} cannot be reached: {error}") from error


class WebSocketChannel:
    """One open connection."""

    def __init__(self, connection: ClientConnection) -> None:
        self._connection = connection

    async def send(self, frame: bytes) -> None:
        """Send one frame, as text.

        Raises:
            LinkLostError: the connection is gone.
        """
        try:
            await self._connection.send(frame.decode())
        except ConnectionClosed as error:
            raise _lost(error) from error

    async def frames(self) -> AsyncIterator[bytes]:
        """Every frame received.

        Raises:
            LinkLostError: the connection ended.
        """
        try:
            while True:
                yield await self._connection.recv(decode=False)
        except ConnectionClosed as error:
            raise _lost(error) from error

    async def answers(self) -> bool:
        """Whether a ping is answered."""
        try:
            await (await self._connection.ping())
        except ConnectionClosed:
            return False
        return True

    def abandon(self) -> None:
        """Cut it off."""
        self._connection.transport.abort()

    async def close(self, code: int, reason: str) -> None:
        """Close, waiting a little for the other side."""
        await self._connection.close(code, reason)


class WebSocketTunnel:
    """One open tunnel: `rtc.tunnel.TunnelChannel`."""

    def __init__(self, connection: ClientConnection) -> None:
        self._connection = connection

    async def send(self, datagram: bytes) -> None:
        """Send one message, as binary; returns when little enough waits."""
        try:
            await self._connection.send(datagram)
        except ConnectionClosed as error:
            raise TunnelLostError("the tunnel broke") from error

    async def receive(self) -> bytes:
        """The next message."""
        try:
            return await self._connection.recv(decode=False)
        except ConnectionClosed as error:
            raise TunnelLostError("the tunnel broke") from error

    async def close(self) -> None:
        """Close, waiting a moment for the other side; what is left is cut off."""
        with anyio.move_on_after(LEAVE_S):
            await self._connection.close()
        self._connection.transport.abort()


def _lost(error: ConnectionClosed) -> LinkLostError:
    code = error.rcvd.code if error.rcvd else 0
    return LinkLostError(f"the gateway closed the link ({code})" if code else "the link broke", code)
