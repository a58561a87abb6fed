"""The little RTCP we speak: key-frame requests and receiver reports.

RFC 3550 §6.4.2 (RR), RFC 4585 §6.3.1 (PLI), RFC 5104 §4.3.1 (FIR, taken as the same plea). A compound packet is
walked by its lengths; what we do not know is skipped.
"""

import struct
from collections.abc import Iterator
from typing import Final

_RECEIVER_REPORT: Final = 201
_GOODBYE: Final = 203
_PAYLOAD_FEEDBACK: Final = 206
_PLI: Final = 1
_FIR: Final = 4
_HEADER: Final = struct.Struct("!BBH")


def asks_for_key_frame(data: bytes) -> bool:
    """Whether a compound packet holds a PLI or FIR."""
    return any(kind == _PAYLOAD_FEEDBACK and count in (_PLI, _FIR) for kind, count, _ in _walk(data))


def says_goodbye(data: bytes) -> bool:
    """Whether a compound packet holds a BYE."""
    return any(kind == _GOODBYE for kind, _, _ in _walk(data))


def key_frame_request(own_ssrc: int, media_ssrc: int) -> bytes:
    """An empty receiver report and a PLI: feedback travels in a compound packet (RFC 4585 §3.1)."""
    report = _HEADER.pack(0x80, _RECEIVER_REPORT, 1) + struct.pack("!I", own_ssrc)
    return report + _HEADER.pack(0x80 | _PLI, _PAYLOAD_FEEDBACK, 2) + struct.pack("!II", own_ssrc, media_ssrc)


def receiver_report(own_ssrc: int, media_ssrc: int, *, highest: int, lost: int, lost_of_256: int) -> bytes:
    """What arrived of one source: for the sender's account and to show that we live.

    Args:
        own_ssrc: ours.
        media_ssrc: the source reported on.
        highest: extended highest sequence number, modulo 2^32.
        lost: packets lost since the start, at most 2^23 - 1.
        lost_of_256: lost since the last report, in 1/256.
    """
    lost = max(0, min(lost, (1 << 23) - 1))
    block = struct.pack("!IIIIII", media_ssrc, (lost_of_256 & 0xFF) << 24 | lost, highest % (1 << 32), 0, 0, 0)
    return _HEADER.pack(0x81, _RECEIVER_REPORT, 7) + struct.pack("!I", own_ssrc) + block


def _walk(data: bytes) -> Iterator[tuple[int, int, bytes]]:
    """(packet type, count or format, body) of each packet; stops at a length that lies."""
    at = 0
    while at + 4 <= len(data):
        flags, kind, words = _HEADER.unpack_from(data, at)
        end = at + 4 + 4 * words
        if flags & 0xC0 != 0x80 or end > len(data):
            return
        yield kind, flags & 0x1F, data[at + 4 : end]
        at = end
