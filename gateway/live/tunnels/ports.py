"""What tunnels need of others: a WebSocket, and the relay that has the call."""

from typing import Protocol

Address = tuple[str, int]


class SocketGoneError(Exception):
    """The other end is gone."""


class Socket(Protocol):
    """An accepted WebSocket."""

    async def receive(self) -> bytes | str:
        """The next message: binary as bytes, text as text.

        Raises:
            SocketGoneError: there will be none.
        """

    async def send(self, datagram: bytes) -> None:
        """Send one binary message; waits while the other end does not read.

        Raises:
            SocketGoneError: it cannot arrive.
        """


class TunnelEnds(Protocol):
    """The relays of this gateway. Each raises RelayGoneError when none is there."""

    async def tunnel_end(self, publication: str, resource: str) -> Address | None:
        """The media address of the relay that has this publisher's call; None where none has it."""

    async def delete(self, subject: str, resource: str) -> bool:
        """End a call."""
