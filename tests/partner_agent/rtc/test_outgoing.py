"""One uplink's packets: in order, once, repeated by request, and on the agent's clock."""

from datetime import UTC, datetime, timedelta

import pytest

from partner_agent.rtc import h264, nal, outgoing, rtcp, rtp, rtx
from partner_agent.rtc.outgoing import OutgoingStream
from partner_agent.rtc.units import AccessUnit
from tests.fakes.protector import PlainProtector

NOW, AT = 100.0, datetime(2026, 11, 28, 12, 0, tzinfo=UTC)
UNITS = [b"\x67s", b"\x68p", b"\x65" + b"i" * 3_000]


def stream(*, is_repairing: bool = True) -> OutgoingStream:
    """An uplink as SSRC 7, its repetitions as 8."""
    again = rtx.Retransmitter(ssrc=8, payload_type=97, protector=PlainProtector()) if is_repairing else None
    return OutgoingStream(ssrc=7, protector=PlainProtector(), retransmitter=again)


def unit(pts_90k: int = 0, *, captured_at: datetime | None = None) -> AccessUnit:
    """One key picture."""
    return AccessUnit(nal.join(UNITS), pts_90k, True, captured_at)


def test_a_picture_leaves_in_numbered_packets():
    """One time, one source, the marker at its end, numbers that go on."""
    uplink = stream()

    packets = [rtp.parse(data) for _ in range(2) for data in uplink.datagrams(unit(), NOW)]

    assert [packet.payload for packet in packets] == h264.packetise(UNITS) * 2
    numbers = [packet.sequence for packet in packets]
    assert numbers == list(range(numbers[0], numbers[0] + len(packets)))
    assert [packet.is_last for packet in packets] == ([False] * (len(packets) // 2 - 1) + [True]) * 2
    assert {(packet.ssrc, packet.payload_type) for packet in packets} == {(7, 96)}
    assert numbers[0] < 0x8000


def test_what_the_relay_lost_is_repeated_in_a_stream_of_its_own():
    """The very packet, under another source and payload type."""
    uplink = stream()
    sent = [rtp.parse(data) for data in uplink.datagrams(unit(), NOW)]

    again = [rtp.parse(data) for data in uplink.repeated([(7, sent[1].sequence), (7, sent[0].sequence)], NOW)]

    assert {(packet.ssrc, packet.payload_type) for packet in again} == {(8, 97)}
    assert [rtx.original(packet, ssrc=7, payload_type=96) for packet in again] == [sent[1], sent[0]]


@pytest.mark.parametrize("is_repairing", [True, False])
def test_nothing_else_is_repeated(is_repairing: bool):
    """Not another source's, not what was never sent, not what is too old; nothing where no RTX was negotiated."""
    uplink = stream(is_repairing=is_repairing)
    number = rtp.parse(uplink.datagrams(unit(), NOW)[0]).sequence

    assert uplink.repeated([(8, number), (7, (number - 1) % 65_536), (7, number + 500)], NOW) == []
    assert bool(uplink.repeated([(7, number)], NOW)) is is_repairing
    assert uplink.repeated([(7, number)], NOW + 10) == []


def test_what_the_site_cannot_spare_is_not_repeated():
    """The owner's bound counts each packet that would leave again, and is asked before it is made."""
    asked: list[int] = []

    def spares(size: int) -> bool:
        asked.append(size)
        return len(asked) < 2

    again = rtx.Retransmitter(ssrc=8, payload_type=97, protector=PlainProtector(), spares=spares)
    uplink = OutgoingStream(ssrc=7, protector=PlainProtector(), retransmitter=again)
    sent = [rtp.parse(data) for data in uplink.datagrams(unit(), NOW)]

    repeated = uplink.repeated([(7, packet.sequence) for packet in sent[:3]], NOW)

    assert [len(data) for data in repeated] == asked[:1]
    assert len(asked) == 3


def test_who_names_packets_without_end_is_not_looked_after():
    """No more numbers are looked for than there can be."""
    uplink = stream()
    uplink.datagrams(unit(), NOW)
    for _ in range(5):
        uplink.repeated([(7, number) for number in range(2_048)], NOW)

    number = rtp.parse(uplink.datagrams(unit(), NOW)[0]).sequence
    assert uplink.repeated([(7, number)], NOW) == []


def test_each_second_it_says_which_moment_is_which():
    """The first report at once, the next a second later, with what was sent until then."""
    uplink = stream()
    sent = [rtp.parse(data) for data in uplink.datagrams(unit(), NOW)]
    first = uplink.report(unit(), at=AT, now=NOW)
    assert uplink.report(unit(), at=AT, now=NOW + 0.9) is None
    second = uplink.report(unit(90_000), at=AT + timedelta(seconds=1), now=NOW + 1)

    assert first is not None
    assert second is not None
    said, later = rtcp.read(first).sender, rtcp.read(second).sender
    assert said is not None
    assert later is not None
    assert said == rtcp.SenderReport(
        7, rtcp.ntp_of(AT), sent[0].timestamp, len(sent), sum(len(packet.payload) for packet in sent)
    )
    assert (later.ntp - said.ntp, (later.timestamp - said.timestamp) % (1 << 32)) == (1 << 32, 90_000)
    assert first.endswith(rtcp.description(7, "live"))


def test_the_moment_a_picture_was_taken_counts_where_it_is_known():
    """A picture of the cache was taken a while ago; a capture time that cannot be is not used."""
    uplink = stream()
    sent = rtp.parse(uplink.datagrams(unit(), NOW)[0]).timestamp

    old = uplink.report(unit(captured_at=AT - timedelta(seconds=2)), at=AT, now=NOW)
    absurd = uplink.report(unit(captured_at=AT + timedelta(hours=1)), at=AT, now=NOW + outgoing.REPORT_S)

    for report, ahead in ((old, 180_000), (absurd, 0)):
        assert report is not None
        said = rtcp.read(report).sender
        assert said is not None
        assert (said.timestamp - sent) % (1 << 32) == ahead
