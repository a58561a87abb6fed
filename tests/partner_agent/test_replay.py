"""A view of a recording as it leaves: within its range, in its time, wherever it is told to go."""

from datetime import UTC, datetime, timedelta
from typing import Any, cast

import anyio
import av
import pytest

from partner_agent import thumbnails
from partner_agent.ports import Steer
from partner_agent.replay import Replay
from partner_agent.ring.footage import Footage
from partner_agent.ring.model import Segment, Span
from partner_agent.rtc import nal
from partner_agent.rtc.units import AccessUnit
from partner_agent.simulator.camera import Stream
from tests.fakes.clock import START, FakeClock
from tests.support.recordings import Ring, units_of

pytestmark = pytest.mark.anyio
_FIRST, _LAST = (moment.replace(tzinfo=UTC) for moment in (datetime.min, datetime.max))  # noqa: DTZ901


def at(seconds: float) -> datetime:
    """So long after the recording began."""
    return START + timedelta(seconds=seconds)


def close(moment: datetime, seconds: float, within: float = 0.07) -> bool:
    """Whether a moment is that of the picture there."""
    return abs((moment - at(seconds)).total_seconds()) <= within


@pytest.fixture
def recorded(ring: Ring, small_stream: Stream, clock: FakeClock) -> Ring:
    """Half a minute, ten seconds of nothing, twenty seconds more; it is two minutes later now."""
    ring.record(units_of(small_stream, START, 30))
    ring.record(units_of(small_stream, at(40), 20))
    clock.advance(120)
    return ring


def replay(ring: Ring, start: float, end: float, *, begin: float, **changes: object) -> Replay:
    """A view of [start, end) of the recording."""
    footage = Footage(ring.store, "cam1", Span(at(start), at(end)))
    return Replay(footage, at=at(begin), clock=ring.clock, **changes)  # type: ignore[arg-type]


async def take(view: Replay, count: int) -> list[AccessUnit]:
    """The next units."""
    with anyio.fail_after(10):
        return [await anext(view) for _ in range(count)]


async def take_all(view: Replay) -> list[AccessUnit]:
    """Everything until it waits for orders."""
    units: list[AccessUnit] = []
    with anyio.fail_after(20):
        while not view.where.is_over:
            async with anyio.create_task_group() as tasks:

                async def stop(scope: anyio.CancelScope = tasks.cancel_scope) -> None:
                    while not view.where.is_over:
                        await anyio.lowlevel.checkpoint()
                    scope.cancel()

                tasks.start_soon(stop)
                while True:
                    units.append(await anext(view))
    return units


async def test_nothing_outside_the_range_leaves(recorded: Ring):
    """However it is steered: before the range, past its end, a step back from its first picture."""
    view = replay(recorded, 5, 25, begin=0)
    await take(view, 1)
    async with anyio.create_task_group() as tasks:
        for order in (
            Steer(position=at(0)),
            Steer(step=-1),
            Steer(position=at(500)),
            Steer(step=1),
            Steer(position=at(45), is_paused=False),
        ):
            tasks.start_soon(take, view, 1)
            await view.steer(order)
            assert at(5) <= view.where.position < at(25)
        tasks.cancel_scope.cancel()

    assert all(at(5) <= start <= end < at(25) for start, end in view.watched.told())


async def test_a_range_of_which_nothing_is_recorded_shows_nothing(recorded: Ring):
    """It is over at once, and no unit leaves."""
    view = replay(recorded, 31, 39, begin=31)

    assert await take_all(view) == []
    assert view.watched.told() == []


async def test_it_plays_in_real_time_from_a_key_picture_on(recorded: Ring):
    """Fifteen pictures a second, each with its parameters at a key picture."""
    view = replay(recorded, 0, 60, begin=0)
    clock, before = recorded.clock, recorded.clock.monotonic()

    units = await take(view, 31)

    assert units[0].is_key
    assert nal.has_parameter_sets(units[0].data)
    assert clock.monotonic() - before == pytest.approx(2.0, abs=0.01)
    assert units[30].pts_90k - units[0].pts_90k == pytest.approx(2 * 90_000, abs=20)


async def test_a_moment_is_shown_with_the_pictures_it_needs_at_once(recorded: Ring):
    """From the key picture before it to the picture itself no time passes."""
    view = replay(recorded, 0, 60, begin=10.4)
    before = recorded.clock.monotonic()

    units = await take(view, 5)  # the key picture before it is four pictures back

    assert units[0].is_key
    assert not any(unit.is_key for unit in units[1:])
    assert recorded.clock.monotonic() == before
    assert close(view.where.position, 10.4)


@pytest.mark.parametrize("speed", [50, 200])
async def test_the_speed_is_that_of_the_pictures(recorded: Ring, speed: int):
    """Two seconds of recording in four, or in one."""
    view = replay(recorded, 0, 60, begin=0)
    await take(view, 1)
    await view.steer(Steer(speed_percent=speed))
    before = recorded.clock.monotonic()

    await take(view, 30)

    assert recorded.clock.monotonic() - before == pytest.approx(2 * 100 / speed, rel=0.05)


@pytest.mark.parametrize("speed", [400, 800])
async def test_fast_play_sends_key_pictures_only(recorded: Ring, speed: int):
    """So that what leaves the site is no more than in real time."""
    view = replay(recorded, 0, 60, begin=0)
    await take(view, 1)
    await view.steer(Steer(speed_percent=speed))
    before = recorded.clock.monotonic()

    units = await take(view, 20)

    assert all(unit.is_key for unit in units)
    passed_s = recorded.clock.monotonic() - before
    assert (view.where.position - at(0)).total_seconds() == pytest.approx(passed_s * speed / 100, rel=0.1)


async def test_a_hole_in_the_recording_is_skipped(recorded: Ring):
    """After the last picture before it the first one behind it follows at once."""
    view = replay(recorded, 0, 60, begin=29.5)
    while view.where.position < at(29.9):
        await take(view, 1)
    before = recorded.clock.monotonic()

    while view.where.position < at(40):
        await take(view, 1)

    assert recorded.clock.monotonic() - before < 0.3
    assert close(view.where.position, 40)


async def test_paused_it_sends_nothing_and_steps_by_one_picture(recorded: Ring):
    """A step on or back shows the neighbour, over the edge of a segment too."""
    view = replay(recorded, 0, 60, begin=10)
    await take(view, 1)
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(drain, view)
        await view.steer(Steer(position=at(10), is_paused=True))
        here = view.where.position
        for step, count in ((-1, 30), (1, 45)):
            for _ in range(count):
                await view.steer(Steer(step=step))
        there = view.where
        tasks.cancel_scope.cancel()

    assert there.is_paused
    assert (there.position - here).total_seconds() == pytest.approx(1.0, abs=0.01)


async def test_a_step_on_costs_one_picture(recorded: Ring):
    """What the player has is not sent again; a step back starts at the key picture."""
    view = replay(recorded, 0, 60, begin=10.4)
    await take(view, 5)
    view_paused = Steer(position=at(10.4), is_paused=True)
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(view.steer, view_paused)
        await take(view, 5)
    sent: list[list[AccessUnit]] = []
    for step in (1, 1, -1):
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(view.steer, Steer(step=step))
            sent.append([await anext(view)])
        while not view.is_all_sent:
            sent[-1].append(await anext(view))

    assert [len(units) for units in sent] == [1, 1, 6]


async def drain(view: Replay) -> None:
    """Take everything that leaves."""
    async for _ in view:
        await anyio.lowlevel.checkpoint()


async def test_of_several_jumps_the_last_one_counts(recorded: Ring):
    """A hand that scrubs orders faster than a disk reads; nobody is left waiting."""
    view = replay(recorded, 0, 60, begin=0)
    with anyio.fail_after(10):
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(drain, view)
            async with anyio.create_task_group() as hand:
                for second in (3, 50, 7, 20):
                    hand.start_soon(view.steer, Steer(position=at(second), is_paused=True))
            tasks.cancel_scope.cancel()

    assert close(view.where.position, 20)


async def test_at_its_end_it_stops_and_says_so(recorded: Ring):
    """Over is paused; going back plays on."""
    view = replay(recorded, 0, 60, begin=58)
    units = await take_all(view)

    assert len(units) >= 25
    assert view.where.is_paused
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(take, view, 30)
        where = await view.steer(Steer(position=at(50), is_paused=False))
    assert not where.is_over
    assert view.where.position > at(51)


async def test_without_room_a_jump_lands_on_a_key_picture(recorded: Ring):
    """Where the site's uplink has no room for what a picture needs, the key picture itself is shown."""
    view = replay(recorded, 0, 60, begin=10.4, affords=lambda _bytes: False)

    (unit,) = await take(view, 1)

    assert unit.is_key
    assert view.where.position <= at(10.4)


async def test_a_damaged_segment_is_passed_over(recorded: Ring):
    """What no longer fits its digest is not shown."""
    path = next(path for path in recorded.files() if path.suffix == ".mp4")
    path.write_bytes(path.read_bytes()[:-1] + b"x")
    view = replay(recorded, 0, 60, begin=0)

    await take(view, 1)

    assert view.where.position > at(9)


def test_a_small_picture_is_of_a_key_frame_within_the_range(recorded: Ring):
    """At most 160 pixels wide and no higher than may be shown; none where nothing is recorded."""
    footage = Footage(recorded.store, "cam1", Span(at(0), at(60)))

    small = thumbnails.take(footage, at(10.4), most_lines=720)

    assert small is not None
    assert small.jpeg.startswith(b"\xff\xd8")
    assert small.at <= at(10.4)
    low = thumbnails.take(footage, at(10.4), most_lines=90)
    assert low is not None
    (picture,) = cast("Any", av.CodecContext.create("mjpeg", "r")).decode(av.Packet(low.jpeg))
    assert (picture.width, picture.height) == (150, 90)
    nothing = Footage(recorded.store, "cam1", Span(at(31), at(39)))
    assert thumbnails.take(nothing, at(35), most_lines=720) is None


@pytest.mark.parametrize("moment", [_FIRST, at(-1e9), at(1e9), _LAST])
def test_a_moment_far_outside_the_range_costs_no_more_than_one_at_its_edge(recorded: Ring, moment: datetime):
    """The range lies in the middle of the recording: what is around it is never read."""
    read: list[datetime] = []
    whole = recorded.store.read

    def noting(segment: Segment) -> bytes:
        read.append(segment.t0)
        return whole(segment)

    recorded.store.read = noting  # type: ignore[method-assign]
    footage = Footage(recorded.store, "cam1", Span(at(12), at(18)))

    for looked in (footage.around, footage.before, footage.after):
        looked(moment)

    assert set(read) <= {segment.t0 for segment in recorded.store.segments("cam1", footage.span)}
    assert len(read) <= 2
