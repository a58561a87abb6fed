"""What was lost or comes late: repeated to who may see it, put into its own place."""

from partner_agent.rtc import h264
from partner_agent.rtc.fanout import FanOut
from partner_agent.rtc.ring import RING_S
from tests.support.fanning import DELTA, KEY, LATER, NOW, Camera, Screen


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
