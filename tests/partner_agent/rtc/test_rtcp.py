"""RTCP: what peers write is read, what we write another implementation reads, and no bytes do harm."""

from datetime import UTC, datetime

import pytest
from aiortc import rtp as other
from hypothesis import given
from hypothesis import strategies as st

from partner_agent.rtc import rtcp

BLOCK = bytes.fromhex("0000002a 40 fffffe 00010005 00000011 b44d8000 00010000")


def test_a_receiver_report_reads_as_rfc_3550_lays_it_out():
    """§6.4.2: fraction lost in 256ths, a loss count that may be negative, and the report it answers."""
    heard = rtcp.read(bytes.fromhex("81c90007 00000007") + BLOCK)

    assert heard.blocks == [rtcp.ReportBlock(42, 64, -2, 0x10005, 17, 0xB44D8000, 65_536, reporter=7)]
    assert heard.sender is None


def test_a_sender_report_reads_as_rfc_3550_lays_it_out():
    """§6.4.1: NTP time, RTP time and counts, and the blocks behind them."""
    heard = rtcp.read(bytes.fromhex("81c8000c 0000002a e5b44d80 80000000 00015f90 00000003 00000bb8") + BLOCK)

    assert heard.sender == rtcp.SenderReport(42, 0xE5B44D80_80000000, 90_000, 3, 3_000)
    assert [block.ssrc for block in heard.blocks] == [42]


def test_a_generic_nack_names_a_packet_and_a_mask_over_the_next_sixteen():
    """RFC 4585 §6.2.1; numbers go on over the wrap."""
    heard = rtcp.read(bytes.fromhex("81cd0004 00000001 0000002a fffe8003 00100000"))

    assert heard.wanted == [(42, 65_534), (42, 65_535), (42, 0), (42, 14), (42, 16)]
    assert not heard.wants_key_frame


@pytest.mark.parametrize("sequences", [[5], [5, 6, 21], [5, 22], [65_535, 0, 3, 900], list(range(40))])
def test_a_nack_of_ours_is_read_elsewhere(sequences: list[int]):
    """By aiortc, and by ourselves: exactly the packets that were named."""
    data = rtcp.loss_report(1, 42, sequences)

    assert rtcp.read(data).wanted == [(42, sequence) for sequence in sequences]
    (report, nack) = other.RtcpPacket.parse(data)
    assert isinstance(report, other.RtcpRrPacket)
    assert isinstance(nack, other.RtcpRtpfbPacket)
    assert (nack.fmt, nack.media_ssrc, [number % 65_536 for number in nack.lost]) == (1, 42, sequences)


def test_reports_of_ours_are_read_elsewhere():
    """SR, SDES and RR say to aiortc what they were given."""
    sender = rtcp.SenderReport(42, 5 << 32 | 9, 2**32 + 7, 3, 2**32 + 100)
    data = rtcp.sender_report(sender) + rtcp.description(42, "live")
    first, second = other.RtcpPacket.parse(data)
    assert isinstance(first, other.RtcpSrPacket)
    assert isinstance(second, other.RtcpSdesPacket)
    assert (first.ssrc, first.sender_info.ntp_timestamp, first.sender_info.rtp_timestamp) == (42, 5 << 32 | 9, 7)
    assert (first.sender_info.packet_count, first.sender_info.octet_count) == (3, 100)
    assert [(chunk.ssrc, chunk.items) for chunk in second.chunks] == [(42, [(1, b"live")])]

    report = rtcp.receiver_report(
        1, 42, highest=2**32 + 5, lost=-3, lost_of_256=64, jitter=9, last_report=77, delay_65536=8
    )
    (only,) = other.RtcpPacket.parse(report)
    assert isinstance(only, other.RtcpRrPacket)
    (block,) = only.reports
    assert (block.ssrc, block.fraction_lost, block.packets_lost, block.highest_sequence) == (42, 64, -3, 5)
    assert (block.jitter, block.lsr, block.dlsr) == (9, 77, 8)


@pytest.mark.parametrize("name", ["l", "li", "liv", "live", "lively"])
def test_a_description_ends_on_a_word(name: str):
    """RFC 3550 §6.5: at least one null octet, and then up to the word."""
    (only,) = other.RtcpPacket.parse(rtcp.description(1, name))

    assert isinstance(only, other.RtcpSdesPacket)
    assert only.chunks[0].items == [(1, name.encode())]


def test_what_the_way_carries_is_read():
    """REMB: a mantissa of 18 bits and an exponent of 6 (draft-alvestrand-rmcat-remb-03 §2.2); absurd ones are held."""
    head = "8fce0005 00000001 00000000 52454d42"

    assert rtcp.read(bytes.fromhex(head + "010bd090 0000002a")).remb_bps == 0x3D090 << 2 == 1_000_000
    assert rtcp.read(bytes.fromhex(head + "01ffffff 0000002a")).remb_bps == rtcp.MAX_REMB_BPS
    assert rtcp.read(bytes.fromhex(head + "02ffffff 0000002a")).remb_bps is None
    assert rtcp.read(bytes.fromhex(head[:-2] + "43" + "010bd090 0000002a")).remb_bps is None


def test_padding_is_not_read_as_feedback():
    """RFC 3550 §6.4.1: the last octet says how many are none of the packet's."""
    data = bytes.fromhex("a1cd0004 00000001 0000002a 00100000 00000004")

    assert rtcp.read(data).wanted == [(42, 16)]
    assert rtcp.read(data[:-1] + b"\xff").wanted == []


def test_pleas_and_goodbyes_are_found_behind_others():
    """Each packet of a compound one counts, and what follows a lying length does not."""
    both = rtcp.key_frame_request(1, 2) + bytes.fromhex("81cb0001 00000001")
    assert rtcp.read(both).wants_key_frame
    assert rtcp.read(both).gone == [1]
    assert rtcp.read(bytes.fromhex("80c90009 00000001") + both).gone == []


@pytest.mark.parametrize(
    ("data", "gone"),
    [
        ("82cb0002 00000001 0000002a", [1, 42]),
        ("81cb0003 00000001 06627965 21212100", [1]),  # with its reason
        ("80cb0000", []),
        ("83cb0002 00000001 0000002a", []),  # names more than it holds
        ("9fcb0001 00000001", []),
    ],
)
def test_a_goodbye_names_its_sources(data: str, gone: list[int]):
    """RFC 3550 §6.6: none, one or several, perhaps with a reason; one that lies says nothing."""
    assert rtcp.read(bytes.fromhex(data)).gone == gone


def test_a_moment_is_written_as_ntp_does():
    """Seconds since 1900, and a binary fraction; reports name the middle."""
    ntp = rtcp.ntp_of(datetime(1970, 1, 1, 0, 0, 1, 500_000, tzinfo=UTC))

    assert ntp == 2_208_988_801 << 32 | 1 << 31
    assert rtcp.middle(ntp) == (2_208_988_801 & 0xFFFF) << 16 | 0x8000


HEADS = st.tuples(st.integers(0, 255), st.sampled_from([200, 201, 202, 203, 205, 206, 207]), st.integers(0, 12))
PACKETS = st.builds(
    lambda head, body: bytes([head[0], head[1]]) + head[2].to_bytes(2, "big") + body, HEADS, st.binary(max_size=48)
)


@given(st.one_of(st.binary(max_size=400), st.lists(PACKETS, max_size=8).map(b"".join)))
def test_no_bytes_raise_and_what_is_read_is_bounded(data: bytes):
    """Any bytes, and any that look like packets: never an exception, never more than the bounds, and all in range."""
    heard = rtcp.read(data)

    assert len(heard.wanted) <= rtcp.MAX_WANTED
    assert len(heard.blocks) <= 31 * rtcp.MAX_PACKETS
    assert all(0 <= sequence < 1 << 16 for _, sequence in heard.wanted)
    assert all(-(1 << 23) <= block.lost < 1 << 23 for block in heard.blocks)
    assert heard.remb_bps is None or 0 <= heard.remb_bps <= rtcp.MAX_REMB_BPS


@pytest.mark.parametrize(
    "unit", ["80c90000", "81cd0003 00000001 0000002a 0000ffff", "8fcd0004 00000001 0000002a 0000ffff 00000000"]
)
def test_the_longest_datagram_is_read_in_bounded_work(unit: str):
    """64 kB of the smallest packets, of nacks, or of runs of nothing: the walk ends at its bound."""
    piece = bytes.fromhex(unit)

    heard = rtcp.read(piece * (65_000 // len(piece)))

    assert len(heard.wanted) <= rtcp.MAX_WANTED


@given(st.lists(st.integers(0, 65_535), max_size=60, unique=True))
def test_any_losses_survive_the_way(sequences: list[int]):
    """Whatever is missing, in whatever order: what is asked for is what was named."""
    assert {sequence for _, sequence in rtcp.read(rtcp.loss_report(1, 2, sequences)).wanted} == set(sequences)
