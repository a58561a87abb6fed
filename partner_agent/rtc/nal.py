"""H.264 byte streams: where the NAL units are and what they are (ITU-T H.264 Annex B, §7.4.1). Pure."""

from collections.abc import Iterable, Iterator
from typing import Final

START_CODE: Final = b"\x00\x00\x00\x01"
_SHORT_START_CODE: Final = b"\x00\x00\x01"

NON_IDR: Final = 1
IDR: Final = 5
SEI: Final = 6
SPS: Final = 7
PPS: Final = 8
AUD: Final = 9
SLICES: Final = frozenset({NON_IDR, IDR})


def nal_type(nal: bytes) -> int:
    """`nal_unit_type` of one NAL unit without its start code."""
    return nal[0] & 0x1F


def split(stream: bytes) -> Iterator[bytes]:
    """The NAL units of an Annex B byte stream, without start codes; whatever stands before the first is skipped."""
    begin = stream.find(_SHORT_START_CODE)
    while begin >= 0:
        begin += len(_SHORT_START_CODE)
        end = stream.find(_SHORT_START_CODE, begin)
        nal = stream[begin:end] if end >= 0 else stream[begin:]
        nal = nal.rstrip(b"\x00")  # a fourth start-code byte, or trailing_zero_8bits
        if nal:
            yield nal
        begin = end


def join(nals: Iterable[bytes]) -> bytes:
    """One Annex B byte stream of `nals`."""
    return b"".join(START_CODE + nal for nal in nals)


def parameter_sets(stream: bytes) -> bytes:
    """The SPS and PPS units of an Annex B byte stream, as Annex B; empty if there are none."""
    return join(nal for nal in split(stream) if nal_type(nal) in {SPS, PPS})


def has_parameter_sets(stream: bytes) -> bool:
    """Whether an SPS and a PPS stand in the byte stream before its first slice."""
    seen = set()
    for nal in split(stream):
        kind = nal_type(nal)
        if kind in SLICES:
            break
        seen.add(kind)
    return {SPS, PPS} <= seen


def begins_picture(stream: bytes) -> bool:
    """Whether the first slice in the byte stream begins at the first macroblock (§7.3.3: `first_mb_in_slice` 0).

    ue(v) writes 0 as a single one bit (§9.1). A byte stream without a slice begins nothing.
    """
    first = next((unit for unit in split(stream) if nal_type(unit) in SLICES), b"")
    return len(first) > 1 and bool(first[1] & 0x80)
