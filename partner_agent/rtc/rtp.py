"""The RTP header: read what arrives, write what leaves, and say no to what is not RTP.

RFC 3550 §5.1, RFC 5761 §4 for telling RTP from RTCP on one port. Header extensions are skipped: nothing we forward
needs them, and a viewer must not learn more of a site than the picture.
"""

import struct
from typing import Final, NamedTuple

HEADER_BYTES: Final = 12
SEQUENCES: Final = 1 << 16
TIMESTAMPS: Final = 1 << 32

_HEADER: Final = struct.Struct("!BBHII")
_VERSION_2: Final = 0x80


class NotRtpError(ValueError):
    """The bytes are no RTP packet; drop them."""


class RtpPacket(NamedTuple):
    """One packet as it arrived, without extensions and padding."""

    is_last: bool  # the marker: last packet of an access unit (RFC 6184 §5.1)
    payload_type: int
    sequence: int
    timestamp: int
    ssrc: int
    payload: bytes


def is_rtcp(data: bytes) -> bool:
    """Whether a packet of the media range is RTCP (RFC 5761 §4)."""
    return len(data) > 1 and 192 <= data[1] <= 223


def parse(data: bytes) -> RtpPacket:
    """Read one packet.

    Raises:
        NotRtpError: another version, or a length that lies.
    """
    if len(data) < HEADER_BYTES or data[0] & 0xC0 != _VERSION_2:
        raise NotRtpError("no RTP header")
    flags, kind, sequence, timestamp, ssrc = _HEADER.unpack_from(data)
    start = HEADER_BYTES + 4 * (flags & 0x0F)
    if flags & 0x10:
        if len(data) < start + 4:
            raise NotRtpError("cut in the extension")
        start += 4 + 4 * int.from_bytes(data[start + 2 : start + 4], "big")
    end = len(data) - (data[-1] if flags & 0x20 else 0)
    if start > end:
        raise NotRtpError("shorter than its header says")
    return RtpPacket(bool(kind & 0x80), kind & 0x7F, sequence, timestamp, ssrc, data[start:end])


def header(*, is_last: bool, payload_type: int, sequence: int, timestamp: int, ssrc: int) -> bytes:
    """The twelve bytes of a packet without CSRC, extension or padding; numbers are taken modulo their field."""
    return _HEADER.pack(
        _VERSION_2,
        (0x80 if is_last else 0) | payload_type,
        sequence % SEQUENCES,
        timestamp % TIMESTAMPS,
        ssrc,
    )


class SequenceUnwrapper:
    """Turns 16-bit sequence numbers into an index that never wraps (RFC 3711 §3.3.1, appendix A)."""

    def __init__(self) -> None:
        self._highest: int | None = None

    def unwrap(self, sequence: int) -> int:
        """The index nearest to the highest seen; the first packet's index is its sequence number."""
        if self._highest is None:
            self._highest = sequence
            return sequence
        distance = (sequence - self._highest) % SEQUENCES
        if distance >= SEQUENCES // 2:
            distance -= SEQUENCES
        index = self._highest + distance
        self._highest = max(self._highest, index)
        return index
