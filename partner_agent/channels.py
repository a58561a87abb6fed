"""What the link needs from a transport: one connection to the gateway, dialled outbound; `websocket` is the adapter."""

from collections.abc import AsyncIterator
from typing import Protocol


class Channel(Protocol):
    """One connection to the gateway; frames in order, both ways."""

    async def send(self, frame: bytes) -> None:
        """Send one frame.

        Raises:
            LinkLostError: the connection is gone.
        """

    def frames(self) -> AsyncIterator[bytes]:
        """Every frame received; ends when the connection does."""

    async def answers(self) -> bool:
        """Whether the other end is there: ask it, and wait under the caller's deadline; False if it is gone."""

    def abandon(self) -> None:
        """Let the connection go without a word; `frames` ends."""

    async def close(self, code: int, reason: str) -> None:
        """Close; never raises."""


class LinkLostError(Exception):
    """The connection is gone or could not be made; try again with back-off. `code` is the close code, 0 if none."""

    def __init__(self, sentence: str, code: int = 0) -> None:
        super().__init__(sentence)
        self.code = code


class Dialler(Protocol):
    """Opens the outbound connection."""

    async def dial(self, url: str) -> Channel:
        """Connect under the caller's deadline.

        Raises:
            LinkLostError: no connection.
        """
