"""The group of pictures that whoever joins begins with: how long one may be, and what all of a process may hold."""

import pytest

from partner_agent import handover
from partner_agent.rtc import group, h264
from partner_agent.rtc.fanout import FanOut
from partner_agent.rtc.ring import Packet
from partner_agent.rtc.room import PACKET_BYTES, Room
from tests.support.fanning import DELTA, KEY, NOW, Camera, Screen

SMALL = sum(map(len, KEY)) + PACKET_BYTES * len(KEY)


def test_what_a_site_keeps_for_a_replay_the_relay_keeps_too(fan: FanOut, camera: Camera):
    """The longest group of an agent, of the most pictures it keeps, does not end as a black screen behind the relay."""
    unit = handover.GOP_BYTES // handover.GOP_UNITS
    camera.picture(h264.packetise([b"\x67s", b"\x68p", b"\x65" + b"i" * unit]))
    picture = h264.packetise([b"\x41" + b"d" * unit])

    for _ in range(handover.GOP_UNITS):
        camera.picture(picture)

    assert fan.has_key_frame


def test_the_cache_is_bounded(fan: FanOut, camera: Camera, monkeypatch: pytest.MonkeyPatch):
    """A camera that never sends a key frame again costs no memory, and who joins then waits."""
    monkeypatch.setattr(group, "GROUP_PACKETS", 50)
    camera.picture(KEY)
    for _ in range(60):
        camera.picture(DELTA)
    screen = Screen()

    fan.add(screen.viewer, NOW)

    assert screen.packets == []
    assert not fan.has_key_frame


@pytest.mark.parametrize("begin", [[b"\x41" + b"d" * 999], KEY])
def test_a_picture_without_end_is_not_kept(begin: list[bytes], monkeypatch: pytest.MonkeyPatch):
    """A source whose time stands still costs no memory, in order or late; the next key picture begins anew."""
    monkeypatch.setattr(group, "GROUP_PACKETS", 50)
    kept = group.Group(Room(group.ROOM_BYTES))
    packets = [Packet(number, False, 7, begin[number % len(begin)]) for number in range(400)]

    for packet in packets[::2]:
        kept.add(packet)
    for packet in packets[1::2]:
        kept.add_late(packet)

    assert len(kept._unit) <= 50
    assert len(kept.packets) <= 50
    kept.add(Packet(400, True, 8, KEY[0]))
    assert [packet.number for packet in kept.packets] == [400]


def test_what_comes_late_counts_for_the_bound_of_the_cache_too(
    fan: FanOut, camera: Camera, monkeypatch: pytest.MonkeyPatch
):
    """The bytes of late packets are added as they come."""
    monkeypatch.setattr(group, "GROUP_BYTES", SMALL + 3 * (2 + 1_000 + 2 * PACKET_BYTES))
    camera.picture(KEY)
    for _ in range(3):
        fan.push(camera.picture([b"\x41a", b"\x41" + b"b" * 999], skip=2), NOW)
    assert fan.has_key_frame

    fan.push(camera.picture([b"\x41a", b"\x41b"], skip=1), NOW)

    assert not fan.has_key_frame


def test_beyond_the_room_of_a_process_the_largest_group_is_let_go():
    """The others stay whole; whoever watches misses nothing; the next key picture begins anew."""
    room = Room(3 * SMALL + 2_000)
    small, large = FanOut(ssrc=98, room=room), FanOut(ssrc=99, room=room)
    one, other = Camera(small), Camera(large)
    one.picture(KEY)
    other.picture(KEY)
    screen = Screen()
    large.add(screen.viewer, NOW)

    for _ in range(60):
        other.picture(DELTA)

    assert (small.has_key_frame, large.has_key_frame) == (True, False)
    assert (room.held_bytes, room.given_up) == (SMALL, 1)
    assert len(screen.packets) == len(KEY) + 60
    other.picture(KEY)
    assert large.has_key_frame
    assert room.held_bytes == 2 * SMALL


def test_many_streams_never_hold_more_than_the_room():
    """Whatever they send, in whatever order; each that is let go is counted."""
    room = Room(40 * SMALL)
    cameras = [Camera(FanOut(ssrc=99, room=room)) for _ in range(30)]
    for turn in range(60):
        for camera in cameras:
            camera.picture(KEY if turn % 20 == 0 else DELTA)
            assert room.held_bytes <= 40 * SMALL

    assert room.given_up > 0


def test_a_stream_that_is_over_holds_no_room(camera: Camera):
    """Nor does a source that another has replaced."""
    room = Room(group.ROOM_BYTES)
    fan = camera.fanout = FanOut(ssrc=99, room=room)
    camera.picture(KEY)
    assert room.held_bytes == SMALL
    Camera(fan, ssrc=8).picture(DELTA)
    assert room.held_bytes == 0
    camera.picture(KEY)

    fan.forget()

    assert room.held_bytes == 0
