"""A camera that is not ours: GStreamer's RTSP server, with its own encoder, its own digest, its own timing."""

import itertools
import subprocess
from collections.abc import Iterator
from pathlib import Path

import anyio
import av
import pytest

from partner_agent.demux import CameraAddress, Transport
from partner_agent.premises import Premises
from partner_agent.rtc import nal
from partner_agent.rtc.units import AccessUnit
from partner_agent.rtsp import CameraSource, SourceState
from partner_agent.settings import CameraSettings, Secret
from partner_agent.store import Store
from partner_agent.wire.clock import SystemClock
from partner_agent.wire.ids import SystemIds
from tests.support import foreign, waiting
from tests.support.foreign import PASSWORD, USER

pytestmark = [pytest.mark.anyio, pytest.mark.camera, pytest.mark.slow]


@pytest.fixture
def server() -> Iterator[tuple[int, subprocess.Popen[str]]]:
    """A running server, its port and its process."""
    with foreign.serving() as found:
        yield found


async def take(source: CameraSource, count: int) -> list[AccessUnit]:
    """The next `count` units, or fewer if the source stops for good."""
    units: list[AccessUnit] = []
    with anyio.fail_after(20):
        async with anyio.create_task_group() as group:
            group.start_soon(source.run)
            with source.subscribe() as subscription:
                async for unit in subscription:
                    units.append(unit)
                    if len(units) == count:
                        break
            group.cancel_scope.cancel()
    return units


def source_of(port: int, path: str, password: str = PASSWORD, transport: Transport = "auto") -> CameraSource:
    """A source of one of the server's streams."""
    address = CameraAddress(f"rtsp://127.0.0.1:{port}/{path}", USER, password, transport)
    return CameraSource(address, clock=SystemClock(), ids=SystemIds())


async def test_foreign_stream_begins_with_a_key_picture_and_rises(server: tuple[int, subprocess.Popen[str]]):
    """Its first unit can be decoded alone, and times rise at the frame distance."""
    units = await take(source_of(server[0], "h264"), 40)

    assert units[0].is_key
    assert nal.has_parameter_sets(units[0].data)
    assert all(after.pts_90k > before.pts_90k for before, after in itertools.pairwise(units))
    assert abs(units[-1].pts_90k - units[0].pts_90k - 39 * 6000) < 6000


async def test_foreign_wrong_password_is_told(server: tuple[int, subprocess.Popen[str]]):
    """Its 401 is a wrong password, once."""
    source = source_of(server[0], "h264", "wrong")

    assert await take(source, 1) == []
    assert (source.status.state, source.status.code) == (SourceState.STOPPED, "camera_auth")


@pytest.mark.parametrize(("path", "word"), [("h265", "HEVC"), ("h264-b", "B-frames")])
async def test_foreign_unusable_streams_are_named(server: tuple[int, subprocess.Popen[str]], path: str, word: str):
    """H.265 and B-frames are refused with the remedy."""
    source = source_of(server[0], path)
    await take(source, 200)

    assert source.status.code == "codec_unsupported"
    assert word in source.status.sentence


@pytest.mark.parametrize(("path", "word"), [("h265", "not H.264"), ("h264-b", "B-frames")])
async def test_foreign_cameras_other_stream_is_chosen(
    server: tuple[int, subprocess.Popen[str]], tmp_path: Path, path: str, word: str
):
    """Where the stream for live views cannot be shown, the main one is, and the owner's page says why."""
    at = f"rtsp://127.0.0.1:{server[0]}"
    settings = CameraSettings(
        name="door", url=f"{at}/h264", live_url=f"{at}/{path}", user=USER, password=Secret(PASSWORD)
    )
    site = Premises((settings,), store=Store(tmp_path / "a.db"), clock=SystemClock(), ids=SystemIds())
    meant, main = site.for_live(site.known()[0].id)
    assert await take(meant, 1) == []
    assert len(await take(main, 1)) == 1

    info = site.known()[0]
    assert info.codec == "h264"
    assert info.live_stream.startswith("Live pictures come from its main stream")
    assert word in info.live_stream


async def test_foreign_camera_that_dies_is_noticed(server: tuple[int, subprocess.Popen[str]]):
    """A killed server is a lost camera at once."""
    port, process = server
    source = source_of(port, "h264")
    with anyio.fail_after(20):
        async with anyio.create_task_group() as group:
            group.start_soon(source.run)
            with source.subscribe() as subscription:
                await anext(subscription)
                process.kill()
                status = await source.until(SourceState.WAITING)
            group.cancel_scope.cancel()

    assert status.code == "camera_unreachable"


@pytest.mark.parametrize("transport", ["auto", "udp"])
async def test_foreign_camera_that_refuses_tcp_is_read_by_udp(
    server: tuple[int, subprocess.Popen[str]], transport: Transport
):
    """It answers 461 to TCP; UDP is asked for by itself, or where the owner says so, and nothing is lost on the way."""
    units = await take(source_of(server[0], "h264-udp", transport=transport), 40)

    assert units[0].is_key
    assert abs(units[-1].pts_90k - units[0].pts_90k - 39 * 6000) < 6000


async def test_foreign_camera_that_refuses_what_the_owner_insists_on_is_told(
    server: tuple[int, subprocess.Popen[str]],
):
    """TCP and nothing else, from a camera of UDP: the sentence names the setting."""
    source = source_of(server[0], "h264-udp", transport="tcp")
    with anyio.fail_after(10):
        async with anyio.create_task_group() as group:
            group.start_soon(source.run)
            with source.subscribe():
                status = await source.until(SourceState.WAITING)
            group.cancel_scope.cancel()

    assert status.code == "camera_unreachable"
    assert "transport" in status.sentence


@pytest.mark.parametrize("path", ["h264-slices", "h264-slices-plain"])
async def test_foreign_pictures_of_many_slices_are_whole(server: tuple[int, subprocess.Popen[str]], path: str):
    """Every slice arrives, in one unit, also where SPS and PPS stand before each; the pictures are those of the camera.

    What the camera sent is read a second time by nothing but RTP timestamps, and both are decoded.
    """
    sent: list[bytes] = []

    async def listen() -> None:
        async for picture in foreign.pictures(server[0], path):
            sent.append(picture)  # noqa: PERF401 -- looked at while it grows

    with anyio.fail_after(30):
        async with anyio.create_task_group() as group:
            group.start_soon(listen)
            await waiting.until(lambda: sent, timeout_s=10)
            units = await take(source_of(server[0], path), 40)
            await waiting.until(lambda: slices(units[-1].data) in map(slices, sent), timeout_s=10)
            group.cancel_scope.cancel()

    last = next(at for at, picture in enumerate(sent) if slices(picture) == slices(units[-1].data))
    ours, theirs = [unit.data for unit in units], sent[: last + 1][-len(units) :]
    assert all(len(slices(picture)) > 1 for picture in ours)
    assert [slices(picture) for picture in ours] == [slices(picture) for picture in theirs]
    assert [unit.is_key for unit in units] == [nal.nal_type(slices(picture)[0]) == nal.IDR for picture in ours]
    assert abs(units[-1].pts_90k - units[0].pts_90k - 39 * 6000) < 6000
    assert decoded(ours) == decoded(theirs)


def slices(stream: bytes) -> list[bytes]:
    """The slices of one access unit."""
    return [unit for unit in nal.split(stream) if nal.nal_type(unit) in nal.SLICES]


def decoded(pictures: list[bytes]) -> list[bytes]:
    """The luma of each picture."""
    decoder = av.CodecContext.create("h264", "r")
    frames = [frame for picture in pictures for frame in decoder.decode(av.Packet(picture))]
    frames += decoder.decode(None)
    return [bytes(frame.planes[0]) for frame in frames]
