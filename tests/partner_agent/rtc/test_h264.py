"""H.264 payloads: what goes in comes out, fits, and a key frame is seen wherever it hides."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from partner_agent.rtc import h264

SPS, PPS, SEI, AUD = b"\x67sps", b"\x68pps", b"\x06sei", b"\x09\x10"
IDR, SLICE = b"\x65" + b"i" * 50, b"\x41" + b"p" * 50
UNITS = st.lists(st.binary(min_size=1, max_size=3000).map(lambda body: bytes([0x41]) + body), min_size=1, max_size=6)


def depacketise(payloads: list[bytes]) -> list[bytes]:
    """RFC 6184 the other way round."""
    units: list[bytes] = []
    for payload in payloads:
        kind = payload[0] & 31
        if kind == 24:
            units += h264.aggregated(payload)
        elif kind == 28:
            if payload[1] & 0x80:
                units.append(bytes([payload[0] & 0xE0 | payload[1] & 31]))
            units[-1] += payload[2:]
        else:
            units.append(payload)
    return units


@given(UNITS)
def test_packetised_units_come_back(units: list[bytes]):
    """Whatever the sizes, each payload fits and the units can be put together again."""
    payloads = h264.packetise(units, 1200)

    assert all(len(payload) <= 1200 for payload in payloads)
    assert depacketise(payloads) == units


def test_an_aggregate_takes_the_highest_importance():
    """The NRI of a STAP-A is the highest of its units (RFC 6184 §5.7)."""
    assert h264.packetise([b"\x06sei", b"\x67sps"])[0][0] == 0x60 | 24


@pytest.mark.parametrize(
    ("payload", "is_key"),
    [
        (IDR, True),
        (SPS, True),
        (SLICE, False),
        (PPS, False),
        (b"", False),
        (h264.packetise([AUD, SEI, SPS, PPS, IDR])[0], True),
        (h264.packetise([AUD, SEI, SLICE])[0], False),
        (h264.packetise([b"\x65" + b"i" * 3000])[0], True),
        (h264.packetise([b"\x65" + b"i" * 3000])[1], False),
        (h264.packetise([b"\x41" + b"p" * 3000])[0], False),
        (b"\x7c", False),
        (b"\x78\xff\xff\x65", False),
        (b"\x78\x00\x00\x00", False),
    ],
)
def test_a_key_frame_is_seen(payload: bytes, is_key: bool):
    """An IDR or SPS is found alone, in an aggregate behind AUD and SEI, and at the start of fragments only."""
    assert h264.starts_key_unit(payload) == is_key


@given(st.binary(max_size=64))
def test_hostile_payloads_are_walked_to_their_end(payload: bytes):
    """No payload makes the walk fail."""
    h264.starts_key_unit(payload)
