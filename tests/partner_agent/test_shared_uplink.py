"""One uplink for all views of one publication, each with its own account."""

from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta
from functools import partial

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


async def test_a_view_that_joins_an_uplink_that_stands_still_is_not_charged_for_it(tasks: anyio.abc.TaskGroup):
    """The camera was away before it came: of that gap the view saw nothing, and its owner gave nothing."""
    clock = FakeClock()
    inner = FakePublisher()
    shared = SharedPublisher(inner, clock=clock)
    await shared.publish(ORDER, tasks=tasks)
    uplink = inner.publications[0]
    uplink.counts = Counts(START, clock.now(), 10.0, 1000)
    clock.advance(200)
    late = await shared.publish(ORDER, tasks=tasks)

    clock.advance(5)
    uplink.counts = Counts(START, clock.now(), 215.0, 1500)

    assert (late.counts.seconds, late.counts.sent_bytes) == (5, 500)


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


async def test_those_who_waited_for_an_uplink_that_failed_open_one_together(tasks: anyio.abc.TaskGroup):
    """Two would call the relay for one publication, and the second call end the first."""
    inner = FakePublisher()
    inner.gate, inner.failure = anyio.Event(), MediaError(Code.LIMIT, "no")
    shared = SharedPublisher(inner, clock=FakeClock())

    async def fails() -> None:
        with pytest.raises(MediaError):
            await shared.publish(ORDER, tasks=tasks)

    async with anyio.create_task_group() as views:
        views.start_soon(fails)
        await anyio.wait_all_tasks_blocked()
        views.start_soon(partial(shared.publish, replace(ORDER, session="ses_2"), tasks=tasks))
        views.start_soon(partial(shared.publish, replace(ORDER, session="ses_3"), tasks=tasks))
        await anyio.wait_all_tasks_blocked()
        failed, inner.gate = inner.gate, anyio.Event()
        failed.set()
        await anyio.wait_all_tasks_blocked()
        inner.failure = None
        inner.gate.set()

    assert [order.session for order in inner.orders] == ["ses_1", "ses_2"]


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


async def test_the_largest_picture_of_all_views_counts(tasks: anyio.abc.TaskGroup):
    """They see the same packets; a view that is over counts no more, and what it says then is not heard."""
    inner = FakePublisher()
    shared = SharedPublisher(inner, clock=FakeClock())
    one = await shared.publish(ORDER, tasks=tasks)
    two = await shared.publish(replace(ORDER, session="ses_2"), tasks=tasks)
    one.show(180)
    two.show(720)
    one.show(200)
    two.halt()
    two.show(1080)

    assert inner.publications[0].lines == [180, 720, 720, 200]


async def test_sound_leaves_while_one_of_the_views_may_hear_it(tasks: anyio.abc.TaskGroup):
    """With the first that may, until the last that may is over; those that only see change nothing."""
    inner = FakePublisher()
    shared = SharedPublisher(inner, clock=FakeClock())
    hears = replace(ORDER, limits=replace(LIMITS, audio=True))
    silent = await shared.publish(ORDER, tasks=tasks)
    line = inner.publications[0]
    assert not line.is_heard

    one, two = [await shared.publish(hears, tasks=tasks) for _ in range(2)]
    assert line.is_heard
    one.halt()
    one.halt()
    assert line.is_heard
    two.halt()
    assert not line.is_heard

    three = await shared.publish(hears, tasks=tasks)
    silent.halt()
    assert line.is_heard
    three.halt()
    assert not line.is_heard
