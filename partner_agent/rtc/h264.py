"""H.264 in RTP: packetise NAL units, and see in a payload whether decoding can start.

Pure functions over bytes; nothing here decodes a picture, and `nal` finds the units in a byte stream. RFC 6184
(single NAL, STAP-A and FU-A, that is packetization-mode 1).
"""

from collections.abc import Iterator
from typing import Final

from partner_agent.rtc import nal

PAYLOAD_BYTES: Final = 1200  # with RTP, SRTP, UDP and IPv6 headers still under 1,280, the least MTU of IPv6

_STAP_A: Final = 24
_FU_A: Final = 28
_TYPE_MASK: Final = 0x1F
_NRI_MASK: Final = 0x60
_STARTS_KEY_UNIT: Final = frozenset({nal.IDR, nal.SPS})


def packetise(units: list[bytes], limit_bytes: int = PAYLOAD_BYTES) -> list[bytes]:
    """The RTP payloads of one access unit, in order.

    Small neighbours share a STAP-A (RFC 6184 §5.7.1), large units become FU-A fragments (§5.8) of nearly equal size,
    the rest travel alone (§5.6).

    Args:
        units: NAL units without start codes.
        limit_bytes: the largest payload; at least 64.
    """
    payloads: list[bytes] = []
    bundle: list[bytes] = []
    for unit in units:
        if bundle and _stap_bytes([*bundle, unit]) > limit_bytes:
            payloads.append(_bundled(bundle))
            bundle = []
        if len(unit) > limit_bytes:
            payloads.extend(_fragments(unit, limit_bytes))
        else:
            bundle.append(unit)
    if bundle:
        payloads.append(_bundled(bundle))
    return payloads


def starts_key_unit(payload: bytes) -> bool:
    """Whether an RTP payload holds, or begins, an SPS or an IDR slice.

    An aggregate is walked to its end: cameras put an access unit delimiter or SEI before the SPS.
    """
    if not payload:
        return False
    kind = payload[0] & _TYPE_MASK
    if kind == _STAP_A:
        return any(unit[0] & _TYPE_MASK in _STARTS_KEY_UNIT for unit in aggregated(payload))
    if kind == _FU_A:
        return len(payload) > 1 and bool(payload[1] & 0x80) and payload[1] & _TYPE_MASK in _STARTS_KEY_UNIT
    return kind in _STARTS_KEY_UNIT


def aggregated(payload: bytes) -> Iterator[bytes]:
    """The units of a STAP-A; stops at the first length that does not fit."""
    at = 1
    while at + 2 < len(payload):
        size = (payload[at] << 8) | payload[at + 1]
        if not size or at + 2 + size > len(payload):
            return
        yield payload[at + 2 : at + 2 + size]
        at += 2 + size


def _stap_bytes(units: list[bytes]) -> int:
    return 1 + sum(2 + len(unit) for unit in units)


def _bundled(units: list[bytes]) -> bytes:
    if len(units) == 1:
        return units[0]
    nri = max(unit[0] & _NRI_MASK for unit in units)  # RFC 6184 §5.7: the highest of the aggregated units
    forbidden = max(unit[0] & 0x80 for unit in units)
    return b"".join([bytes([forbidden | nri | _STAP_A]), *(len(unit).to_bytes(2, "big") + unit for unit in units)])


def _fragments(unit: bytes, limit_bytes: int) -> list[bytes]:
    header, kind, body = unit[0], unit[0] & _TYPE_MASK, unit[1:]
    count = -(-len(body) // (limit_bytes - 2))
    size = -(-len(body) // count)
    indicator = (header & 0xE0) | _FU_A
    fragments = []
    for number in range(count):
        flags = (0x80 if number == 0 else 0) | (0x40 if number == count - 1 else 0)
        fragments.append(bytes([indicator, flags | kind]) + body[number * size : (number + 1) * size])
    return fragments
