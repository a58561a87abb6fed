"""What stills need of others: rows, and a place for encrypted bytes."""

from collections.abc import Sequence
from datetime import datetime
from typing import Protocol

from gateway.kernel.database import UnitOfWork
from gateway.live.stills.model import Still


class StillRows(Protocol):
    """Rows of stills."""

    async def add(self, unit: UnitOfWork, still: Still) -> None:
        """A new one."""

    async def get(self, still_id: str) -> Still | None:
        """One."""

    async def expired(self, now: datetime) -> Sequence[Still]:
        """Those whose time is over, some at a time."""

    async def delete(self, unit: UnitOfWork, still_id: str) -> None:
        """Forget one, and its key with it."""


class StillVault(Protocol):
    """Encrypted files, each under the name that its key bears: two of one still are two files. Blocking."""

    def new_key(self, still_id: str) -> bytes:
        """A fresh key for one file, wrapped."""

    def write(self, still_id: str, wrapped_key: bytes, data: bytes) -> bytes:
        """Encrypt and make durable; the nonce.

        Raises:
            OSError: the disk refused.
        """

    def read(self, still: Still) -> bytes:
        """The plain bytes.

        Raises:
            OSError: it is gone, or is not what was written.
        """

    def delete(self, still_id: str, wrapped_key: bytes) -> None:
        """Remove the file of this key, if it is there."""
