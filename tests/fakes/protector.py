"""A protector that a test can read through."""

from collections.abc import Sequence

from partner_agent.rtc.srtp import UsedIndexes


class PlainProtector:
    """No encryption, but the same refusal of repeated indexes; packet by packet, as libsrtp."""

    overhead_bytes = 0

    def __init__(self) -> None:
        self._used = UsedIndexes()

    def protect(self, header: bytes, payload: bytes, index: int) -> bytes:
        """The packet as it is."""
        self._used.use(index)
        return header + payload

    def seal(self, headers: Sequence[bytes], payloads: Sequence[bytes], first: int) -> bytes | None:
        """Never."""
        del headers, payloads, first
        return None
