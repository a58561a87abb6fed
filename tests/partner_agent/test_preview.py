"""The picture an owner draws areas by."""

import io
from pathlib import Path

import av
import pytest

from partner_agent import cli, preview
from partner_agent.areas import Area, box, shape_of
from partner_agent.masks import Masks
from partner_agent.premises import Premises
from partner_agent.settings import CameraSettings, Secret
from partner_agent.simulator.camera import Camera
from partner_agent.store import Store
from partner_agent.wire.clock import SystemClock
from partner_agent.wire.ids import SystemIds
from tests.support import cameras
from tests.support.cameras import PASSWORD, USER, camera_server

pytestmark = pytest.mark.anyio


def site_of(folder: Path, url: str) -> tuple[Premises, Masks]:
    """A site with one camera."""
    store = Store(folder / "a.db")
    settings = CameraSettings(name="door", user=USER, password=Secret(PASSWORD), url=url)
    return Premises((settings,), store=store, clock=SystemClock(), ids=SystemIds()), Masks(store)


async def test_an_unknown_camera_gives_none(tmp_path: Path):
    """With the sentence for the person at the terminal."""
    premises, masks = site_of(tmp_path, "rtsp://127.0.0.1:9/x")
    with pytest.raises(preview.NoPictureError, match="gives no picture"):
        await preview.take(premises, masks, "cam_9")


async def test_it_shows_what_is_seen_with_lines_and_areas_black(camera: Camera, film: Path, tmp_path: Path):
    """An area of this shape is black, one of another shape has no place."""
    camera.streams["main"] = cameras.small_stream(film, tmp_path, size=(320, 192))
    async with camera_server(camera) as port:
        premises, masks = site_of(tmp_path, f"rtsp://127.0.0.1:{port}/cam1/main")
        name = premises.known()[0].id
        masks.put(name, Area("door", "Door", box(1200, 1200, 1900, 1900), shape_of(320, 192)))
        masks.put(name, Area("yard", "Yard", box(5200, 5200, 9900, 9900), shape_of(1, 1)))
        jpeg = await preview.take(premises, masks, name)

    with av.open(io.BytesIO(jpeg), "r") as picture:
        frame = next(picture.decode(video=0))
    pixels, line = bytes(frame.planes[0]), frame.planes[0].line_size
    assert (frame.width, frame.height) == (320, 192)
    assert max(pixels[y * line + x] for y in range(26, 34) for x in range(42, 58)) < 40
    assert sum(pixels[y * line + 32] for y in range(192)) / 192 > 200
    between_lines = [
        (x, y) for y in range(103, 188) for x in range(170, 316) if 8 < x % 32 < 24 and 5 < y * 10 % 192 / 10 < 14
    ]
    assert max(pixels[y * line + x] for x, y in between_lines) > 40  # somewhere; a part of the film may be dark


def test_nothing_is_written_where_there_is_no_picture(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """The command says so and fails."""
    monkeypatch.setenv("LENSPACT_AGENT_STATE_DIR", str(tmp_path))
    assert cli.main(["mask", "cam_9", "--picture", str(tmp_path / "p.jpg")]) == 1
    assert not (tmp_path / "p.jpg").exists()
