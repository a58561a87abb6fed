"""The forwarding core: who gets what, and above all who does not."""

from dataclasses import dataclass, field

import pytest

from partner_agent.rtc import fanout, h264, rtcp, rtp, rtx
from partner_agent.rtc.fanout import FanOut, Viewer
from partner_agent.rtc.ring import RING_S
from partner_agent.rtc.rtx import Retransmitter
from tests.fakes.protector import PlainProtector

KEY = h264.packetise([b"\x09\x10", b"\x67s", b"\x68p", b"\x65" + b"i" * 2500])
DELTA = h264.packetise([b"\x41" + b"d" * 30])
NOW, LATER = 100.0, 110.0


@dataclass
class Camera:
    """Feeds a fan-out with pictures."""

    fanout: FanOut
    ssrc: int = 7
    sequence: int = 65_500
    timestamp: int = 5_000
    seen: list[rtp.RtpPacket] = field(default_factory=list)

    def picture(self, payloads: list[bytes], now: float = NOW, *, skip: int | None = None) -> bytes:
        """Send a picture; what is skipped is returned, to be sent later."""
        skipped = b""
        for number, payload in enumerate(payloads, 1):
            head = rtp.header(
                is_last=number == len(payloads),
                payload_type=96,
                sequence=self.sequence,
                timestamp=self.timestamp,
                ssrc=self.ssrc,
            )
            if number == skip:
                skipped = head + payload
            else:
                self.fanout.push(head + payload, now)
            self.sequence += 1
        self.timestamp += 3000
        return skipped


class Screen:
    """A viewer's end."""

    def __init__(
        self, session: str = "ses_1", *, until: float = LATER, payload_type: int = 102, is_repairing: bool = True
    ) -> None:
        self.packets: list[rtp.RtpPacket] = []
        self.repeated: list[rtp.RtpPacket] = []
        again = Retransmitter(ssrc=98, payload_type=103, protector=PlainProtector()) if is_repairing else None
        self.viewer = Viewer(session, payload_type, PlainProtector(), self._take, until=until, retransmitter=again)

    def _take(self, datagrams: list[bytes]) -> None:
        for packet in map(rtp.parse, datagrams):
            if packet.payload_type == 103:
                original = rtx.original(packet, ssrc=99, payload_type=102)
                assert original is not None
                self.repeated.append(original)
            else:
                self.packets.append(packet)


@pytest.fixture
def fan() -> FanOut:
    """A stream without viewers."""
    return FanOut(ssrc=99)


@pytest.fixture
def camera(fan: FanOut) -> Camera:
    """Its source, about to wrap its sequence numbers."""
    return Camera(fan)


def test_nothing_goes_to_a_viewer_who_is_not_admitted(fan: FanOut, camera: Camera):
    """Without an admission `until` lies in the past, and not one packet leaves."""
    screen = Screen(until=float("-inf"))
    fan.add(screen.viewer, NOW)

    camera.picture(KEY)
    camera.picture(DELTA)

    assert screen.packets == []


def test_nothing_goes_to_a_viewer_whose_time_is_over(fan: FanOut, camera: Camera):
    """From `until` on nothing is forwarded, nor replayed."""
    screen = Screen()
    fan.add(screen.viewer, NOW)
    camera.picture(KEY)
    count = len(screen.packets)

    camera.picture(DELTA, LATER)

    assert count > 0
    assert len(screen.packets) == count
    assert not fan.replay("ses_1", LATER)


def test_nothing_goes_to_a_removed_viewer(fan: FanOut, camera: Camera):
    """After `remove` returns, not even what had gathered."""
    screen = Screen()
    fan.add(screen.viewer, NOW)
    camera.picture(KEY)
    count = len(screen.packets)
    fan.push(rtp.header(is_last=False, payload_type=96, sequence=65_600, timestamp=1, ssrc=7) + b"\x41half", NOW)

    removed = fan.remove("ses_1")
    camera.picture(DELTA)

    assert removed is screen.viewer
    assert removed.packets == count == len(screen.packets)


def test_a_viewer_starts_at_the_key_frame_of_the_cache(fan: FanOut, camera: Camera):
    """Who joins late gets the whole group of pictures at once, from its key frame on, without gaps."""
    camera.picture(DELTA)
    camera.picture(KEY)
    camera.picture(DELTA)
    screen = Screen()

    fan.add(screen.viewer, NOW)
    camera.picture(DELTA)

    assert h264.starts_key_unit(screen.packets[0].payload)
    assert len(screen.packets) == len(KEY) + 2
    numbers = [packet.sequence for packet in screen.packets]
    assert numbers == list(range(numbers[0], numbers[0] + len(numbers)))
    assert {packet.ssrc for packet in screen.packets} == {99}
    assert {packet.payload_type for packet in screen.packets} == {102}


def test_a_viewer_without_a_cache_waits_for_the_next_key_frame(fan: FanOut, camera: Camera):
    """Pictures that cannot be decoded are not sent."""
    screen = Screen()
    fan.add(screen.viewer, NOW)
    camera.picture(DELTA)
    assert screen.packets == []

    camera.picture(KEY)

    assert len(screen.packets) == len(KEY)


def test_a_viewer_starts_in_the_lower_half_of_the_sequence_numbers(fan: FanOut, camera: Camera):
    """So that a peer whose rollover count starts at zero cannot mistake a wrap (RFC 3711 §3.3.1)."""
    for _ in range(40_000):
        camera.picture(DELTA)
    camera.picture(KEY)
    screen = Screen()

    fan.add(screen.viewer, NOW)

    assert screen.packets[0].sequence < 0x8000


def test_loss_before_the_relay_stays_a_gap(fan: FanOut, camera: Camera):
    """A missing packet is missing for the viewer too, who can then ask."""
    screen = Screen()
    fan.add(screen.viewer, NOW)
    camera.picture(KEY)

    camera.picture(KEY, skip=2)

    numbers = [packet.sequence for packet in screen.packets]
    assert set(range(numbers[0], numbers[-1] + 1)) - set(numbers) == {numbers[0] + len(KEY) + 1}


def test_a_plea_is_answered_from_the_cache_once_a_second(fan: FanOut, camera: Camera):
    """The same pictures go out under new sequence numbers; a second plea within a second gets nothing."""
    screen = Screen()
    fan.add(screen.viewer, NOW)
    camera.picture(KEY)
    camera.picture(DELTA)
    before = len(screen.packets)

    assert fan.replay("ses_1", NOW + 1)
    assert not fan.replay("ses_1", NOW + 1.5)
    camera.picture(DELTA, NOW + 1.6)

    again = screen.packets[before:]
    assert [packet.payload for packet in again[:-1]] == [packet.payload for packet in screen.packets[:before]]
    numbers = [packet.sequence for packet in screen.packets]
    assert numbers == list(range(numbers[0], numbers[0] + len(numbers)))


def test_a_stranger_cannot_plead(fan: FanOut, camera: Camera):
    """No replay for a session that is not forwarded."""
    camera.picture(KEY)

    assert not fan.replay("ses_2", NOW)


def test_the_cache_is_bounded(fan: FanOut, camera: Camera, monkeypatch: pytest.MonkeyPatch):
    """A camera that never sends a key frame again costs no memory, and who joins then waits."""
    monkeypatch.setattr(fanout, "GOP_PACKETS", 50)
    camera.picture(KEY)
    for _ in range(60):
        camera.picture(DELTA)
    screen = Screen()

    fan.add(screen.viewer, NOW)

    assert screen.packets == []
    assert not fan.has_key_frame


def test_what_comes_late_counts_for_the_bound_of_the_cache_too(
    fan: FanOut, camera: Camera, monkeypatch: pytest.MonkeyPatch
):
    """The bytes of late packets are added as they come."""
    monkeypatch.setattr(fanout, "GOP_BYTES", sum(map(len, KEY)) + 3 * (2 + 1_000))
    camera.picture(KEY)
    for _ in range(3):
        fan.push(camera.picture([b"\x41a", b"\x41" + b"b" * 999], skip=2), NOW)
    assert fan.has_key_frame

    camera.picture(DELTA)

    assert not fan.has_key_frame


def test_a_reconnected_camera_goes_on_where_it_was(fan: FanOut, camera: Camera):
    """A new source continues sequence and time, and starts with its own key frame for who joins."""
    screen = Screen()
    fan.add(screen.viewer, NOW)
    camera.picture(KEY)
    other = Camera(fan, ssrc=8, sequence=3, timestamp=1)

    other.picture(KEY, NOW + 2)

    numbers = [packet.sequence for packet in screen.packets]
    assert numbers == list(range(numbers[0], numbers[0] + 2 * len(KEY)))
    assert screen.packets[-1].timestamp - screen.packets[0].timestamp == 2 * 90_000


def test_viewers_of_one_batch_share_their_headers(fan: FanOut, camera: Camera):
    """Two viewers with other payload types each get their own, from one packet."""
    one, two = Screen("ses_1"), Screen("ses_2", payload_type=109)
    fan.add(one.viewer, NOW)
    fan.add(two.viewer, NOW)

    camera.picture(KEY)

    assert [p.payload for p in one.packets] == [p.payload for p in two.packets]
    assert {p.payload_type for p in two.packets} == {109}


def test_what_is_not_rtp_changes_nothing(fan: FanOut):
    """Garbage from the ingest is dropped."""
    fan.push(b"garbage", NOW)
    fan.push(rtp.header(is_last=True, payload_type=96, sequence=1, timestamp=1, ssrc=1), NOW)

    assert fan.packets == 0


@pytest.mark.parametrize("part", ["send", "protect"])
def test_one_viewer_that_cannot_be_served_costs_no_other_a_packet(part: str):
    """Whatever encrypting or sending for it raises: it is told once and dropped, and the next gets every packet."""
    broken: list[tuple[str, str, int]] = []

    def tell(session: str, error: Exception) -> None:
        broken.append((session, str(error), fan.viewers[session].packets))

    fan = FanOut(ssrc=99, on_broken=tell)
    camera = Camera(fan)
    ill, well = Screen("ses_1"), Screen("ses_2")
    fan.add(ill.viewer, NOW)
    fan.add(well.viewer, NOW)
    camera.picture(KEY)

    def fail(*_: object) -> bytes:
        raise OSError("gone")

    if part == "send":
        ill.viewer.send = fail  # type: ignore[assignment]
    else:
        ill.viewer.protector.protect = fail  # type: ignore[method-assign]
    camera.picture(DELTA)
    camera.picture(DELTA)

    assert broken == [("ses_1", "gone", len(KEY))]
    assert list(fan.viewers) == ["ses_2"]
    assert len(well.packets) == len(KEY) + 2


def test_a_viewer_that_fails_at_its_start_or_replay_is_dropped_too(fan: FanOut, camera: Camera):
    """The first group of pictures and the replayed one are no exception."""

    def fail(_: list[bytes]) -> None:
        raise RuntimeError("no way to the peer")

    camera.picture(KEY)
    starting, pleading = Screen("ses_1"), Screen("ses_2")
    starting.viewer.send = fail
    fan.add(starting.viewer, NOW)
    fan.add(pleading.viewer, NOW)
    pleading.viewer.send = fail

    assert not fan.replay("ses_2", NOW + 2)
    assert fan.viewers == {}


def test_a_lost_packet_is_repeated_as_it_was(fan: FanOut, camera: Camera):
    """What a viewer names by its own sequence numbers comes again: payload, time and marker are the lost packet's."""
    screen = Screen()
    fan.add(screen.viewer, NOW)
    camera.picture(KEY)
    lost = screen.packets[1], screen.packets[-1]

    sent = fan.resend("ses_1", [packet.sequence for packet in lost], NOW + 0.1)

    assert sent == 2
    assert tuple(screen.repeated) == lost


def test_numbers_are_those_of_the_time_they_were_sent(fan: FanOut, camera: Camera):
    """After a replay the same picture has had two numbers; either brings it again, each in its own name."""
    screen = Screen()
    fan.add(screen.viewer, NOW)
    for _ in range(20):
        camera.picture(DELTA)
    camera.picture(KEY)
    camera.picture(DELTA)
    before = list(screen.packets)
    fan.replay("ses_1", NOW + 1)
    camera.picture(DELTA, NOW + 1)
    assert len(screen.packets) == 2 * len(before) + 1

    fan.resend("ses_1", [packet.sequence for packet in screen.packets], NOW + 1)

    assert screen.repeated == screen.packets


def test_numbers_over_the_wrap_are_found(fan: FanOut, camera: Camera):
    """A viewer's 16 bits wrap where they wrap."""
    screen = Screen()
    camera.picture(KEY)
    fan.add(screen.viewer, NOW)
    while screen.packets[-1].sequence != 3 or len(screen.packets) < 10:
        camera.picture(DELTA)

    fan.resend("ses_1", [65_534, 65_535, 0, 1], NOW)

    assert [packet.sequence for packet in screen.repeated] == [65_534, 65_535, 0, 1]


def test_nothing_is_repeated_without_rtx(fan: FanOut, camera: Camera):
    """Sending the same packet again would use its index twice; so nothing is."""
    screen = Screen(is_repairing=False)
    fan.add(screen.viewer, NOW)
    camera.picture(KEY)
    count = len(screen.packets)

    assert fan.resend("ses_1", [packet.sequence for packet in screen.packets], NOW) == 0
    assert (len(screen.packets), screen.repeated) == (count, [])


def test_nothing_is_repeated_to_who_may_not_see(fan: FanOut, camera: Camera):
    """Not before a start, not from `until` on, not to the removed, not to strangers."""
    waiting, over, gone = Screen("ses_1", until=float("-inf")), Screen("ses_2"), Screen("ses_3")
    for screen in (waiting, over, gone):
        fan.add(screen.viewer, NOW)
    camera.picture(KEY)
    numbers = [packet.sequence for packet in over.packets]
    fan.remove("ses_3")

    assert fan.resend("ses_1", numbers, NOW) == 0
    assert fan.resend("ses_2", numbers, LATER) == 0
    assert fan.resend("ses_3", numbers, NOW) == 0
    assert fan.resend("ses_4", numbers, NOW) == 0
    assert not waiting.repeated
    assert not over.repeated
    assert not gone.repeated


def test_nothing_from_before_a_viewer_s_start_is_repeated(fan: FanOut, camera: Camera):
    """The ring is everybody's; a viewer's part of it begins with its own first packet."""
    camera.picture(KEY)
    camera.picture(KEY)
    screen = Screen()
    fan.add(screen.viewer, NOW)
    first = screen.packets[0].sequence

    assert fan.resend("ses_1", [(first - back) % 65_536 for back in range(1, 8)], NOW) == 0


def test_what_is_too_old_or_was_never_sent_is_not_repeated(fan: FanOut, camera: Camera):
    """The ring forgets; numbers ahead of the stream are nobody's."""
    screen = Screen()
    fan.add(screen.viewer, NOW)
    camera.picture(KEY)
    numbers = [packet.sequence for packet in screen.packets]
    camera.picture(DELTA, NOW + RING_S + 0.1)

    assert fan.resend("ses_1", numbers, NOW + RING_S + 0.1) == 0
    assert fan.resend("ses_1", [(numbers[-1] + 50) % 65_536], NOW) == 0


def test_a_viewer_whose_repetition_cannot_be_sent_is_dropped(fan: FanOut, camera: Camera):
    """As with every other packet."""
    screen = Screen()
    fan.add(screen.viewer, NOW)
    camera.picture(KEY)

    def fail(_: list[bytes]) -> None:
        raise OSError("gone")

    screen.viewer.send = fail

    assert fan.resend("ses_1", [screen.packets[0].sequence], NOW) == 0
    assert fan.viewers == {}


def test_a_late_packet_goes_out_at_once_in_its_own_place(fan: FanOut, camera: Camera):
    """Repaired on its way to the relay, it fills the gap of who watches and of who joins later."""
    screen = Screen()
    fan.add(screen.viewer, NOW)
    late = camera.picture(KEY, skip=2)
    camera.picture(DELTA)

    fan.push(late, NOW)

    first = screen.packets[0].sequence
    assert sorted(packet.sequence for packet in screen.packets) == list(range(first, first + len(KEY) + 1))
    joining = Screen("ses_2")
    fan.add(joining.viewer, NOW)
    assert [packet.payload for packet in joining.packets] == [*KEY, *DELTA]


def test_a_late_packet_from_before_a_start_or_replay_is_not_sent(fan: FanOut, camera: Camera):
    """Its number is another packet's by now."""
    camera.picture(KEY)
    late = camera.picture(DELTA * 3, skip=2)
    camera.picture(KEY)
    starting = Screen("ses_1")
    fan.add(starting.viewer, NOW)
    replayed = Screen("ses_2")
    fan.add(replayed.viewer, NOW)
    fan.replay("ses_2", NOW + 1)
    counts = len(starting.packets), len(replayed.packets)

    fan.push(late, NOW + 1)

    assert (len(starting.packets), len(replayed.packets)) == counts


def test_a_key_frame_whose_beginning_comes_late_is_one(fan: FanOut, camera: Camera):
    """Who joins after the repair starts with its parameter sets, whether the picture was still coming or over."""
    cut = h264.packetise([b"\x67s", b"\x68p", b"\x65" + b"i" * 2500])
    assert h264.starts_key_unit(cut[0])
    camera.picture(KEY)
    late = camera.picture([*cut[:1], b"\x41x"], skip=1)
    camera.picture(DELTA)

    fan.push(late, NOW)

    screen = Screen()
    fan.add(screen.viewer, NOW)
    assert [packet.payload for packet in screen.packets] == [cut[0], b"\x41x", *DELTA]


def test_a_first_key_frame_that_is_repaired_while_it_comes_starts_who_waits(fan: FanOut, camera: Camera):
    """Nothing is cached yet: the late beginning makes the cache."""
    screen = Screen()
    fan.add(screen.viewer, NOW)
    late = camera.picture([KEY[0], b"\x41x"], skip=1)
    assert screen.packets == []

    fan.push(late, NOW)

    assert [packet.payload for packet in screen.packets] == [KEY[0], b"\x41x"]


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
