"""A camera that is not ours: GStreamer's RTSP server, with its own encoder, its own digest, its own timing."""

import itertools
import os
import select
import subprocess
from collections.abc import Iterator
from pathlib import Path

import anyio
import pytest

from partner_agent.demux import CameraAddress
from partner_agent.rtc import nal
from partner_agent.rtc.units import AccessUnit
from partner_agent.rtsp import CameraSource, SourceState
from partner_agent.wire.clock import SystemClock
from partner_agent.wire.ids import SystemIds
from tests.support import outside

pytestmark = [pytest.mark.anyio, pytest.mark.camera, pytest.mark.slow]
SCRIPT = Path(__file__).parents[1] / "support" / "gst_camera.py"
START_S = 20  # its first start writes a registry of plugins
USER, PASSWORD = "admin", "S3cret!"
NEEDED = (
    "gir1.2-gst-rtsp-server-1.0 python3-gi gstreamer1.0-rtsp "
    "gstreamer1.0-plugins-base gstreamer1.0-plugins-good gstreamer1.0-plugins-bad gstreamer1.0-plugins-ugly"
)


@pytest.fixture
def server() -> Iterator[tuple[int, subprocess.Popen[str]]]:
    """A running server and its port; skipped where GStreamer is missing, unless CI demands it."""
    process = subprocess.Popen(
        ["/usr/bin/python3", str(SCRIPT), USER, PASSWORD],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={"PATH": "/usr/bin:/bin", "HOME": os.environ.get("HOME", "/tmp")},
    )
    assert process.stdout is not None
    is_readable, _, _ = select.select([process.stdout], [], [], START_S)
    line = process.stdout.readline() if is_readable else ""
    if not line.startswith("ready"):
        process.kill()
        _, errors = process.communicate(timeout=10)
        why = (errors.strip() or "it said nothing").splitlines()[-1]
        outside.missing(f"GStreamer's RTSP server ({why})", packages=NEEDED)
    yield int(line.split()[1]), process
    process.kill()
    process.communicate(timeout=10)


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


def source_of(port: int, path: str, password: str = PASSWORD) -> CameraSource:
    """A source of one of the server's streams."""
    address = CameraAddress(f"rtsp://127.0.0.1:{port}/{path}", USER, password)
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
