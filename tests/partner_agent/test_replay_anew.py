"""A view of a recording with black areas: black in every picture that leaves, whichever is asked for, or none does."""

import threading
from collections.abc import Callable, Sequence
from contextlib import suppress
from datetime import datetime, timedelta
from functools import lru_cache
from pathlib import Path
from typing import Any, cast

import anyio
import av
import pytest

from partner_agent import thumbnails
from partner_agent.areas import Area, box, shape_of
from partner_agent.ports import Steer
from partner_agent.remaking import Remaker
from partner_agent.replay import Replay
from partner_agent.ring.footage import Footage, Shot
from partner_agent.ring.model import Span
from partner_agent.rtc import nal
from partner_agent.rtc.units import AccessUnit
from partner_agent.simulator.camera import Stream
from partner_agent.switching import height_of
from partner_agent.wire.problems import Code
from tests.fakes.clock import START, FakeClock
from tests.support.recordings import Ring, units_of

pytestmark = pytest.mark.anyio
SHAPE = shape_of(160, 96)
LEFT = Area("left", "Left", box(1000, 2000, 4000, 7000), SHAPE)
ELSEWHERE = Area("left", "Left", LEFT.points, shape_of(4, 3))
LOOP = 88  # pictures of the camera until it begins again, each with its number in it
BLACK = 16 + 24  # what the encoder may be off by where black meets white


def at(seconds: float) -> datetime:
    """So long after the recording began."""
    return START + timedelta(seconds=seconds)


@pytest.fixture
def recorded(ring: Ring, small_stream: Stream, clock: FakeClock) -> Ring:
    """Twenty seconds; it is two minutes later now."""
    ring.record(units_of(small_stream, START, 20))
    clock.advance(120)
    return ring


def footage_of(ring: Ring) -> Footage:
    """All of it."""
    return Footage(ring.store, "cam1", Span(at(0), at(20)))


def replay(ring: Ring, *areas: Area, begin: float = 0, most_lines: int = 720, **changes: Any) -> Replay:
    """A view of the recording with these areas black."""
    remaker = Remaker(areas, most_lines=most_lines)
    return Replay(footage_of(ring), at=at(begin), clock=ring.clock, remaker=remaker, **changes)


async def take(view: Replay, count: int) -> list[AccessUnit]:
    """The next units."""
    with anyio.fail_after(20):
        return [await anext(view) for _ in range(count)]


async def steered(view: Replay, *orders: Steer) -> list[list[AccessUnit]]:
    """What leaves for each of these orders while the view is paused."""
    found: list[list[AccessUnit]] = []
    for order in orders:
        found.append([])
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(gather, view, found[-1])
            await view.steer(order)
            while not found[-1]:
                await anyio.lowlevel.checkpoint()
            await anyio.wait_all_tasks_blocked()
            tasks.cancel_scope.cancel()
    return found


async def gather(view: Replay, units: list[AccessUnit]) -> None:
    """Take everything that leaves."""
    with suppress(StopAsyncIteration):
        while True:
            units.append(await anext(view))


def decoded(units: Sequence[AccessUnit]) -> list[av.VideoFrame]:
    """As a viewer sees them."""
    decoder = cast("Any", av.CodecContext.create("h264", "r"))
    return [frame for unit in units for frame in decoder.decode(av.Packet(unit.data))]


def lumas(frame: av.VideoFrame, left: float, top: float, right: float, bottom: float) -> list[int]:
    """The brightness of each pixel of a part of the picture."""
    pixels, line = bytes(frame.planes[0]), frame.planes[0].line_size
    rows = range(round(top * frame.height), round(bottom * frame.height))
    return [
        one
        for y in rows
        for one in pixels[y * line + round(left * frame.width) : y * line + round(right * frame.width)]
    ]


def is_black(frame: av.VideoFrame, *, inset: float = 0.0) -> bool:
    """Whether nothing is seen where it must be black; `inset` where a smaller picture mixes the edge with more."""
    return max(lumas(frame, 0.1 + inset, 0.2 + inset, 0.4 - inset, 0.7 - inset)) <= BLACK


@lru_cache(maxsize=1)
def _loop(pictures: tuple[Any, ...]) -> list[list[int]]:
    units = [AccessUnit(nal.join(one.nals), number, one.is_key, None) for number, one in enumerate(pictures)]
    return [lumas(frame, 0.5, 0.0, 1.0, 1.0) for frame in decoded(units)]


def shows(frame: av.VideoFrame, stream: Stream) -> int:
    """Which picture of the camera's loop this is, by its right half."""
    seen = lumas(frame, 0.5, 0.0, 1.0, 1.0)
    off = [sum(abs(a - b) for a, b in zip(seen, one, strict=True)) for one in _loop(tuple(stream.pictures))]
    return off.index(min(off))


# --- black in whatever leaves


async def test_at_its_own_speed_every_picture_leaves_black_and_in_its_time(recorded: Ring, small_stream: Stream):
    """From the very first: as many pictures, in as much time, each the one that was recorded then."""
    view, before = replay(recorded, LEFT), recorded.clock.monotonic()

    units = await take(view, 31)
    frames = decoded(units)

    assert units[0].is_key
    assert nal.has_parameter_sets(units[0].data)
    assert all(map(is_black, frames))
    assert [shows(frame, small_stream) for frame in frames] == list(range(31))
    assert recorded.clock.monotonic() - before == pytest.approx(2.0, abs=0.01)
    assert units[30].pts_90k - units[0].pts_90k == pytest.approx(2 * 90_000, abs=20)


@pytest.mark.parametrize("speed", [50, 200, 400, 800])
async def test_at_every_speed_it_is_black_and_as_fast_as_asked_for(recorded: Ring, speed: int):
    """From four times the speed on, key pictures only, each made anew."""
    view = replay(recorded, LEFT)
    first = await take(view, 1)
    await view.steer(Steer(speed_percent=speed))
    before = recorded.clock.monotonic()

    frames = decoded(first + await take(view, 20))

    passed_s = recorded.clock.monotonic() - before
    assert len(frames) == 21
    assert all(map(is_black, frames))
    assert (view.where.position - at(0)).total_seconds() == pytest.approx(passed_s * speed / 100, rel=0.1)


async def test_a_seek_shows_that_picture_and_none_before_it(recorded: Ring, small_stream: Stream):
    """Those that it takes to decode it stay on site, and are not counted as seen; what follows goes on from it."""
    view = replay(recorded, LEFT)
    first = await take(view, 3)
    (there,) = await steered(view, Steer(position=at(10.4), is_paused=True))
    await view.steer(Steer(is_paused=False))
    later = await take(view, 5)

    frames = decoded([*first, *there, *later])
    assert len(there) == 1
    assert there[0].is_key
    assert all(map(is_black, frames))
    assert [shows(frame, small_stream) for frame in frames[3:]] == [(156 + n) % LOOP for n in range(6)]
    assert [
        (round((one - START).total_seconds() * 15), round((two - START).total_seconds() * 15))
        for one, two in view.watched.told()
    ] == [(0, 2), (156, 161)]


async def test_steps_on_and_back_are_black_and_the_neighbours(recorded: Ring, small_stream: Stream):
    """Over the edges of groups and of segments, one picture each."""
    view = replay(recorded, LEFT, begin=10)
    first = await take(view, 1)
    (here,) = await steered(view, Steer(position=at(10), is_paused=True))
    steps = [-1] * 12 + [1] * 20

    sent = await steered(view, *(Steer(step=step) for step in steps))

    frames = decoded([*first, *here, *(unit for units in sent for unit in units)])
    assert [len(units) for units in sent] == [1] * len(steps)
    assert all(map(is_black, frames))
    wanted = [150 + sum(steps[: n + 1]) for n in range(len(steps))]
    assert [shows(frame, small_stream) for frame in frames[2:]] == [one % LOOP for one in wanted]


async def test_of_several_jumps_only_the_last_is_made(recorded: Ring, small_stream: Stream):
    """A hand that scrubs gets the picture it stopped at."""
    view, units = replay(recorded, LEFT), list[AccessUnit]()
    with anyio.fail_after(20):
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(gather, view, units)
            async with anyio.create_task_group() as hand:
                for second in (3, 15, 7, 12):
                    hand.start_soon(view.steer, Steer(position=at(second), is_paused=True))
            await anyio.wait_all_tasks_blocked()
            tasks.cancel_scope.cancel()

    frames = decoded(units)
    assert all(map(is_black, frames))
    assert shows(frames[-1], small_stream) == 180 % LOOP


async def test_who_waits_gets_a_picture_to_begin_with(recorded: Ring):
    """The next one after it was asked for."""
    remaker = Remaker([LEFT], most_lines=720)
    view = Replay(footage_of(recorded), at=at(0), clock=recorded.clock, remaker=remaker)
    await take(view, 5)
    remaker.want_key()

    assert [unit.is_key for unit in await take(view, 2)] == [True, False]


async def test_a_machine_that_is_behind_shows_fewer_pictures_and_not_later_ones(recorded: Ring, small_stream: Stream):
    """Where making one takes as long as three pictures last, every third is shown, in its time."""
    view, clock = replay(recorded, LEFT), recorded.clock
    make, remaker = view._remaker.make, view._remaker  # type: ignore[union-attr]
    first = await take(view, 1)

    def slow(shots: Sequence[Shot], index: int, pts_90k: int) -> AccessUnit:
        clock.advance(0.2)
        return make(shots, index, pts_90k)

    cast("Any", remaker).make = slow
    before, start = clock.monotonic(), view.where.position
    frames = decoded(first + await take(view, 20))

    passed_s = clock.monotonic() - before
    assert all(map(is_black, frames))
    assert (view.where.position - start).total_seconds() == pytest.approx(passed_s, abs=0.3)


# --- or none


def spoilt(shots: list[Shot]) -> list[Shot]:
    """A recording whose pictures are no pictures."""
    return [Shot(shot.data[:40] + bytes(len(shot.data)), shot.at, shot.is_key) for shot in shots]


async def test_an_area_without_a_place_ends_it_before_anything_leaves(recorded: Ring):
    """The recording has another shape than the picture the area was drawn on."""
    view = replay(recorded, ELSEWHERE)

    with pytest.raises(StopAsyncIteration):
        await take(view, 1)
    assert view.code is Code.OBLIGATION_UNKNOWN
    assert view.watched.told() == []


@pytest.mark.parametrize("when", ["at the seek", "while it plays"])
async def test_what_cannot_be_made_anew_ends_it_unsent(recorded: Ring, when: str):
    """Nothing goes around the paint, and who waits for the picture is answered."""
    view = replay(recorded, LEFT)
    await take(view, 2)

    def broken(*_: object) -> AccessUnit:
        raise MemoryError

    cast("Any", view._remaker).make = broken
    units: list[AccessUnit] = []
    with anyio.fail_after(10):
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(gather, view, units)
            if when == "at the seek":
                await view.steer(Steer(position=at(10)))

    assert units == []
    assert view.code is Code.CODEC_UNSUPPORTED
    await view.steer(Steer(position=at(12)))  # nobody is left waiting


async def test_a_picture_that_cannot_be_decoded_ends_it(recorded: Ring):
    """A recording that is damaged inside, although its digest fits."""
    footage = footage_of(recorded)
    around: Callable[[datetime], list[Shot]] = footage.around
    footage.around = lambda moment: spoilt(around(moment))  # type: ignore[method-assign]
    view = Replay(footage, at=at(0), clock=recorded.clock, remaker=Remaker([LEFT], most_lines=720))

    with pytest.raises(StopAsyncIteration):
        await take(view, 1)
    assert view.code is Code.CODEC_UNSUPPORTED


# --- how high, and what a decoder keeps back


async def test_what_was_recorded_higher_than_may_be_seen_is_made_smaller(recorded: Ring):
    """Same shape, even numbers, painted before; with no area too."""
    for areas in ((LEFT,), ()):
        units = await take(replay(recorded, *areas, most_lines=49), 10)
        frames = decoded(units)

        assert height_of(units[0]) == 48
        assert {(frame.width, frame.height) for frame in frames} == {(82, 48)}
        assert all(is_black(frame, inset=0.03) for frame in frames) is bool(areas)


def noise(path: Path, *, b_frames: int) -> list[Shot]:
    """A recording in which no picture can be told from its neighbours, so that an encoder finds no use for B-frames."""
    shots = []
    with av.open(str(path), "w", format="h264") as container:
        options = {
            "preset": "ultrafast",
            "x264-params": f"bframes={b_frames}:b-adapt=1:keyint=8:scenecut=0:repeat-headers=1",
        }
        stream = container.add_stream("libx264", rate=15, options=options)
        stream.width, stream.height, stream.pix_fmt = 160, 96, "yuv420p"
        pictures = []
        for number in range(24):
            frame = av.VideoFrame(160, 96, "yuv420p")
            for plane in frame.planes:
                plane.update(bytes([(number * 37) % 200 + 30]) * plane.buffer_size)
            frame.pts = number
            pictures += stream.encode(frame)
        pictures += stream.encode(None)
    for packet in pictures:
        assert packet.pts is not None
        shots.append(Shot(bytes(packet), at(packet.pts / 15), bool(packet.is_keyframe)))
    return shots


@pytest.mark.parametrize("index", [0, 3, 7, 8, 15, 23])
def test_a_decoder_that_keeps_pictures_back_is_given_what_it_needs(tmp_path: Path, index: int):
    """The picture asked for comes out, not one before it, at the end of the recording too; then the next."""
    shots = noise(tmp_path / "noise.h264", b_frames=2)
    remaker, brightness = Remaker([], most_lines=720), lambda number: (number * 37) % 200 + 30
    order = [index, *(n for n in (index + 1, index - 1) if 0 <= n < len(shots))]

    frames = decoded([remaker.make(shots, n, 6000 * k) for k, n in enumerate(order)])

    shown = [lumas(frame, 0.4, 0.4, 0.6, 0.6) for frame in frames]
    for n, seen in zip(order, shown, strict=True):
        wanted = round((shots[n].at - START).total_seconds() * 15)
        assert sum(seen) / len(seen) == pytest.approx(brightness(wanted), abs=6)


def test_a_view_that_is_left_keeps_no_thread(recorded: Ring):
    """All work is done in the calls themselves."""
    before = threading.active_count()
    shots = footage_of(recorded).around(at(0))
    Remaker([LEFT], most_lines=720).make(shots, 5, 0)

    assert threading.active_count() == before


# --- small pictures


def test_a_small_picture_is_black_too_or_not_given(recorded: Ring):
    """Painted before it is made smaller; none where the area has no place in it."""
    footage = footage_of(recorded)

    plain, painted = (thumbnails.take(footage, at(5), areas=areas, most_lines=720) for areas in ((), (LEFT,)))
    low = thumbnails.take(footage, at(5), areas=(LEFT,), most_lines=40)

    assert plain is not None
    assert painted is not None
    assert low is not None
    assert [is_black(opened(one.jpeg), inset=0.03) for one in (plain, painted, low)] == [False, True, True]
    assert opened(low.jpeg).height == 40
    assert thumbnails.take(footage, at(5), areas=(ELSEWHERE,), most_lines=720) is None


def opened(jpeg: bytes) -> av.VideoFrame:
    """A JPEG as a picture."""
    (frame,) = cast("Any", av.CodecContext.create("mjpeg", "r")).decode(av.Packet(jpeg))
    return cast("av.VideoFrame", frame)
