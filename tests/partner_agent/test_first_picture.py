"""How long a camera lets a view wait: opened as a view opens it, until its first picture lies in packets."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import anyio
import pytest

from partner_agent.first_picture import FirstPicture, PremisesPictures
from partner_agent.premises import Premises
from partner_agent.rtsp import CameraSource
from partner_agent.settings import CameraSettings, Secret
from partner_agent.simulator.camera import Camera, Stream
from partner_agent.store import Store
from partner_agent.wire.clock import SystemClock
from partner_agent.wire.ids import SystemIds
from tests.support import cameras
from tests.support.cameras import PASSWORD, USER, camera_server

pytestmark = pytest.mark.anyio


@asynccontextmanager
async def site(folder: Path, *settings: CameraSettings, kind: type[Premises] = Premises) -> AsyncIterator[Premises]:
    """These cameras, served."""
    premises = kind(settings, store=Store(folder / "agent.db"), clock=SystemClock(), ids=SystemIds())
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(premises.run)
        yield premises
        tasks.cancel_scope.cancel()


def door(port: int, **changed: Any) -> CameraSettings:
    """The settings of a camera on `port`."""
    url = f"rtsp://127.0.0.1:{port}/cam1/main"
    return CameraSettings(**{"name": "door", "url": url, "user": USER, "password": Secret(PASSWORD)} | changed)


async def looked(premises: Premises, deadline_s: float = 10.0) -> FirstPicture:
    """What was found of the first camera."""
    found = await PremisesPictures(premises, clock=SystemClock()).look(deadline_s)
    return found[premises.known()[0].id]


async def test_a_good_camera_is_timed_and_held_until_its_second_key_picture(camera: Camera, tmp_path: Path):
    """From opening it to packets, what of it was its answer, and then what its key pictures' distance is."""
    async with camera_server(camera) as port, site(tmp_path, door(port)) as premises:
        found = await looked(premises)
        known = premises.known()[0]

    assert (found.trouble, found.codec) == (None, "h264")
    assert found.first_ms is not None
    assert found.open_ms is not None
    assert 0 < found.open_ms <= found.first_ms < 5_000
    assert known.key_distance_ms == 533


class OddPremises(Premises):
    """One of its cameras is in a state that nobody foresaw."""

    def for_live(self, camera: str) -> tuple[CameraSource, ...]:
        """Its streams, but for the yard's."""
        if self.settings[camera].name == "yard":
            raise ZeroDivisionError(f"with {PASSWORD}")
        return super().for_live(camera)


async def test_what_nobody_foresaw_at_one_camera_is_told_and_keeps_nothing_from_the_others(
    camera: Camera, tmp_path: Path, caplog: pytest.LogCaptureFixture
):
    """Its kind and where it was, never its text; the others are looked at to the end."""
    async with camera_server(camera) as port:
        both = door(port, name="yard"), door(port)
        async with site(tmp_path, *both, kind=OddPremises) as premises:
            found = await PremisesPictures(premises, clock=SystemClock()).look(10.0)
            yard, good = premises.settings

    assert found[yard] == FirstPicture(fault="ZeroDivisionError")
    assert (found[good].trouble, found[good].codec) == (None, "h264")
    assert "ZeroDivisionError at " in caplog.text
    assert PASSWORD not in caplog.text


async def test_a_camera_that_is_open_gives_its_picture_at_once(camera: Camera, tmp_path: Path):
    """One that is recorded, or watched, does not make the next view wait; nothing is opened for it."""
    async with camera_server(camera) as port, site(tmp_path, door(port)) as premises:
        source = premises.main(premises.known()[0].id)
        assert source is not None
        with source.subscribe() as units:
            await anext(units)
            found = await looked(premises)

    assert (found.open_ms, camera.plays) == (None, 1)
    assert found.first_ms is not None
    assert found.first_ms < 400


async def test_key_pictures_that_are_far_apart_show_before_the_second_one_comes(
    camera: Camera, film: Path, tmp_path: Path
):
    """The look ends at its deadline, and says how long it waited in vain."""
    camera.streams["main"] = cameras.small_stream(film, tmp_path, gop_frames=45)
    async with camera_server(camera) as port, site(tmp_path, door(port)) as premises:
        source = premises.main(premises.known()[0].id)
        assert source is not None
        with source.subscribe(replay_gop=False) as units, anyio.fail_after(10):
            await anext(units)  # the picture after this key picture is three seconds away
            found = await looked(premises, deadline_s=1.5)

    assert found.first_ms is not None
    assert 1_000 < found.waited_ms < 2_000


async def test_a_camera_that_sends_nothing_is_late(camera: Camera, tmp_path: Path):
    """It answers, and no picture comes within the deadline."""
    camera.is_frozen = True
    async with camera_server(camera) as port, site(tmp_path, door(port)) as premises:
        assert (await looked(premises, deadline_s=1.0)).trouble == "late"


async def test_a_wrong_password_is_offered_once_however_often_it_is_looked_at(camera: Camera, tmp_path: Path):
    """Cameras lock accounts."""
    async with camera_server(camera) as port, site(tmp_path, door(port, password=Secret("no"))) as premises:
        assert [(await looked(premises)).trouble for _ in range(2)] == ["auth", "auth"]

    assert camera.refused_passwords == 1


async def test_a_camera_that_is_not_there_is_told_and_so_is_one_that_came_back(camera: Camera, tmp_path: Path):
    """The second look asks anew."""
    camera.is_down = True
    async with camera_server(camera) as port, site(tmp_path, door(port)) as premises:
        assert (await looked(premises)).trouble == "unreachable"
        await anyio.wait_all_tasks_blocked()
        camera.is_down = False
        assert (await looked(premises)).trouble is None


async def test_what_cannot_be_shown_is_told_or_its_other_stream_is_taken(
    camera: Camera, small_stream: Stream, film: Path, tmp_path: Path
):
    """B-frames in the stream for live views: a view takes the main one, and so does the look."""
    camera.streams["sub"] = cameras.small_stream(film, tmp_path, b_frames=2)
    async with camera_server(camera) as port:
        sub = {"live_url": f"rtsp://127.0.0.1:{port}/cam1/sub"}
        async with site(tmp_path, door(port, **sub)) as premises:
            assert (await looked(premises)).trouble is None
        camera.streams["main"] = camera.streams["sub"]
        async with site(tmp_path, door(port, name="yard", **sub)) as premises:
            assert (await looked(premises)).trouble == "codec"


async def test_a_camera_whose_pictures_are_made_anew_takes_no_place_of_a_viewer(
    camera: Camera, film: Path, tmp_path: Path
):
    """Where all places are taken it is not looked at, and nothing is said of it; with a place free it is timed."""
    camera.streams["main"] = cameras.small_stream(film, tmp_path, b_frames=2, size=(320, 192))
    async with camera_server(camera) as port, site(tmp_path, door(port, convert=True)) as premises:
        places = [premises.encoders.take(number) for number in range(premises.encoders.most)]
        assert await PremisesPictures(premises, clock=SystemClock()).look(10.0) == {}
        for place in places:
            assert place is not None
            place.close()
        found = await looked(premises)

    assert found.trouble is None
    assert found.first_ms is not None
