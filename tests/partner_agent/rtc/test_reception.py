"""What arrives at the relay: losses counted, asked for, repaired, and reported as RFC 3550 reckons."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from partner_agent.rtc import reception, rtcp, rtp, rtx
from partner_agent.rtc.reception import GIVE_UP_S, MOST_ASKS, MOST_MISSING, RETRY_S, Reception
from partner_agent.rtc.ring import Packet
from tests.fakes.protector import PlainProtector

NOW = 100.0


def packet(sequence: int, *, ssrc: int = 7, timestamp: int = 0) -> rtp.RtpPacket:
    """One packet of the source."""
    return rtp.RtpPacket(False, 96, sequence % 65_536, timestamp, ssrc, b"payload")


def repeated(sequence: int) -> rtp.RtpPacket:
    """Its retransmission."""
    again = rtx.Retransmitter(ssrc=8, payload_type=97, protector=PlainProtector())
    (datagram,) = again.repeat([(Packet(sequence, False, 0, b"payload"), sequence)], NOW)
    return rtp.parse(datagram)


def receiving(*sequences: int, now: float = NOW) -> Reception:
    """A reception that asks and takes RTX, after these packets."""
    taken = Reception(asks=True, rtx_payload_type=97)
    for sequence in sequences:
        taken.take(packet(sequence), now)
    return taken


def test_packets_in_order_pass_and_leave_nothing_to_ask():
    """Over the wrap as well."""
    taken = Reception(asks=True)

    for sequence in range(65_530, 65_545):
        assert taken.take(packet(sequence), NOW) == packet(sequence)
    assert taken.due(NOW + 1) == []


def test_a_packet_that_came_is_not_taken_again():
    """Neither its copy, nor a retransmission that nobody needs, nor one from before the start."""
    taken = receiving(10, 11)

    assert taken.take(packet(11), NOW) is None
    assert taken.take(packet(9), NOW) is None
    assert taken.take(repeated(10), NOW) is None


def test_overtaking_is_not_loss():
    """One or two later packets do not make one missed, and when it comes it passes."""
    taken = receiving(1, 3, 4)

    assert taken.due(NOW) == []
    assert taken.take(packet(2), NOW) == packet(2)
    assert taken.due(NOW + 1) == []


def test_a_missing_packet_is_asked_for_after_three_later_ones_or_ten_milliseconds():
    """Whichever is first."""
    assert receiving(1, 3, 4, 5).due(NOW) == [2]
    assert receiving(1, 3).due(NOW + 0.011) == [2]


def test_asking_is_bounded_in_number_and_time():
    """Not again within a round trip, and not for ever."""
    taken = receiving(65_535, 2, 3, 4, 5)
    assert taken.due(NOW) == [0, 1]
    assert taken.due(NOW + RETRY_S / 2) == []

    asked = [taken.due(NOW + RETRY_S * (number + 1)) for number in range(8)]

    assert asked.count([0, 1]) == MOST_ASKS - 1
    assert taken.due(NOW + GIVE_UP_S) == []
    assert taken.given_up == 2
    assert taken.take(repeated(0), NOW + GIVE_UP_S) is None


def test_who_negotiated_no_nack_is_not_asked():
    """A gap stays one, and a late packet may still fill it."""
    taken = Reception()
    for sequence in (1, 3, 4, 5):
        taken.take(packet(sequence), NOW)

    assert taken.due(NOW + 0.5) == []
    assert taken.take(packet(2), NOW) == packet(2)


def test_a_retransmission_is_turned_back_once():
    """Into the packet it repeats; its copy is nothing new."""
    taken = receiving(1, 3, 4, 5)

    again = taken.take(repeated(2), NOW)

    assert again == packet(2)
    assert taken.take(repeated(2), NOW) is None
    assert taken.repaired == 1
    assert taken.due(NOW + 0.2) == []


def test_a_retransmission_before_anything_else_is_nothing():
    """There is nothing yet that it could repeat."""
    assert Reception(asks=True, rtx_payload_type=97).take(repeated(2), NOW) is None


def test_an_interruption_is_not_asked_for():
    """A gap that no picture survives, and many small ones: what is remembered stays bounded."""
    taken = receiving(1, 3, MOST_MISSING + 10)
    assert taken.due(NOW + 0.5) == []

    for sequence in range(1_000, 3_000, 2):
        taken.take(packet(sequence), NOW)
    assert len(taken.due(NOW + 0.5)) <= MOST_MISSING


def test_another_source_begins_anew():
    """A reconnected camera has numbers of its own."""
    taken = receiving(1, 2, 5)

    assert taken.take(packet(40_000, ssrc=9), NOW) == packet(40_000, ssrc=9)

    assert taken.ssrc == 9
    assert taken.due(NOW + 0.5) == []


def test_the_report_reckons_losses_as_rfc_3550_does():
    """A.3: since the last report in 256ths, altogether, and the highest number with its wraps; repairs do not count."""
    taken = receiving(65_534, 65_535, 2, 3)
    taken.take(repeated(0), NOW)
    first = taken.report(NOW)
    taken.take(packet(4), NOW)
    second = taken.report(NOW)

    assert first is not None
    assert second is not None
    assert (first.ssrc, first.lost_of_256, first.lost, first.highest) == (7, 2 * 256 // 6, 2, 65_536 + 3)
    assert (second.lost_of_256, second.lost) == (0, 2)
    assert Reception().report(NOW) is None


def test_the_report_names_the_sender_s():
    """LSR and DLSR: the middle of its NTP time, and how long ago it came; nothing for another source's."""
    taken = receiving(1)
    taken.heard(rtcp.SenderReport(9, 1 << 40, 0, 0, 0), NOW)
    nothing = taken.report(NOW)
    taken.heard(rtcp.SenderReport(7, 0xAAAA_1234_5678_BBBB, 0, 0, 0), NOW)
    block = taken.report(NOW + 0.5)

    assert nothing is not None
    assert block is not None
    assert (nothing.last_report, nothing.delay_65536) == (0, 0)
    assert (block.last_report, block.delay_65536) == (0x1234_5678, 32_768)


def test_jitter_is_smoothed_as_rfc_3550_does():
    """A.8: a sixteenth of each change of the transit time, in ticks; a steady way has none, over the wrap too."""
    steady, shaky = Reception(), Reception()
    for number in range(40):
        moment, ticks = NOW + number / 30, ((1 << 32) - 30_000 + number * 3_000) % (1 << 32)
        steady.take(packet(number, timestamp=ticks), moment)
        shaky.take(packet(number, timestamp=ticks), moment + (0.01 if number % 2 else 0))

    quiet, loud = steady.report(NOW), shaky.report(NOW)
    assert quiet is not None
    assert loud is not None
    assert quiet.jitter <= 1
    assert loud.jitter == pytest.approx(900 * (1 - (15 / 16) ** 39), abs=3)


@given(st.lists(st.tuples(st.integers(0, 400), st.booleans()), max_size=300))
def test_whatever_comes_each_packet_passes_at_most_once(arrivals: list[tuple[int, bool]]):
    """In any order, repeated in either stream, asked for at any moment."""
    taken, passed = Reception(asks=True, rtx_payload_type=97), set()
    for number, (sequence, is_again) in enumerate(arrivals):
        got = taken.take(repeated(sequence) if is_again else packet(sequence), NOW + number / 500)
        if got is not None:
            assert got.sequence == sequence not in passed
            passed.add(sequence)
        assert len(taken.due(NOW + number / 500)) <= reception.MOST_MISSING
        report = taken.report(NOW)
        assert report is None or 0 <= report.lost_of_256 <= 255
