"""The outbound WebSocket: one checked address, no compression, frames of at most 64 KiB. The only importer here."""

import ssl
from collections.abc import AsyncIterator, Callable
from typing import Final
from urllib.parse import urlsplit

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidHandshake, InvalidURI

from partner_agent.addresses import AddressError, AddressRules
from partner_agent.ports import LinkLostError
from partner_agent.wire.keyset import KeySet
from partner_agent.wire.limits import FRAME_BYTES

_OPEN_S: Final = 10.0
_PING_S: Final = 20.0  # finds a dead path; not the protocol's heartbeat
_QUEUE_FRAMES: Final = 16  # received and not yet read; then TCP holds the gateway back


class WebSocketDialler:
    """Dials the gateway's link address."""

    def __init__(self, *, addresses: AddressRules, key_set: Callable[[], KeySet], user_agent: str) -> None:
        self._addresses, self._key_set, self._user_agent = addresses, key_set, user_agent

    async def dial(self, url: str) -> "WebSocketChannel":
        """Connect to `url`, which must be on a host of the key set.

        Raises:
            LinkLostError: not allowed, not reachable, or no WebSocket there.
        """
        try:
            address = await self._addresses.target(url, self._key_set())
            parts = urlsplit(url)
            is_tls = parts.scheme == "wss"
            connection = await connect(
                url,
                host=str(address),
                port=parts.port or (443 if is_tls else 80),
                ssl=ssl.create_default_context() if is_tls else None,
                server_hostname=parts.hostname if is_tls else None,
                compression=None,
                max_size=FRAME_BYTES,
                max_queue=_QUEUE_FRAMES,
                open_timeout=_OPEN_S,
                ping_interval=_PING_S,
                proxy=None,
                user_agent_header=self._user_agent,
            )
        except AddressError as error:
            raise LinkLostError(str(error)) from error
        except (OSError, InvalidHandshake, InvalidURI, TimeoutError) as error:
            raise LinkLostError(f"{url} cannot be reached: {error}") from error
        return WebSocketChannel(connection)


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

    async def close(self, code: int, reason: str) -> None:
        """Close, waiting a little for the other side."""
        await self._connection.close(code, reason)


def _lost(error: ConnectionClosed) -> LinkLostError:
    code = error.rcvd.code if error.rcvd else 0
    return LinkLostError(f"the gateway closed the link ({code})" if code else "the link broke", code)
