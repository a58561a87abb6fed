"""What is made of a viewer's reports."""

from gateway.live.relay.quality import SENT_REPORTS, Quality
from partner_agent.rtc import rtcp

OURS, NTP, NOW = 99, 5_000 << 32 | 0x8000_0000, 100.0


def block(*, ssrc: int = OURS, last_report: int = 0, delay_s: float = 0.0, lost_of_256: int = 64) -> rtcp.Heard:
    """One report block."""
    said = rtcp.ReportBlock(ssrc, lost_of_256, 12, 7, 900, last_report, round(delay_s * 65_536))
    return rtcp.Heard(blocks=[said])


def test_losses_and_jitter_are_the_newest_report_s():
    """In permille and milliseconds; nothing is said of a round trip that was not measured."""
    quality = Quality()

    quality.take(block(), ssrc=OURS, now=NOW)

    figures = quality.figures()
    assert (figures["lost_permille"], figures["lost_packets"], figures["jitter_ms"]) == (250, 12, 10)
    assert "rtt_ms" not in figures


def test_the_round_trip_is_measured_by_our_own_clock():
    """From the report it answers, less what the viewer waited, whatever the camera's clock says."""
    quality = Quality()
    quality.reported(NTP, NOW)

    quality.take(block(last_report=rtcp.middle(NTP), delay_s=0.75), ssrc=OURS, now=NOW + 1)

    assert quality.figures()["rtt_ms"] == 250


def test_made_up_round_trips_are_none():
    """An answer to no report of ours, one that waited longer than it took, and one of hours."""
    quality = Quality()
    quality.reported(NTP, NOW)

    quality.take(block(last_report=12_345), ssrc=OURS, now=NOW + 1)
    quality.take(block(last_report=rtcp.middle(NTP)), ssrc=OURS, now=NOW + 7_200)
    assert quality.rtt_s is None

    quality.take(block(last_report=rtcp.middle(NTP), delay_s=30), ssrc=OURS, now=NOW + 1)
    assert quality.rtt_s == 0


def test_reports_on_others_change_nothing():
    """A viewer may report on sources that are not ours."""
    quality = Quality()

    quality.take(block(ssrc=OURS + 1), ssrc=OURS, now=NOW)

    assert quality.figures()["lost_packets"] == 0


def test_what_the_way_carries_is_kept_and_what_is_remembered_is_bounded():
    """The newest REMB, and the last few of our own reports."""
    quality = Quality()
    for number in range(100):
        quality.reported(number << 32, NOW + number)
        heard = rtcp.Heard(remb_bps=number * 1_000)
        quality.take(heard, ssrc=OURS, now=NOW + number)

    assert quality.figures()["remb_bps"] == 99_000
    assert len(quality._sent) == SENT_REPORTS
