"""One uplink for all views of one publication, each with its own account."""

from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta

import anyio
import anyio.abc
import pytest

from partner_agent.ports import Counts, Limits, LiveOrder, MediaError
from partner_agent.shared_uplink import SharedPublisher
from partner_agent.wire.problems import Code
from tests.fakes.clock import START, FakeClock
from tests.fakes.media import FakePublisher

pytestmark = pytest.mark.anyio
LIMITS = Limits(seconds=60, height_lines=720, audio=False, ptz=False, masks=frozenset())
ORDER = LiveOrder(
    session="ses_1", camera="cam_1", url="https://gw/whip/pub_1", ticket="t", relay_fingerprint="f", limits=LIMITS
)


@pytest.fixture
async def tasks() -> AsyncIterator[anyio.abc.TaskGroup]:
    """Who owns the sending."""
    async with anyio.create_task_group() as group:
        yield group


async def test_the_second_view_joins_and_the_last_one_ends_the_uplink(tasks: anyio.abc.TaskGroup):
    """One call to the relay; halting one view leaves the other, halting both stops at once."""
    inner = FakePublisher()
    shared = SharedPublisher(inner, clock=FakeClock())

    one = await shared.publish(ORDER, tasks=tasks)
    two = await shared.publish(replace(ORDER, session="ses_2"), tasks=tasks)

    assert len(inner.orders) == 1
    await one.stop()
    assert not inner.publications[0].ended.is_set()
    two.halt()
    assert inner.publications[0].ended.is_set()
    await two.stop()
    assert inner.publications[0].is_stopped


async def test_each_view_counts_from_when_it_joined(tasks: anyio.abc.TaskGroup):
    """What left before is not the second view's; what leaves after it was halted neither."""
    clock = FakeClock()
    inner = FakePublisher()
    shared = SharedPublisher(inner, clock=clock)
    one = await shared.publish(ORDER, tasks=tasks)
    uplink = inner.publications[0]
    clock.advance(10)
    uplink.counts = Counts(START, clock.now(), 10.0, 1000)
    two = await shared.publish(ORDER, tasks=tasks)
    assert two.counts == Counts()
    clock.advance(5)
    uplink.counts = Counts(START, clock.now(), 15.0, 1500)

    two.halt()
    uplink.counts = Counts(START, clock.now(), 30.0, 3000)

    assert (two.counts.first_at, two.counts.seconds, two.counts.sent_bytes) == (START + timedelta(seconds=10), 5, 500)
    assert one.counts.sent_bytes == 3000


async def test_another_address_or_a_dead_uplink_is_opened_anew(tasks: anyio.abc.TaskGroup):
    """Only the same camera to the same address is shared, and only while it runs."""
    inner = FakePublisher()
    shared = SharedPublisher(inner, clock=FakeClock())
    await shared.publish(ORDER, tasks=tasks)
    await shared.publish(replace(ORDER, url="https://gw/whip/pub_2"), tasks=tasks)
    assert len(inner.orders) == 2

    inner.publications[0].halt()
    await shared.publish(ORDER, tasks=tasks)

    assert len(inner.orders) == 3


async def test_a_failed_uplink_is_not_joined(tasks: anyio.abc.TaskGroup):
    """The next view tries again."""
    inner = FakePublisher()
    shared = SharedPublisher(inner, clock=FakeClock())
    inner.failure = MediaError(Code.CAMERA_UNREACHABLE, "gone")
    with pytest.raises(MediaError):
        await shared.publish(ORDER, tasks=tasks)

    inner.failure = None
    await shared.publish(ORDER, tasks=tasks)

    assert len(inner.publications) == 1


async def test_a_view_that_may_not_have_what_runs_does_not_join(tasks: anyio.abc.TaskGroup):
    """Each view's own limits hold, also on a running uplink."""
    inner = FakePublisher()
    shared = SharedPublisher(inner, clock=FakeClock())
    await shared.publish(ORDER, tasks=tasks)
    inner.code = Code.CODEC_UNSUPPORTED

    with pytest.raises(MediaError):
        await shared.publish(ORDER, tasks=tasks)


async def test_who_joins_tightens_what_may_leave(tasks: anyio.abc.TaskGroup):
    """All views of an uplink see the same packets, so the tightest limit among them holds."""
    inner = FakePublisher()
    shared = SharedPublisher(inner, clock=FakeClock())
    await shared.publish(ORDER, tasks=tasks)
    fewer = replace(LIMITS, height_lines=360)
    await shared.publish(replace(ORDER, limits=fewer), tasks=tasks)

    assert inner.publications[0].limits == [fewer]
