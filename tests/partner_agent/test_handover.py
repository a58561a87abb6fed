"""Units reach every consumer whole groups at a time, and a slow one hurts only itself."""

import anyio
import pytest

from partner_agent import handover
from partner_agent.handover import Handover
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
