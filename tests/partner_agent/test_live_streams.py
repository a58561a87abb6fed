"""What a live view's pictures are made of, and how many a site makes anew at one time."""

from dataclasses import replace
from pathlib import Path
from typing import Any, cast

import anyio
import av
import pytest

from partner_agent.areas import shape_of
from partner_agent.ports import MediaError
from partner_agent.rtsp import SourceState
from partner_agent.simulator.camera import Camera, Stream
from partner_agent.wire.clock import SystemClock
from partner_agent.wire.problems import Code
from tests.partner_agent.test_uplink import DOOR, Relay, limits, order, uplink
from tests.support import cameras, waiting
from tests.support.cameras import camera_server

pytestmark = pytest.mark.anyio


def assert_black(relay: Relay, of: int) -> None:
    """The door, in so many pictures, each of which can be decoded without one to come."""
    decoder = cast("Any", av.CodecContext.create("h264", "r"))
    frames = [frame for unit in relay.units for frame in decoder.decode(av.Packet(unit.data))]
    assert len(frames) == len(relay.units) >= of
    for frame in frames:
        pixels, line = bytes(frame.planes[0]), frame.planes[0].line_size
        assert max(pixels[y * line + x] for y in range(24, 64) for x in range(20, 76)) < 30


async def test_beyond_the_bound_a_view_is_refused_and_those_that_run_go_on(camera: Camera, film: Path, tmp_path: Path):
    """Before anything is opened; an unmasked view needs no encoder, and a place that is given back is free."""
    camera.streams["main"] = cameras.small_stream(film, tmp_path)
    relay, others = Relay(), Relay()
    async with camera_server(camera) as port, anyio.create_task_group() as tasks:
        at = f"rtsp://127.0.0.1:{port}/cam1/main"
        async with uplink(tmp_path, relay, url=at, encoders=1) as (sender, premises, name):
            other = premises.known()[1].id
            for one in (name, other):
                sender._masks.put(one, DOOR)
            with anyio.fail_after(10):
                first = await sender.publish(order(name, 720, "door"), tasks=tasks)
                sender._publisher = cast("Any", others)
                joins, beyond = (sender.refusal(one, limits(720, "door")) for one in (name, other))
                with pytest.raises(MediaError) as refused:
                    await sender.publish(order(other, 720, "door"), tasks=tasks)
                plain = sender.refusal(other, limits(720))
                await waiting.until(lambda: len(relay.units) > 20)
                first.halt()
                freed, busy = sender.refusal(other, limits(720, "door")), premises.encoders.busy
        tasks.cancel_scope.cancel()

    assert (joins, beyond, refused.value.code) == (None, Code.LIMIT, Code.LIMIT)
    assert "max_encoders" in str(refused.value)
    assert (plain, freed, busy) == (None, None, 0)
    assert others.units == []
    assert_black(relay, 20)


async def test_views_that_are_opening_count_as_if_they_ran(tmp_path: Path):
    """A wall that is asked for at once is given as many as there is room for, and no more."""
    async with uplink(tmp_path, Relay(), url="rtsp://127.0.0.1:9/x", encoders=1) as (sender, premises, name):
        other = premises.known()[1].id
        for one in (name, other):
            sender._masks.put(one, DOOR)
        masked = limits(720, "door")

        assert sender.refusal(name, masked) is None
        assert sender.refusal(name, masked, [(name, masked)]) is None
        assert sender.refusal(name, masked, [(other, masked)]) is Code.LIMIT
        assert sender.refusal(name, masked, [(other, limits(720))]) is None
        assert sender.refusal(name, limits(720), [(other, masked)]) is None


async def test_a_camera_that_is_made_anew_takes_one_place_for_all_its_views(camera: Camera, film: Path, tmp_path: Path):
    """Also while it is opened only to be looked at; beyond the bound it is not even opened for that."""
    camera.streams["main"] = cameras.small_stream(film, tmp_path, b_frames=2)
    relay = Relay()
    async with camera_server(camera) as port, anyio.create_task_group() as tasks:
        at = f"rtsp://127.0.0.1:{port}/cam1/main"
        async with uplink(tmp_path, relay, url=at, convert=True, encoders=1) as (sender, premises, name):
            other = premises.known()[1].id
            with anyio.fail_after(15):
                await sender.publish(order(name), tasks=tasks)
                await sender.publish(order(name), tasks=tasks)
                await waiting.until(lambda: len(relay.units) > 5, timeout_s=10)
                premises.wake(other)
                await premises.for_live(other)[0].until(SourceState.STOPPED)
            busy, beyond, unopened = (
                premises.encoders.busy,
                sender.refusal(other, limits()),
                premises.for_live(other)[-1],
            )
            assert unopened.status.state is SourceState.CLOSED
        tasks.cancel_scope.cancel()

    assert (busy, beyond) == (1, Code.LIMIT)


async def test_what_is_made_anew_is_painted_in_the_same_go(camera: Camera, film: Path, tmp_path: Path):
    """A camera with B-frames under a black area: black in all that leaves, with one encoder, and no other running."""
    camera.streams["main"] = cameras.small_stream(film, tmp_path, b_frames=2)
    relay = Relay()
    async with camera_server(camera) as port, anyio.create_task_group() as tasks:
        at = f"rtsp://127.0.0.1:{port}/cam1/main"
        async with uplink(tmp_path, relay, url=at, convert=True, encoders=1) as (sender, premises, name):
            sender._masks.put(name, DOOR)
            with anyio.fail_after(15):
                opened = await sender.publish(order(name, 720, "door"), tasks=tasks)
                await waiting.until(lambda: len(relay.units) > 20, timeout_s=10)
            state, busy = premises.for_live(name)[-1].status.state, premises.encoders.busy
            opened.halt()
            assert premises.encoders.busy == 0
            with anyio.fail_after(5):
                await opened._stream.source.until(SourceState.OPENING, SourceState.RUNNING, SourceState.CLOSED)
        tasks.cancel_scope.cancel()

    assert (state, busy, opened.code) == (SourceState.CLOSED, 1, None)
    assert_black(relay, 20)


async def test_where_a_painted_picture_cannot_be_made_the_view_ends_and_is_not_tried_again(
    camera: Camera, film: Path, tmp_path: Path
):
    """The encoder refuses what the camera sends from now on: the end with its cause, said on the owner's page."""
    shown = Stream(cameras.small_stream(film, tmp_path, b_frames=2).pictures[:56], 15)
    camera.streams["main"] = shown
    relay = Relay()
    async with camera_server(camera) as port, anyio.create_task_group() as tasks:
        at = f"rtsp://127.0.0.1:{port}/cam1/main"
        async with uplink(tmp_path, relay, url=at, convert=True, encoders=1) as (sender, premises, name):
            sender._masks.put(name, DOOR)
            with anyio.fail_after(20):
                with premises.for_live(name)[0].subscribe():
                    await premises.for_live(name)[0].until(SourceState.STOPPED)
                camera.streams["main"] = cameras.one_after_the_other(shown, cameras.odd_stream())
                camera.start_offset_s = -SystemClock().monotonic()
                opened = await sender.publish(order(name, 720, "door"), tasks=tasks)
                await relay.ended.wait()
            source, said = opened._stream.source, premises.known()[0].sentence
            assert_black(relay, 1)
            opened.halt()
            camera.start_offset_s = -SystemClock().monotonic()
            with anyio.fail_after(15):  # the next view begins, and says nothing of the one before
                again = await sender.publish(order(name, 720, "door"), tasks=tasks)
            after = premises.known()[0].sentence
            again.halt()
        tasks.cancel_scope.cancel()

    assert (opened.code, source.status.state) == (Code.CODEC_UNSUPPORTED, SourceState.STOPPED)
    assert "black areas could not be painted" in said
    assert "black areas" not in after


async def test_a_picture_that_cannot_be_decoded_is_left_out_of_what_is_painted(
    camera: Camera, film: Path, tmp_path: Path
):
    """Those after it are shown, black where they must be, and the view goes on."""
    whole = cameras.small_stream(film, tmp_path, b_frames=2)
    broken = [replace(one, nals=(one.nals[-1][:1] + b"\xff" * 40,)) for one in whole.pictures[10:12]]
    camera.streams["main"] = Stream((*whole.pictures[:10], *broken, *whole.pictures[12:]), whole.fps)
    relay = Relay()
    async with camera_server(camera) as port, anyio.create_task_group() as tasks:
        at = f"rtsp://127.0.0.1:{port}/cam1/main"
        async with uplink(tmp_path, relay, url=at, convert=True, encoders=1) as (sender, _premises, name):
            sender._masks.put(name, DOOR)
            with anyio.fail_after(15):
                opened = await sender.publish(order(name, 720, "door"), tasks=tasks)
                await waiting.until(lambda: len(relay.units) > 40, timeout_s=10)
            is_over = relay.ended.is_set()
        tasks.cancel_scope.cancel()

    assert (opened.code, is_over) == (None, False)
    assert_black(relay, 40)


@pytest.mark.parametrize("shape", [shape_of(9, 16)])
async def test_an_area_without_a_place_in_what_is_made_anew_gives_no_picture(
    camera: Camera, film: Path, tmp_path: Path, shape: int
):
    """Not one leaves, the code says why, and its place is free again."""
    camera.streams["main"] = cameras.small_stream(film, tmp_path, b_frames=2)
    relay = Relay()
    async with camera_server(camera) as port, anyio.create_task_group() as tasks:
        at = f"rtsp://127.0.0.1:{port}/cam1/main"
        async with uplink(tmp_path, relay, url=at, convert=True, encoders=1) as (sender, premises, name):
            sender._masks.put(name, replace(DOOR, shape=shape))
            with anyio.fail_after(15), pytest.raises(MediaError) as refused:
                await sender.publish(order(name, 720, "door"), tasks=tasks)
            busy = premises.encoders.busy
        tasks.cancel_scope.cancel()

    assert (refused.value.code, busy, relay.units) == (Code.OBLIGATION_UNKNOWN, 0, [])


async def test_a_stream_too_large_for_the_line_does_not_give_way_to_a_larger_one(
    camera: Camera, film: Path, tmp_path: Path
):
    """The small one was measured and does not fit; the main one, of which nothing is known, is not even opened."""
    camera.streams["sub"] = cameras.small_stream(film, tmp_path)
    relay = Relay()
    async with camera_server(camera) as port, anyio.create_task_group() as tasks:
        at = f"rtsp://127.0.0.1:{port}/cam1"
        urls = {"url": f"{at}/main", "live_url": f"{at}/sub"}
        async with uplink(tmp_path, relay, rate_bps=20_000, **urls) as (sender, premises, name):
            small, main = premises.for_live(name)
            with anyio.fail_after(10), small.subscribe():
                await waiting.until(lambda: small.status.rate_bps, timeout_s=5)
            with pytest.raises(MediaError) as refused:
                await sender.publish(order(name), tasks=tasks)
            state, code = main.status.state, sender.refusal(name, limits())
        tasks.cancel_scope.cancel()

    assert (refused.value.code, state, relay.units) == (Code.LIMIT, SourceState.CLOSED, [])
    assert code is Code.LIMIT


async def test_who_may_have_less_joins_by_the_smaller_stream(camera: Camera, film: Path, tmp_path: Path):
    """An uplink that shows the main stream gives it back: from that instant nothing larger leaves, and it goes on."""
    camera.streams["sub"] = cameras.small_stream(film, tmp_path)
    camera.streams["main"] = cameras.small_stream(film, tmp_path, size=(320, 192))
    relay = Relay()
    async with camera_server(camera) as port, anyio.create_task_group() as tasks:
        at = f"rtsp://127.0.0.1:{port}/cam1"
        async with uplink(tmp_path, relay, url=f"{at}/main", live_url=f"{at}/sub") as (sender, _premises, name):
            with anyio.fail_after(20):
                opened = await sender.publish(order(name), tasks=tasks)
                opened.show(720)
                await waiting.until(lambda: 192 in heights(relay), timeout_s=10)
                assert opened.tighten(limits(95)) is Code.CODEC_UNSUPPORTED  # less than either: the others keep theirs
                assert sender.refusal(name, limits(96)) is None
                code, before = opened.tighten(limits(96)), len(relay.units)
                await waiting.until(lambda: len(relay.units) > before + 20, timeout_s=10)
                opened.show(1080)
                await waiting.until(lambda: len(relay.units) > before + 40, timeout_s=10)
        tasks.cancel_scope.cancel()

    assert (code, opened.code) == (None, None)
    seen = heights(relay)
    assert len(seen) == len(relay.units)
    assert set(seen[before:]) == {96}
    times = [unit.pts_90k for unit in relay.units]
    assert times == sorted(set(times))


async def test_loss_takes_nothing_from_a_camera_with_one_stream(camera: Camera, tmp_path: Path):
    """There is none smaller: the view goes on with it."""
    relay = Relay()
    async with camera_server(camera) as port, anyio.create_task_group() as tasks:
        async with uplink(tmp_path, relay, url=f"rtsp://127.0.0.1:{port}/cam1/main") as (sender, _premises, name):
            with anyio.fail_after(10):
                opened = await sender.publish(order(name), tasks=tasks)
                for _report in range(5):
                    opened._stream.heard_loss(255)
                before = len(relay.units)
                await waiting.until(lambda: len(relay.units) > before + 10)
            is_over = relay.ended.is_set()
        tasks.cancel_scope.cancel()

    assert (is_over, opened.code) == (False, None)


def heights(relay: Relay) -> list[int]:
    """What a viewer's decoder shows, picture by picture."""
    decoder = cast("Any", av.CodecContext.create("h264", "r"))
    return [frame.height for unit in relay.units for frame in decoder.decode(av.Packet(unit.data))]
