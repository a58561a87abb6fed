"""Units reach every consumer whole groups at a time, and a slow one hurts only itself."""

import anyio
import pytest

from partner_agent import handover
from partner_agent.handover import Handover
from partner_agent.rtc.room import Room
from partner_agent.rtc.units import AccessUnit


def unit(number: int, *, is_key: bool = False, size: int = 10) -> AccessUnit:
    """The unit of frame `number`."""
    return AccessUnit(bytes(size), number * 6000, is_key, None)


def test_a_consumer_without_replay_begins_with_the_next_key_picture():
    """Nobody is handed a picture that cannot be decoded."""
    hand = Handover()
    hand.put(unit(0, is_key=True))
    consumer = hand.add(replay_gop=False)
    for item in (unit(1), unit(2, is_key=True), unit(3)):
        hand.put(item)

    assert [item.pts_90k for item in consumer.waiting()] == [12_000, 18_000]


def test_a_slow_consumer_drops_to_the_next_key_picture():
    """A full queue is emptied, counted, and starts again with a key picture; others lose nothing."""
    hand = Handover()
    slow, quick = hand.add(replay_gop=True), hand.add(replay_gop=True)
    total = 0
    for number in range(handover.QUEUE_UNITS + 2):
        hand.put(unit(number, is_key=number == 0))
        total += len(quick.waiting())
    hand.put(unit(5000, is_key=True))

    assert [item.pts_90k for item in slow.waiting()] == [5000 * 6000]
    assert slow.dropped > handover.QUEUE_UNITS
    assert total == handover.QUEUE_UNITS + 2
    assert quick.dropped == 0


def test_a_key_picture_that_overflows_starts_the_new_queue():
    """The key picture that does not fit replaces what waited."""
    hand = Handover()
    slow = hand.add(replay_gop=True)
    hand.put(unit(0, is_key=True, size=handover.QUEUE_BYTES - 5))
    hand.put(unit(1, is_key=True))

    assert [item.pts_90k for item in slow.waiting()] == [6000]
    assert slow.dropped == 1


def test_a_group_too_long_to_keep_is_not_replayed():
    """A camera with a key picture every minute costs bounded memory."""
    hand = Handover()
    hand.put(unit(0, is_key=True))
    hand.put(unit(1, size=handover.GOP_BYTES))
    hand.put(unit(2))

    assert hand.gop == ()


@pytest.mark.parametrize(("fps", "seconds"), [(30, 1), (15, 20), (30, 20)])
def test_a_group_of_one_second_or_of_twenty_is_replayed_whole(fps: int, seconds: int):
    """At 5 Mbit/s and less both fit; whoever joins at its end begins at once and misses nothing of it."""
    hand = Handover()
    frames = fps * seconds
    for number in range(frames):
        hand.put(unit(number, is_key=number == 0, size=5_000_000 // 8 // fps))
    late = hand.add(replay_gop=True)
    hand.put(unit(frames))

    assert len(late.waiting()) == frames + 1
    assert late.dropped == 0


@pytest.mark.parametrize(("fps", "size"), [(30, 25_000), (60, 1000)])
def test_a_group_too_large_or_of_too_many_pictures_makes_who_joins_late_wait(fps: int, size: int):
    """Twenty seconds of 6 Mbit/s, or of 60 fps: they begin with the next key picture; who was there misses nothing."""
    hand = Handover()
    there = hand.add(replay_gop=True)
    got = 0
    for number in range(20 * fps):
        hand.put(unit(number, is_key=number == 0, size=size))
        got += len(there.waiting())
    late = hand.add(replay_gop=True)
    hand.put(unit(9998))
    hand.put(unit(9999, is_key=True))

    assert got == 20 * fps
    assert [item.pts_90k for item in late.waiting()] == [9999 * 6000]
    assert (late.dropped, there.dropped) == (0, 0)


def test_beyond_the_room_of_an_agent_the_largest_group_is_let_go():
    """Cameras that are recorded all have a group running: together they hold no more, and who reads misses nothing."""
    room = Room(50_000)
    small, large = Handover(room=room), Handover(room=room)
    small.put(unit(0, is_key=True, size=1_000))
    there = large.add(replay_gop=False)
    for number in range(60):
        large.put(unit(number, is_key=number == 0, size=1_000))
        assert room.held_bytes <= 50_000

    assert (len(small.gop), len(large.gop)) == (1, 0)
    assert len(there.waiting()) == 60
    assert room.given_up == 1
    large.put(unit(60, is_key=True))
    assert len(large.gop) == 1
    for hand in (small, large):
        hand.forget()
    assert room.held_bytes == 0


@pytest.mark.anyio
async def test_the_end_of_a_source_ends_the_iteration():
    """A consumer gets what waited, then the end."""
    hand = Handover()
    consumer = hand.add(replay_gop=True)
    hand.put(unit(0, is_key=True))
    hand.end()

    with anyio.fail_after(5):
        assert [item.pts_90k async for item in consumer] == [0]
    assert len(hand) == 0
