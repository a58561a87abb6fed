"""Packets once more: what the ring keeps, what a retransmission looks like, and how much of it there can be."""

import pytest
from pylibsrtp import Policy, Session

from partner_agent.rtc import ring, rtp, rtx, srtp
from partner_agent.rtc.ring import Packet, Ring
from tests.fakes.protector import PlainProtector

NOW = 100.0


def packet(number: int, size: int = 100) -> Packet:
    """A packet of the stream."""
    return Packet(number, number % 5 == 0, number * 3_000, bytes([number % 256]) * size)


def stream() -> rtx.Retransmitter:
    """A peer's retransmissions."""
    return rtx.Retransmitter(ssrc=8, payload_type=97, protector=PlainProtector())


def test_the_ring_is_bounded_by_number_bytes_and_age(monkeypatch: pytest.MonkeyPatch):
    """Whichever comes first; what has left is not found."""
    kept = Ring()
    for number in range(3_000):
        kept.put([packet(number, 10)], NOW)
    assert len(kept) == ring.RING_PACKETS
    assert kept.get(2_999, NOW) == packet(2_999, 10)
    assert kept.get(3_000 - ring.RING_PACKETS - 1, NOW) is None

    kept.put([packet(4_000)], NOW + ring.RING_S + 0.1)
    assert len(kept) == 1
    assert kept.get(4_000, NOW + 2 * ring.RING_S + 0.2) is None

    monkeypatch.setattr(ring, "RING_BYTES", 1_000)
    for number in range(20):
        kept.put([packet(number)], NOW + 3)
    assert sorted(number for number in range(20) if number in kept) == list(range(10, 20))


def test_a_packet_larger_than_the_ring_leaves_it_empty(monkeypatch: pytest.MonkeyPatch):
    """Nothing is kept beyond the bound, not even one."""
    monkeypatch.setattr(ring, "RING_BYTES", 50)
    kept = Ring()

    kept.put([packet(1)], NOW)

    assert len(kept) == 0


def test_a_retransmission_is_the_packet_under_another_name():
    """RFC 4588 §4: own source, payload type and number, the original number in front, time and marker as they were."""
    (datagram,) = stream().repeat([(packet(5), 65_535)], NOW)

    again = rtp.parse(datagram)
    assert again == rtp.RtpPacket(True, 97, 0, 15_000, 8, b"\xff\xff" + b"\x05" * 100)
    assert datagram.hex() == "80e1000000003a9800000008" + "ffff" + "05" * 100
    assert rtx.original(again, ssrc=7, payload_type=96) == rtp.RtpPacket(True, 96, 65_535, 15_000, 7, b"\x05" * 100)


def test_a_probe_without_a_packet_repeats_nothing():
    """A retransmission stream may carry padding alone."""
    assert rtx.original(rtp.RtpPacket(False, 97, 1, 2, 8, b"\x00\x01"), ssrc=7, payload_type=96) is None


def test_the_same_packet_is_repeated_four_times_under_four_indexes_and_no_more():
    """Whoever asks for ever gets what a lossy way may need; no index is used twice."""
    repeating = stream()

    datagrams = [datagram for _ in range(9) for datagram in repeating.repeat([(packet(5), 5)], NOW)]

    assert [rtp.parse(datagram).sequence for datagram in datagrams] == [0, 1, 2, 3]
    assert (repeating.packets, repeating.refused) == (rtx.MOST_TIMES, 5)


def test_repeating_is_bounded_in_bytes_a_second():
    """A burst first, then the refill, whatever is asked; the rest is refused, not owed."""
    repeating, size = stream(), 1_000

    def ask(first: int, now: float) -> int:
        return sum(map(len, repeating.repeat([(packet(n, size), n) for n in range(first, first + 2_000)], now)))

    assert rtx.BURST_BYTES - 2 * size < ask(0, NOW) <= rtx.BURST_BYTES
    assert ask(2_000, NOW) == 0
    assert rtx.REFILL_BYTES_S / 2 - 2 * size < ask(4_000, NOW + 0.5) <= rtx.REFILL_BYTES_S / 2
    assert ask(6_000, NOW + 1_000) <= rtx.BURST_BYTES


def test_what_is_remembered_of_repetitions_is_bounded():
    """A view of many hours over a bad way grows no table."""
    repeating = stream()
    for number in range(10_000):
        repeating.repeat([(packet(number, 1), number)], NOW + number)

    assert len(repeating._times) <= 2 * ring.RING_PACKETS + 1


def test_libsrtp_reads_both_streams_of_one_peer():
    """Media and retransmissions under one master key, each source with its own indexes."""
    master = bytes(range(28))
    policy = Policy(key=master, ssrc_type=Policy.SSRC_ANY_INBOUND, srtp_profile=Policy.SRTP_PROFILE_AEAD_AES_128_GCM)
    session = Session(policy)
    media = srtp.GcmProtector.from_master(key=master[:16], salt=master[16:], ssrc=7)
    again = srtp.GcmProtector.from_master(key=master[:16], salt=master[16:], ssrc=8)
    repeating = rtx.Retransmitter(ssrc=8, payload_type=97, protector=again)

    head = rtp.header(is_last=False, payload_type=96, sequence=9, timestamp=1, ssrc=7)
    assert session.unprotect(media.protect(head, b"picture", 9)) == head + b"picture"
    for number in range(5):
        (datagram,) = repeating.repeat([(packet(number), number)], NOW)
        assert rtp.parse(session.unprotect(datagram)).payload[2:] == packet(number).payload


def test_a_peer_that_names_without_end_is_looked_for_no_longer():
    """Each number once; what is more than the budget is not even looked for, and a second gives some of it back."""
    again = stream()

    assert again.considered([5, 6, 5, 5], NOW) == [5, 6]
    assert len(again.considered(range(5_000), NOW)) == rtx.BURST_WANTED - 2
    assert again.considered([7], NOW) == []
    assert len(again.considered(range(5_000), NOW + 0.5)) == rtx.REFILL_WANTED_S // 2
    assert again.refused > 0
    assert len(again.considered(range(5_000), NOW + 60)) == rtx.BURST_WANTED
