"""Sound's own core: who hears what, and above all who does not."""

from dataclasses import dataclass, field

import pytest

from partner_agent.rtc import h264, rtcp, rtp
from partner_agent.rtc.fanout import FanOut
from partner_agent.rtc.listening import Listener, Listening
from partner_agent.rtc.sdp_sound import Codec, Sound
from partner_agent.rtc.viewer import Viewer
from tests.fakes.protector import PlainProtector

KEY = h264.packetise([b"\x67s", b"\x68p", b"\x65" + b"i" * 20])
NOW, LATER = 100.0, 110.0
TAKES = Sound(((Codec.OPUS, 111), (Codec.PCMU, 0)))


@dataclass
class Stage:
    """A publication with pictures and sound."""

    fanout: FanOut = field(default_factory=lambda: FanOut(ssrc=99))
    broken: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.listening = Listening(self.fanout, ssrc=50, on_broken=lambda session, _error: self.broken.append(session))
        self.listening.take_from(Sound(((Codec.PCMU, 0), (Codec.OPUS, 96))))
        self.sequence, self.timestamp = 65_534, 1_000

    def pictures(self, now: float = NOW) -> None:
        for number, payload in enumerate(KEY):
            head = rtp.header(is_last=number == 2, payload_type=102, sequence=number, timestamp=9, ssrc=7)
            self.fanout.push(head + payload, now)

    def says(self, payload: bytes, now: float = NOW, *, payload_type: int = 0, ssrc: int = 8) -> None:
        packet = rtp.RtpPacket(False, payload_type, self.sequence % 65_536, self.timestamp, ssrc, payload)
        self.listening.take(packet, now)
        self.sequence += 1
        self.timestamp += 160

    def hears(self, session: str = "ses_1", *, until: float = LATER, sound: Sound = TAKES) -> list[rtp.RtpPacket]:
        """A viewer that sees and hears; what of sound it gets."""
        got: list[rtp.RtpPacket] = []

        def take(datagrams: list[bytes]) -> None:
            got.extend(packet for packet in map(rtp.parse, datagrams) if packet.ssrc == 50)

        viewer = Viewer(session, 102, PlainProtector(), take, until=until)
        self.fanout.add(viewer, NOW)
        self.listening.add(Listener(viewer, sound, PlainProtector()))
        return got


@pytest.fixture
def stage() -> Stage:
    """Pictures run."""
    made = Stage()
    made.pictures()
    return made


def test_who_was_not_added_hears_nothing(stage: Stage):
    """Seeing is not hearing."""
    got = stage.hears()
    stage.listening.remove("ses_1")

    stage.says(b"hush")

    assert got == []


def test_whoever_is_out_of_the_pictures_hears_nothing(stage: Stage):
    """Ending a view takes it from the pictures' table; its sound ends with that, without another word."""
    got = stage.hears()
    stage.says(b"one")

    stage.fanout.remove("ses_1")
    stage.says(b"two")

    assert [packet.payload for packet in got] == [b"one"]


def test_nobody_hears_after_their_time_or_before_their_first_picture(stage: Stage):
    """A lease that ran out ends both; sound never comes before the picture it belongs to."""
    over = stage.hears("ses_1", until=NOW)
    blank = Stage()
    early = blank.hears()

    stage.says(b"hush")
    blank.says(b"hush")

    assert over == early == []


def test_another_view_of_the_same_name_hears_nothing(stage: Stage):
    """A listener belongs to one entry among the pictures, not to its name."""
    got = stage.hears()
    former = stage.listening.remove("ses_1")
    assert former is not None
    stage.fanout.add(Viewer("ses_1", 102, PlainProtector(), lambda _: None, until=LATER), NOW)
    stage.listening.add(former)

    stage.says(b"hush")

    assert got == []


def test_sound_goes_as_it_came_under_the_viewer_s_own_names(stage: Stage):
    """The payload is the camera's to the byte; numbers go on over a wrap, and each viewer has its payload types."""
    got, other = stage.hears(), stage.hears("ses_2", sound=Sound(((Codec.PCMU, 77),)))

    for payload in (b"a", b"b", b"c"):
        stage.says(payload)
    stage.says(b"opus", payload_type=96)

    assert [packet.payload for packet in got] == [b"a", b"b", b"c", b"opus"]
    assert [packet.payload_type for packet in got] == [0, 0, 0, 111]
    assert [(packet.sequence - got[0].sequence) % 65_536 for packet in got] == [0, 1, 2, 3]
    assert [packet.timestamp - got[0].timestamp for packet in got[:3]] == [0, 160, 320]
    assert [(packet.payload_type, packet.payload) for packet in other] == [(77, b"a"), (77, b"b"), (77, b"c")]


def test_what_the_publisher_did_not_negotiate_is_dropped(stage: Stage):
    """An unknown payload type is no sound, and neither is an empty packet."""
    got = stage.hears()

    stage.says(b"what", payload_type=33)
    stage.says(b"")
    stage.listening.take_from(None)
    stage.says(b"late")

    assert got == []


def test_a_packet_that_comes_twice_goes_out_once(stage: Stage):
    """A repeated index would be a repeated nonce."""
    got = stage.hears()

    stage.says(b"once")
    stage.sequence -= 1
    stage.says(b"once")

    assert len(got) == 1


def test_numbers_go_on_over_a_publisher_that_comes_back(stage: Stage):
    """Another source: neither number nor time jumps back."""
    got = stage.hears()
    stage.says(b"a")
    stage.sequence, stage.timestamp = 5, 70

    stage.says(b"b", NOW + 1, ssrc=9)

    assert (got[1].sequence - got[0].sequence) % 65_536 == 1
    assert (got[1].timestamp - got[0].timestamp) % (1 << 32) == 8_000


def test_a_listener_that_cannot_be_served_breaks_alone(stage: Stage):
    """The others hear on."""

    class Broken(PlainProtector):
        def protect(self, header: bytes, payload: bytes, index: int) -> bytes:
            raise OSError("broken")

    stage.hears("ses_1")
    listener = stage.listening.remove("ses_1")
    assert listener is not None
    listener.protector = Broken()
    stage.listening.add(listener)
    got = stage.hears("ses_2")

    stage.says(b"a")

    assert stage.broken == ["ses_1"]
    assert len(got) == 1


def test_the_sender_report_is_on_the_publisher_s_clock(stage: Stage):
    """Its wall time carried on, its media time on the clock of the codec; nothing is invented before one came."""
    got = stage.hears()
    stage.says(b"abcd")
    assert stage.listening.sender_report("ses_1", NOW) is None
    stage.listening.keep_clock(rtcp.SenderReport(ssrc=8, ntp=5 << 32, timestamp=1_000, packets=1, octets=4), NOW)

    report = stage.listening.sender_report("ses_1", NOW + 2)

    assert report is not None
    assert (report.ssrc, report.ntp, report.packets, report.octets) == (50, 7 << 32, 1, 4)
    assert (report.timestamp - got[0].timestamp) % (1 << 32) == 16_000
    stage.fanout.remove("ses_1")
    assert stage.listening.sender_report("ses_1", NOW + 2) is None


def test_what_arrives_is_counted_by_the_clock_of_its_codec(stage: Stage):
    """Packets that come as they were made have no jitter, whether anybody hears them or not."""
    assert stage.listening.report(NOW) is None
    for number in range(50):
        stage.says(b"a", NOW + number * 0.02)
    block = stage.listening.report(NOW + 1)

    assert block is not None
    assert (block.ssrc, block.lost, block.jitter) == (8, 0, 0)
    assert block.highest == 65_534 + 49


def test_another_codec_or_source_is_counted_anew_and_a_silent_one_is_not_reported(stage: Stage):
    """A report is on what was heard since the last one (RFC 3550 §6.4)."""
    stage.says(b"a")
    stage.says(b"o", payload_type=96)
    stage.sequence += 3
    stage.says(b"o", payload_type=96)
    block = stage.listening.report(NOW)
    assert block is not None
    assert block.lost == 3

    assert stage.listening.report(NOW + 1) is None
    stage.says(b"a", ssrc=9)
    other = stage.listening.report(NOW + 2)

    assert other is not None
    assert (other.ssrc, other.lost) == (9, 0)
