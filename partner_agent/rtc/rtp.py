"""The RTP header: read what arrives, write what leaves, and say no to what is not RTP.

RFC 3550 §5.1, RFC 5761 §4 for telling RTP from RTCP on one port. Header extensions are skipped: nothing we forward
needs them, and a viewer must not learn more of a site than the picture.
"""

import struct
from typing import Final

import msgspec

HEADER_BYTES: Final = 12
SEQUENCES: Final = 1 << 16
TIMESTAMPS: Final = 1 << 32

_HEADER: Final = struct.Struct("!BBHII")
_VERSION_2: Final = 0x80
PLAIN: Final = _VERSION_2  # the first byte of a packet without padding, extension and CSRC
PADDED: Final = 0x20


class NotRtpError(ValueError):
    """The bytes are no RTP packet; drop them."""


class RtpPacket(msgspec.Struct, frozen=True, gc=False):
    """One packet as it arrived, without extensions and padding."""

    is_last: bool  # the marker: last packet of an access unit (RFC 6184 §5.1)
    payload_type: int
    sequence: int
    timestamp: int
    ssrc: int
    payload: bytes


def is_rtcp(data: bytes | memoryview) -> bool:
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
    payload = data[payload_start(data) :]
    if flags & PADDED:
        payload = without_padding(payload)
    return RtpPacket(bool(kind & 0x80), kind & 0x7F, sequence, timestamp, ssrc, payload)


def payload_start(data: bytes | memoryview) -> int:
    """Where the payload of a packet of at least `HEADER_BYTES` begins: behind CSRC and extension.

    Raises:
        NotRtpError: another version, or a length that lies.
    """
    flags = data[0]
    if flags & 0xC0 != _VERSION_2:
        raise NotRtpError("no RTP header")
    start = HEADER_BYTES + 4 * (flags & 0x0F)
    if flags & 0x10:
        if len(data) < start + 4:
            raise NotRtpError("cut in the extension")
        start += 4 + 4 * int.from_bytes(data[start + 2 : start + 4], "big")
    if start > len(data):
        raise NotRtpError("shorter than its header says")
    return start


def without_padding(payload: bytes) -> bytes:
    """The payload of a padded packet; its last byte says how much of it is padding (RFC 3550 §5.1).

    Raises:
        NotRtpError: a length that lies.
    """
    if not payload or payload[-1] > len(payload):
        raise NotRtpError("shorter than its padding says")
    return payload[: len(payload) - payload[-1]]


def header(*, is_last: bool, payload_type: int, sequence: int, timestamp: int, ssrc: int) -> bytes:
    """The twelve bytes of a packet without CSRC, extension or padding; numbers are taken modulo their field."""
    return _HEADER.pack(
        _VERSION_2,
        (0x80 if is_last else 0) | payload_type,
        sequence % SEQUENCES,
        timestamp % TIMESTAMPS,
        ssrc,
    )


def nearest(sequence: int, newest: int) -> int:
    """The index with this sequence number that lies nearest to the newest one (RFC 3711 §3.3.1, appendix A)."""
    distance = (sequence - newest) % SEQUENCES
    return newest + (distance if distance < SEQUENCES // 2 else distance - SEQUENCES)
