"""A viewer's sender reports: on the camera's clock, or none."""

from partner_agent.rtc import rtcp
from partner_agent.rtc.fanout import FanOut
from tests.support.fanning import DELTA, KEY, LATER, NOW, Camera, Screen


def told(camera: Camera, *, ssrc: int = 7) -> rtcp.SenderReport:
    """What the camera says of the picture it is about to send."""
    return rtcp.SenderReport(ssrc, 1_000 << 32, camera.timestamp, 900, 90_000)


def test_a_viewer_s_report_is_on_the_camera_s_clock_and_its_own_account(fan: FanOut, camera: Camera):
    """The NTP time is the ingest's, the media time the stream's, the counts this viewer's payload."""
    early, screen = Screen("ses_1"), Screen("ses_2")
    fan.add(early.viewer, NOW)
    camera.picture(KEY)
    camera.picture(KEY)
    fan.add(screen.viewer, NOW)
    fan.keep_clock(told(camera), NOW)
    camera.picture(DELTA)

    report = fan.sender_report("ses_2", NOW)

    assert report is not None
    assert (report.ssrc, report.ntp) == (99, 1_000 << 32)
    assert report.timestamp == screen.packets[-1].timestamp
    assert report.packets == len(KEY) + 1
    assert report.octets == sum(len(packet.payload) for packet in screen.packets)
    other = fan.sender_report("ses_1", NOW)
    assert other is not None
    assert other.packets == 2 * len(KEY) + 1


def test_a_report_between_two_of_the_ingest_goes_on_along_the_same_line(fan: FanOut, camera: Camera):
    """Both times move together; a minute without a word of the ingest ends it."""
    fan.add(Screen(until=float("inf")).viewer, NOW)
    camera.picture(KEY)
    fan.keep_clock(told(camera), NOW)
    first, second = fan.sender_report("ses_1", NOW), fan.sender_report("ses_1", NOW + 2.5)

    assert first is not None
    assert second is not None
    assert second.ntp - first.ntp == 5 << 31
    assert second.timestamp - first.timestamp == 225_000
    assert fan.sender_report("ses_1", NOW + 61) is None


def test_no_clock_is_invented(fan: FanOut, camera: Camera):
    """No report before the ingest's first, of another source's, after a reconnect, or to who may not see."""
    fan.add(Screen("ses_1").viewer, NOW)
    fan.add(Screen("ses_2", until=float("-inf")).viewer, NOW)
    fan.keep_clock(told(camera), NOW)
    camera.picture(KEY)
    assert fan.sender_report("ses_1", NOW) is None

    fan.keep_clock(told(camera, ssrc=8), NOW)
    assert fan.sender_report("ses_1", NOW) is None

    fan.keep_clock(told(camera), NOW)
    assert fan.sender_report("ses_1", NOW) is not None
    assert fan.sender_report("ses_2", NOW) is None
    assert fan.sender_report("ses_1", LATER) is None

    Camera(fan, ssrc=9).picture(KEY)
    assert fan.sender_report("ses_1", NOW) is None
