"""A camera source opens on demand, begins with a key picture, and tells the owner why it cannot."""

import itertools
import logging
import threading
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import datetime
from pathlib import Path
from typing import Any, cast

import anyio
import av
import pytest

from partner_agent.demux import CameraAddress
from partner_agent.rtc import nal
from partner_agent.rtc.units import AccessUnit
from partner_agent.rtsp import RECHECK_S, CameraSource, SourceState
from partner_agent.simulator.camera import Camera
from partner_agent.timing import ClockSource
from partner_agent.wire.clock import Clock, SystemClock
from partner_agent.wire.ids import SystemIds
from tests.support import cameras
from tests.support.cameras import PASSWORD, USER, camera_server

pytestmark = pytest.mark.anyio


@asynccontextmanager
async def running(
    port: int,
    *,
    path: str = "cam1/main",
    password: str = PASSWORD,
    recheck_s: float = RECHECK_S,
    clock: Clock | None = None,
) -> AsyncIterator[CameraSource]:
    """A source of a camera on `port`, being served."""
    address = CameraAddress(f"rtsp://127.0.0.1:{port}/{path}", USER, password)
    source = CameraSource(address, clock=clock or SystemClock(), ids=SystemIds(), linger_s=0.1, recheck_s=recheck_s)
    async with anyio.create_task_group() as group:
        group.start_soon(source.run)
        yield source
        group.cancel_scope.cancel()


async def take(source: CameraSource, count: int, *, replay_gop: bool = True) -> list[AccessUnit]:
    """The next `count` units, within ten seconds."""
    units: list[AccessUnit] = []
    with anyio.fail_after(10), source.subscribe(replay_gop=replay_gop) as subscription:
        async for unit in subscription:
            units.append(unit)
            if len(units) == count:
                break
    return units


async def test_first_unit_is_the_first_key_picture(camera: Camera):
    """The key picture that FFmpeg delivers without a time is neither lost nor misplaced."""
    async with camera_server(camera) as port, running(port) as source:
        units = await take(source, 12)

    assert [unit.is_key for unit in units[:9]] == [True, *[False] * 7, True]
    assert [nal.nal_type(part) for part in nal.split(units[0].data)][:2] == [nal.SPS, nal.PPS]
    assert [after.pts_90k - before.pts_90k for before, after in itertools.pairwise(units)] == [6000] * 11


async def test_parameter_sets_from_the_description_are_put_before_key_pictures(camera: Camera):
    """A camera that sends SPS and PPS only in its description can be joined at any key picture all the same."""
    camera.has_parameter_sets_in_band = False
    async with camera_server(camera) as port, running(port) as source:
        units = await take(source, 10)

    assert all(nal.has_parameter_sets(unit.data) for unit in units if unit.is_key)


async def test_a_camera_that_is_set_anew_while_it_runs_is_followed(camera: Camera, film: Path, tmp_path: Path):
    """From the change on its new parameter sets stand before every key picture, and its new size is told."""
    before, after = camera.streams["main"], cameras.small_stream(film, tmp_path, size=(320, 192))
    camera.streams["main"] = cameras.one_after_the_other(before, after)
    camera.start_offset_s = before.duration_s - 1 - SystemClock().monotonic()
    async with camera_server(camera) as port, running(port) as source:
        new = nal.join(after.parameter_sets())
        with anyio.fail_after(20), source.subscribe() as subscription:
            units = [await anext(subscription)]
            assert source.status.facts is not None
            assert source.status.facts.height == 96
            while sum(nal.parameter_sets(unit.data) == new for unit in units) < 3:
                units.append(await anext(subscription))

        assert (source.status.facts.width, source.status.facts.height) == (320, 192)
    sets = [nal.parameter_sets(unit.data) for unit in units if unit.is_key]
    assert sets == sorted(sets, key=lambda one: one == new)
    assert set(sets) == {nal.join(before.parameter_sets()), new}
    assert height_decoded(units) == 192


def height_decoded(units: list[AccessUnit]) -> int:
    """How many lines the last picture has, decoded from the last key picture on."""
    decoder = av.CodecContext.create("h264", "r")
    last = max(at for at, unit in enumerate(units) if unit.is_key)
    frames = [frame for unit in units[last:] for frame in decoder.decode(av.Packet(unit.data))]
    return (frames + decoder.decode(None))[-1].height


async def test_capture_times_come_from_the_cameras_clock(camera: Camera):
    """A plausible camera clock is used, also for the first picture."""
    camera.clock_offset_s = -1.5
    async with camera_server(camera) as port, running(port) as source:
        before = SystemClock().now()
        units = await take(source, 5)
        status = source.status

    assert status.clock_source is ClockSource.CAMERA
    assert status.clock_offset_ms is not None
    assert abs(status.clock_offset_ms + 1500) < 300
    assert units[0].captured_at is not None
    assert -1.7 < (units[0].captured_at - before).total_seconds() < 0


class Breaks(SystemClock):
    """A clock that fails its first `left` readers in other threads: a fault in the demultiplexer nobody foresaw."""

    def __init__(self, left: int) -> None:
        self.left = left

    def now(self) -> datetime:
        if threading.current_thread() is not threading.main_thread() and self.left:
            self.left -= 1
            raise OverflowError("nobody foresaw this")
        return super().now()


async def test_a_stream_that_cannot_be_read_is_said_and_tried_again(camera: Camera, caplog: pytest.LogCaptureFixture):
    """What nobody foresaw ends neither the source nor the agent, and does not print the camera's password."""
    async with camera_server(camera) as port, running(port, clock=Breaks(1)) as source:
        with anyio.fail_after(10), source.subscribe() as subscription:
            status = await source.until(SourceState.WAITING)
            assert (await anext(subscription)).is_key

    assert (status.code, status.sentence) == (
        "camera_unreachable",
        "This camera sent what cannot be read. It is tried again by itself.",
    )
    assert "OverflowError at " in caplog.text
    assert "nobody foresaw this" not in caplog.text  # an error of FFmpeg's would say the password here


async def test_a_wrong_camera_clock_is_reported_and_not_used(camera: Camera):
    """A camera two hours off keeps the agent's time and has its error told."""
    camera.clock_offset_s = -7200
    async with camera_server(camera) as port, running(port) as source:
        units = await take(source, 5)
        status, now = source.status, SystemClock().now()

    assert status.clock_source is ClockSource.AGENT
    assert status.clock_offset_ms is not None
    assert abs(status.clock_offset_ms + 7_200_000) < 1000
    assert units[-1].captured_at is not None
    assert abs((now - units[-1].captured_at).total_seconds()) < 2


async def test_the_end_of_the_rtp_clock_is_not_seen(camera: Camera):
    """It has 32 bits and begins anew every 13 hours; pictures keep their distance."""
    camera.timestamp_base = 2**32 - 90_000
    async with camera_server(camera) as port, running(port) as source:
        units = await take(source, 40)

    assert [after.pts_90k - before.pts_90k for before, after in itertools.pairwise(units)] == [6000] * 39


@pytest.mark.parametrize("step_s", [-3600.0, -0.5, 3600.0])
async def test_a_camera_that_sets_its_rtp_clock_goes_on(camera: Camera, step_s: float):
    """Back by a little or an hour, or ahead: the stream does not break, and pictures stay where they were taken."""
    async with camera_server(camera) as port, running(port) as source:
        with anyio.fail_after(10), source.subscribe() as subscription:
            units = [await anext(subscription) for _ in range(20)]
            camera.media_offset_s = step_s
            units += [await anext(subscription) for _ in range(20)]
            now, status = SystemClock().now(), source.status

    distances = [after.pts_90k - before.pts_90k for before, after in itertools.pairwise(units)]
    assert all(0 < distance < 18_000 for distance in distances)
    assert abs(units[-1].pts_90k - units[0].pts_90k - 39 * 6000) < 18_000
    assert (status.state, camera.plays) == (SourceState.RUNNING, 1)
    assert units[-1].captured_at is not None
    assert abs((now - units[-1].captured_at).total_seconds()) < 1


async def test_a_camera_whose_rtp_begins_anew_goes_on(camera: Camera):
    """Another source (SSRC), other numbers, another clock, on the same connection: pictures go on where they were."""
    async with camera_server(camera) as port, running(port) as source:
        with anyio.fail_after(20), source.subscribe() as subscription:
            units = [await anext(subscription) for _ in range(20)]
            for _twice in range(2):
                camera.rtp_restarts += 1
                units += [await anext(subscription) for _ in range(30)]

    distances = [after.pts_90k - before.pts_90k for before, after in itertools.pairwise(units)]
    assert all(0 < distance < 2 * 90_000 for distance in distances)
    decoder = cast("Any", av.CodecContext.create("h264", "r"))
    assert sum(len(decoder.decode(av.Packet(unit.data))) for unit in units) > 70


async def test_a_camera_whose_wall_clock_is_set_while_it_runs_is_not_believed(camera: Camera):
    """An hour back: its reports are told and no longer used."""
    async with camera_server(camera) as port, running(port) as source:
        with anyio.fail_after(15), source.subscribe() as subscription:
            await anext(subscription)
            camera.clock_offset_s = -3600
            while source.status.clock_source is not ClockSource.AGENT:
                unit = await anext(subscription)
            now, status = SystemClock().now(), source.status

    assert status.clock_offset_ms is not None
    assert abs(status.clock_offset_ms + 3_600_000) < 1000
    assert unit.captured_at is not None
    assert abs((now - unit.captured_at).total_seconds()) < 1


async def test_without_reports_the_agents_clock_is_used(camera: Camera):
    """A camera that never tells the time gets times of arrival."""
    camera.sends_reports = False
    async with camera_server(camera) as port, running(port) as source:
        await take(source, 5)

        assert source.status.clock_source is ClockSource.AGENT
        assert source.status.clock_offset_ms is None


async def test_one_wrong_password_ends_all_tries(camera: Camera):
    """The password is offered once; then the source waits for the owner, whoever subscribes."""
    async with camera_server(camera) as port, running(port, password="wrong") as source:
        assert await take(source, 1) == []
        status = source.status
        assert await take(source, 1) == []

        assert (status.state, status.code) == (SourceState.STOPPED, "camera_auth")
        assert "password" in status.sentence
        assert camera.refused_passwords == 1


@pytest.mark.parametrize("algorithms", [("SHA-256",), ("MD5", "SHA-256")])
async def test_an_unknown_sign_in_is_not_called_a_wrong_password(camera: Camera, algorithms: tuple[str, ...]):
    """FFmpeg cannot answer SHA-256; the owner is told that, not to type the password again."""
    camera.algorithms = algorithms
    async with camera_server(camera) as port, running(port) as source:
        await take(source, 1)

        assert source.status.code == "camera_auth"
        assert "SHA-256" in source.status.sentence


async def test_rotated_password_stops_a_running_source(camera: Camera):
    """A camera whose password changes under a running stream is tried once, then left alone."""
    async with camera_server(camera) as port, running(port) as source:
        with anyio.fail_after(10), source.subscribe() as subscription:
            await anext(subscription)
            camera.rotate_password("new")
            await source.until(SourceState.STOPPED)

        assert source.status.code == "camera_auth"
        assert camera.refused_passwords == 1


async def test_neither_address_nor_password_leave_in_errors_or_logs(
    camera: Camera, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
):
    """FFmpeg prints the whole URL in its errors; nothing of it passes."""
    caplog.set_level(logging.DEBUG)
    secret = "p@ss:/ %word"
    async with camera_server(camera) as port, running(port, password=secret) as source:
        await take(source, 1)
        told = repr(source.status) + repr(source._address)

    told += caplog.text + "".join(capfd.readouterr())
    for piece in (secret, "p%40ss", "rtsp://", USER):
        assert piece not in told


async def test_passwords_with_special_characters_work(camera: Camera):
    """A password is not a piece of a URL."""
    camera.password = "p@ss:/ %#?ü"
    async with camera_server(camera) as port, running(port, password=camera.password) as source:
        assert len(await take(source, 2)) == 2


@pytest.mark.slow
async def test_silence_is_noticed_within_five_seconds(camera: Camera):
    """A frozen camera is reported, and the stream goes on by itself when it thaws."""
    clock = SystemClock()
    async with camera_server(camera) as port, running(port) as source:
        with anyio.fail_after(20), source.subscribe() as subscription:
            await anext(subscription)
            camera.is_frozen = True
            began_s = clock.monotonic()
            await source.until(SourceState.WAITING)
            noticed_s = clock.monotonic() - began_s
            code = source.status.code
            camera.is_frozen = False
            subscription.waiting()
            unit = await anext(subscription)

    assert noticed_s < 5
    assert code == "camera_unreachable"
    assert unit.is_key


async def test_a_lost_connection_comes_back_on_a_rising_time_line(camera: Camera):
    """After a hang-up the same subscription goes on with a key picture, later on the time line than all before."""
    async with camera_server(camera) as port, running(port) as source:
        with anyio.fail_after(15), source.subscribe() as subscription:
            before = [await anext(subscription) for _ in range(3)]
            camera.hang_up()
            await source.until(SourceState.WAITING)
            before += subscription.waiting()
            after = await anext(subscription)

    assert after.is_key
    assert after.pts_90k > before[-1].pts_90k
    assert camera.plays == 2


async def test_b_frames_are_refused_with_the_remedy(camera: Camera, film: Path, tmp_path: Path):
    """An encoder that reorders pictures cannot be shown live, and the owner is told what to change."""
    camera.streams["main"] = cameras.small_stream(film, tmp_path, b_frames=2)
    async with camera_server(camera) as port, running(port) as source:
        await take(source, 60)

        assert (source.status.state, source.status.code) == (SourceState.STOPPED, "codec_unsupported")
        assert "B-frames" in source.status.sentence


async def test_a_camera_that_was_set_anew_can_be_shown_without_a_restart(camera: Camera, film: Path, tmp_path: Path):
    """What could not be shown is looked at again after a while, once somebody wants it."""
    good, camera.streams["main"] = camera.streams["main"], cameras.small_stream(film, tmp_path, b_frames=2)
    async with camera_server(camera) as port, running(port, recheck_s=0.2) as source:
        await take(source, 60)
        camera.streams["main"] = good

        with anyio.fail_after(10):
            await source.until(SourceState.CLOSED)
        assert len(await take(source, 3)) == 3


async def test_a_wrong_password_is_never_tried_again(camera: Camera):
    """However long it is: another try could lock the camera."""
    async with camera_server(camera) as port, running(port, password="wrong", recheck_s=0.0) as source:
        await take(source, 1)
        with anyio.move_on_after(0.3):
            await source.until(SourceState.CLOSED)

        assert await take(source, 1) == []
        assert camera.refused_passwords == 1


async def test_a_dead_address_is_tried_again(camera: Camera):
    """Nothing listening is no reason to give up."""
    async with camera_server(camera) as port:
        pass
    async with running(port) as source:
        with anyio.fail_after(10), source.subscribe():
            status = await source.until(SourceState.WAITING)
            await source.until(SourceState.OPENING)

    assert status.code == "camera_unreachable"


async def test_a_camera_that_is_back_is_asked_and_not_judged_by_its_last_failure(camera: Camera):
    """Whoever wants it anew is not told at once why the one before got nothing; they get a picture."""
    camera.is_down = True
    async with camera_server(camera) as port, running(port) as source:
        with anyio.fail_after(10), source.subscribe():
            await source.until(SourceState.WAITING)
        await anyio.wait_all_tasks_blocked()
        camera.is_down = False

        with anyio.fail_after(10), source.subscribe():
            status = await source.until(SourceState.RUNNING, SourceState.WAITING, SourceState.STOPPED)

    assert status.state is SourceState.RUNNING


async def test_a_view_never_begins_with_pictures_from_before_the_camera_was_closed(camera: Camera):
    """Whoever opens it again sees what it sees now, not what its last viewer saw."""
    async with camera_server(camera) as port, running(port) as source:
        await take(source, 10)
        with anyio.fail_after(10):
            await source.until(SourceState.CLOSED)
        opened_at = SystemClock().now()
        (unit,) = await take(source, 1)

    assert unit.captured_at is not None
    assert unit.captured_at > opened_at


async def test_the_time_in_which_a_camera_was_closed_is_no_distance_of_key_pictures(camera: Camera):
    """A camera that was closed for a second still sends a key picture every half second."""
    async with camera_server(camera) as port, running(port) as source:
        await take(source, 10)
        with anyio.fail_after(10):
            await source.until(SourceState.CLOSED)
        await anyio.sleep(1.0)
        await take(source, 2)

        assert source.status.key_distance_s == pytest.approx(8 / 15)


async def test_second_consumer_begins_with_the_running_group(camera: Camera, film: Path, tmp_path: Path):
    """Whoever joins gets the group of pictures that runs, at once, and the camera is opened once."""
    camera.streams["main"] = cameras.small_stream(film, tmp_path, gop_frames=40)
    async with camera_server(camera) as port, running(port) as source:
        with source.subscribe() as first:
            units = [await anext(first) for _ in range(6)]
            with source.subscribe() as second:
                replayed = second.waiting()

    assert replayed[:6] == units
    assert camera.plays == 1


async def test_nobody_watching_closes_the_camera(camera: Camera):
    """The camera is left alone when nobody wants it."""
    async with camera_server(camera) as port, running(port) as source:
        await take(source, 2)
        with anyio.fail_after(10):
            await source.until(SourceState.CLOSED)


@pytest.mark.parametrize("url", ["http://camera/x", "file:///etc/passwd", "rtsp://", "rtsp://user:pw@camera/x"])
def test_only_camera_addresses_are_dialled(url: str):
    """Other schemes, and passwords inside the address, are refused before FFmpeg sees them."""
    with pytest.raises(ValueError, match=r"rtsp://|beside"):
        CameraAddress(url)
