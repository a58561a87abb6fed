"""The key picture that a cached group of pictures begins with, put together again as an H.264 byte stream.

Pure. A picture of which anything is missing is none: a decoder would show it broken. RFC 6184 (§5.6 single NAL unit,
§5.7.1 STAP-A, §5.8 FU-A); RFC 6381 §3.3 names the codec.
"""

from collections.abc import Sequence
from itertools import pairwise, takewhile
from typing import Final

from partner_agent.rtc import h264, nal
from partner_agent.rtc.ring import Packet

_STAP_A: Final = 24
_FU_A: Final = 28
_FU_HEADERS: Final = 2
_TYPE_MASK: Final = 0x1F
_STARTS: Final = 0x80
_ENDS: Final = 0x40


def first_of(group: Sequence[Packet]) -> bytes:
    """The first picture of a group as Annex B, parameter sets first; empty while it is not there whole."""
    packets = list(takewhile(lambda packet: packet.timestamp == group[0].timestamp, group))
    if not packets or not packets[-1].is_last or any(b.number - a.number != 1 for a, b in pairwise(packets)):
        return b""
    stream = nal.join(_units([bytes(packet.payload) for packet in packets]))
    return stream if nal.has_parameter_sets(stream) and nal.begins_picture(stream) else b""


def codec_of(stream: bytes) -> str:
    """What decoders call the coding of an Annex B byte stream: `avc1.` and the SPS's profile; empty without an SPS."""
    sps = next((unit for unit in nal.split(stream) if nal.nal_type(unit) == nal.SPS), b"")
    return f"avc1.{sps[1:4].hex()}" if len(sps) > 3 else ""


def _units(payloads: Sequence[bytes]) -> list[bytes]:
    """The NAL units; none at all where a fragment has no beginning or no end."""
    units: list[bytes] = []
    part = b""
    for payload in payloads:
        kind = payload[0] & _TYPE_MASK
        begins = kind != _FU_A or bool(payload[1:2] and payload[1] & _STARTS)
        if begins == bool(part) or (kind == _FU_A and len(payload) <= _FU_HEADERS):
            return []
        if kind == _STAP_A:
            units.extend(h264.aggregated(payload))
        elif kind != _FU_A:
            units.append(payload)
        else:
            part = (part or bytes([payload[0] & 0xE0 | payload[1] & _TYPE_MASK])) + payload[2:]
            if payload[1] & _ENDS:
                units.append(part)
                part = b""
    return [] if part else units
