"""Password hashing: Argon2id (RFC 9106) in a thread, at most two at a time, and the same work for nobody.

The limit keeps memory bounded (64 MiB each) and lets the rest of the gateway run while people sign in.
"""

from importlib import resources
from typing import Final

import anyio
from anyio import to_thread
from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError
from argon2.low_level import Type

MEMORY_KIB: Final = 64 * 1024
PASSES: Final = 3
AT_ONCE: Final = 2


class Passwords:
    """Hashes and verifies."""

    def __init__(self, *, memory_kib: int = MEMORY_KIB, passes: int = PASSES) -> None:
        """Smaller parameters are for tests; production passes none."""
        self._hasher = PasswordHasher(time_cost=passes, memory_cost=memory_kib, parallelism=1, type=Type.ID)
        self._decoy = self._hasher.hash("a password nobody has")
        self._limit = anyio.Semaphore(AT_ONCE)

    async def hash(self, password: str) -> str:
        """The hash to store."""
        async with self._limit:
            return await to_thread.run_sync(self._hasher.hash, password)

    async def verify(self, password: str, stored: str | None) -> bool:
        """Whether `password` made `stored`; with nothing stored the same work is done and the answer is no."""
        async with self._limit:
            is_right = await to_thread.run_sync(self._matches, password, stored or self._decoy)
        return is_right and stored is not None

    def is_outdated(self, stored: str) -> bool:
        """Whether the hash was made with other parameters than today's."""
        return self._hasher.check_needs_rehash(stored)

    def _matches(self, password: str, stored: str) -> bool:
        try:
            return self._hasher.verify(stored, password)
        except (VerificationError, InvalidHashError):
            return False


def load_blocklist() -> frozenset[str]:
    """Passwords that are tried first, as the composition root reads them once."""
    text = resources.files("gateway.identity").joinpath("blocklist.txt").read_text(encoding="utf-8")
    return frozenset(line.strip().lower() for line in text.splitlines() if line and not line.startswith("#"))
