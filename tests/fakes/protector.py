"""A protector that a test can read through."""

from partner_agent.rtc.srtp import Parts, UsedIndexes


class PlainProtector:
    """No encryption, but the same refusal of repeated indexes; packet by packet, as libsrtp."""

    overhead_bytes = 0

    def __init__(self) -> None:
        self._used = UsedIndexes()

    def protect(self, header: bytes, payload: bytes, index: int) -> bytes:
        """The packet as it is."""
        self._used.use(index)
        return header + payload

    def seal(self, parts: Parts, first: int) -> bool:
        """Never."""
        del parts, first
        return False
