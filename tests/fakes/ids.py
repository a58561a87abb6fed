"""Ids and secrets that a test can predict."""

import hashlib

from partner_agent.wire.ids import encode_ulid


class SequentialIds:
    """`prefix_…0001`, `…0002`, and secrets hashed from a counter."""

    def __init__(self) -> None:
        self._count = 0

    def new(self, prefix: str) -> str:
        self._count += 1
        return f"{prefix}_{encode_ulid(0, self._count)}"

    def secret(self, size_bytes: int) -> bytes:
        self._count += 1
        return hashlib.shake_256(str(self._count).encode()).digest(size_bytes)
