"""Who joins a long group of pictures gets all of it, in order, but not faster than a browser reads."""

import pytest

from partner_agent.rtc import h264
from partner_agent.rtc.fanout import REPLAY_BYTES_PER_S, FanOut
from partner_agent.rtc.pace import AT_ONCE_PACKETS, PACKETS_PER_S
from tests.support.fanning import DELTA, FPS, FRAME, KEY, LATER, NOW, Camera, Screen


@pytest.fixture
def behind(fan: FanOut, camera: Camera) -> Screen:
    """Joined twenty seconds after the last key frame."""
    assert camera.group(20) > 8_900
    screen = Screen(until=NOW + 60)
    fan.add(screen.viewer, NOW)
    return screen


def test_twenty_seconds_of_four_mbit_are_there_in_less_than_three(fan: FanOut, camera: Camera, behind: Screen):
    """From the key picture on, without a gap, never more than the pace; then it sees what comes when it comes."""
    assert h264.starts_key_unit(behind.packets[0].payload)
    assert len(behind.packets) == AT_ONCE_PACKETS
    count = len(camera.sent)
    for step in range(1, 3 * FPS):
        camera.picture(FRAME, NOW + step / FPS)
        count += len(FRAME)
        assert len(behind.packets) <= AT_ONCE_PACKETS + PACKETS_PER_S * step / FPS + 1

    assert len(behind.packets) == count
    assert behind.is_gapless
    assert [packet.payload for packet in behind.packets] == camera.sent
    assert behind.viewer.owed is None


def test_a_group_of_two_seconds_goes_out_at_once(fan: FanOut, camera: Camera):
    """What browsers were seen to take."""
    camera.picture(KEY, NOW - 2)
    while len(camera.sent) + len(FRAME) <= AT_ONCE_PACKETS:
        camera.picture(FRAME, NOW - 2)
    screen = Screen()

    fan.add(screen.viewer, NOW)

    assert [packet.payload for packet in screen.packets] == camera.sent
    assert len(camera.sent) > 1.9 * FPS * len(FRAME)


def test_another_group_is_gone_on_with_at_its_key_frame(fan: FanOut, camera: Camera, behind: Screen):
    """What it could not have yet is passed over, and its own numbers show no gap."""
    camera.picture(KEY, NOW + 0.1)

    payloads = [packet.payload for packet in behind.packets]
    assert payloads[-len(KEY) :] == list(KEY)
    assert len(payloads) == AT_ONCE_PACKETS + len(KEY)
    assert behind.is_gapless
    camera.picture(DELTA, NOW + 0.2)
    assert len(behind.packets) == len(payloads) + 1
    assert behind.is_gapless


def test_what_comes_late_finds_its_place_on_either_side(fan: FanOut, camera: Camera):
    """Before where it is: at once, under the number it misses; behind that: in its turn."""
    camera.picture(KEY, NOW - 20)
    for _ in range(AT_ONCE_PACKETS // len(FRAME) - 2):
        camera.picture(FRAME, NOW - 20)
    early = camera.picture(FRAME, NOW - 20, skip=2)
    for _ in range(FPS * 10):
        camera.picture(FRAME, NOW - 20)
    late = camera.picture(FRAME, NOW - 20, skip=2)
    screen = Screen(until=NOW + 60)
    fan.add(screen.viewer, NOW)

    fan.push(early, NOW)
    assert screen.packets[-1].payload == FRAME[1]
    fan.push(late, NOW)
    for step in range(1, 2 * FPS):
        camera.picture(FRAME, NOW + step / FPS)

    payloads = sorted((packet.sequence, packet.payload) for packet in screen.packets)
    assert [payload for _, payload in payloads] == camera.sent


def test_a_plea_of_who_is_behind_begins_again_without_a_gap(fan: FanOut, camera: Camera, behind: Screen):
    """A long group less often than once a second: two megabytes a second and viewer at the most."""
    period_s = fan._group.size_bytes / REPLAY_BYTES_PER_S
    assert 5 < period_s < 7
    assert not fan.replay("ses_1", NOW + period_s - 0.1)
    before = len(behind.packets)

    assert fan.replay("ses_1", NOW + period_s)

    assert h264.starts_key_unit(behind.packets[before].payload)
    assert len(behind.packets) == before + AT_ONCE_PACKETS
    assert behind.is_gapless


def test_where_nothing_arrives_it_goes_on_all_the_same(fan: FanOut, behind: Screen):
    """A recording that stands still: looked at once a second."""
    for second in range(1, 12):
        fan.catch_up(NOW + second)

    assert behind.viewer.owed is None
    assert len(behind.packets) == len(fan.group)
    assert behind.is_gapless


def test_who_is_behind_gets_nothing_after_its_time(fan: FanOut, camera: Camera):
    """What it is owed ends with its admission."""
    camera.group(20)
    screen = Screen(until=LATER)
    fan.add(screen.viewer, NOW)
    count = len(screen.packets)

    fan.catch_up(LATER)
    camera.picture(FRAME, LATER)

    assert len(screen.packets) == count


def test_a_group_that_is_let_go_meanwhile_is_gone_on_with_at_the_next(fan: FanOut, camera: Camera, behind: Screen):
    """Nothing it could not decode, and no gap."""
    fan._group.let_go()
    camera.picture(DELTA, NOW + 1)
    assert len(behind.packets) == AT_ONCE_PACKETS

    camera.picture(KEY, NOW + 1)

    assert len(behind.packets) == AT_ONCE_PACKETS + len(KEY)
    assert behind.is_gapless


def test_one_that_cannot_be_served_meanwhile_is_dropped(fan: FanOut, behind: Screen):
    """As at any other time."""

    def fail(_: list[bytes]) -> None:
        raise OSError("gone")

    behind.viewer.send = fail
    fan.catch_up(NOW + 1)

    assert fan.viewers == {}
