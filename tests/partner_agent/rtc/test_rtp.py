"""RTP headers, and sequence numbers that never wrap."""

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from partner_agent.rtc import rtcp, rtp


def test_a_header_reads_back():
    """What we write, we read."""
    head = rtp.header(is_last=True, payload_type=102, sequence=65536 + 7, timestamp=2**32 + 9, ssrc=5)

    assert rtp.parse(head + b"pay") == rtp.RtpPacket(True, 102, 7, 9, 5, b"pay")


def test_extensions_sources_and_padding_are_skipped():
    """Only the payload is left."""
    head = bytearray(rtp.header(is_last=False, payload_type=96, sequence=1, timestamp=2, ssrc=3))
    head[0] |= 0x20 | 0x10 | 1
    data = bytes(head) + b"CSRC" + b"\xbe\xde\x00\x01" + b"ext!" + b"payload" + b"\x00\x00\x03"

    assert rtp.parse(data).payload == b"payload"


@pytest.mark.parametrize(
    "data", [b"", b"\x80" * 11, b"\x00" * 12, b"\x90" + b"\x00" * 11, b"\xa0" + b"\x00" * 10 + b"\xff"]
)
def test_what_is_not_rtp_is_refused(data: bytes):
    """Short, foreign or lying packets raise, and nothing else happens."""
    with pytest.raises(rtp.NotRtpError):
        rtp.parse(data)


@given(st.binary(max_size=80))
def test_no_bytes_break_the_parsers(data: bytes):
    """Hostile bytes are refused or skipped."""
    with contextlib.suppress(rtp.NotRtpError):
        rtp.parse(data)
    rtcp.read(data)


def test_indexes_go_on_over_the_wrap_and_reordering():
    """A late packet gets the index it should have had."""
    found = [rtp.nearest(n, newest) for n, newest in ((65_535, 65_534), (1, 65_535), (0, 65_537), (65_533, 65_537))]

    assert found == [65_535, 65_537, 65_536, 65_533]


def test_a_plea_is_found_behind_a_report():
    """PLI travels in a compound packet."""
    assert rtcp.read(rtcp.key_frame_request(1, 2)).wants_key_frame
    assert not rtcp.read(rtcp.receiver_report(1, 2, highest=3, lost=0, lost_of_256=0)).wants_key_frame
