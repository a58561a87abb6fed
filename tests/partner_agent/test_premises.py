"""The cameras of a site: what is wrong with one is its state for the link and a sentence for the owner."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path

import anyio
import pytest

from partner_agent import demux
from partner_agent.ports import CameraInfo
from partner_agent.premises import FROZEN, Premises
from partner_agent.rtsp import CameraSource, SourceState
from partner_agent.settings import CameraSettings, Secret
from partner_agent.simulator.camera import Camera
from partner_agent.store import Store
from partner_agent.wire.clock import SystemClock
from partner_agent.wire.ids import SystemIds
from tests.support.cameras import PASSWORD, USER, camera_server

pytestmark = pytest.mark.anyio


@asynccontextmanager
async def premises(folder: Path, **camera: str | Secret) -> AsyncIterator[Premises]:
    """One camera of these settings, served."""
    values = {"name": "door", "user": USER, "password": Secret(PASSWORD)} | camera
    store = Store(folder / "agent.db")
    found = Premises((CameraSettings(**values),), store=store, clock=SystemClock(), ids=SystemIds())
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(found.run)
        yield found
        tasks.cancel_scope.cancel()


@asynccontextmanager
async def running(
    camera: Camera, folder: Path, *, within_s: float = 10
) -> AsyncIterator[tuple[Premises, CameraSource]]:
    """A site whose camera gives pictures, with its live source, which somebody has got one from."""
    async with (
        camera_server(camera) as port,
        premises(folder, url=f"rtsp://127.0.0.1:{port}/cam1/main") as site,
    ):
        source = site.live(site.known()[0].id)
        assert source is not None
        with anyio.fail_after(within_s), source.subscribe() as subscription:
            await anext(subscription)
            yield site, source


async def tried(site: Premises, *, is_main: bool = False) -> CameraInfo:
    """What is known of the camera once its stream was wanted and could not be had."""
    camera = site.known()[0].id
    source = site.main(camera) if is_main else site.live(camera)
    assert source is not None
    with anyio.fail_after(10), source.subscribe():
        await source.until(SourceState.STOPPED, SourceState.WAITING)
    return site.known()[0]


async def test_a_wrong_password_is_told_and_tried_once(camera: Camera, tmp_path: Path):
    """The site says `auth_failed` and a sentence; the camera is left alone, so that it locks nobody out."""
    async with (
        camera_server(camera) as port,
        premises(tmp_path, url=f"rtsp://127.0.0.1:{port}/cam1/main", password=Secret("wrong")) as site,
    ):
        for _ in range(2):
            info = await tried(site)

        assert info.state == "auth_failed"
        assert "password" in info.sentence
        assert camera.refused_passwords == 1


async def test_a_recorded_stream_that_fails_is_told_though_the_live_one_works(camera: Camera, tmp_path: Path):
    """A camera of two streams is as well as the worse of them."""
    async with (
        camera_server(camera) as port,
        premises(
            tmp_path, url=f"rtsp://127.0.0.1:{port}/cam1/other", live_url=f"rtsp://127.0.0.1:{port}/cam1/main"
        ) as site,
    ):
        info = await tried(site, is_main=True)

    assert info.state == "gone"
    assert "path" in info.sentence


async def test_a_camera_that_is_not_there_is_told(tmp_path: Path):
    """Nothing listens: `gone`, and it is tried again by itself."""
    async with premises(tmp_path, url="rtsp://127.0.0.1:9/none") as site:
        info = await tried(site)

    assert info.state == "gone"
    assert "tried again" in info.sentence


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch):
    """Cameras are waited for a moment only."""
    monkeypatch.setattr(demux, "OPEN_TIMEOUT_S", 0.8)
    monkeypatch.setattr(demux, "READ_TIMEOUT_S", 0.5)


@pytest.mark.usefixtures("impatient")
async def test_a_camera_that_freezes_is_frozen_however_often_it_is_opened_again(camera: Camera, tmp_path: Path):
    """Connected, and no more pictures: it is told so until one comes, between two tries and while one is under way."""
    async with running(camera, tmp_path, within_s=20) as (site, source):
        camera.is_frozen = True
        told = []
        for _ in range(2):
            for state in (SourceState.WAITING, SourceState.OPENING):
                await source.until(state)
                told.append(site.known()[0])
        camera.is_frozen = False
        await source.until(SourceState.RUNNING)
        after = site.known()[0]

    assert [info.state for info in told] == ["frozen"] * 4
    assert all("sends no pictures" in info.sentence and "restart" in info.sentence for info in told)
    assert (after.state, after.sentence) == ("ok", "")


@pytest.mark.usefixtures("impatient")
async def test_a_frozen_camera_that_is_then_not_there_is_gone(camera: Camera, tmp_path: Path):
    """What is to be looked at is its power and network, once it takes no connection any more."""
    async with running(camera, tmp_path, within_s=20) as (site, source):
        camera.is_frozen = True
        await source.until(SourceState.WAITING)
        before = site.known()[0].state
        camera.is_down = True
        await source.until(SourceState.OPENING)
        await source.until(SourceState.WAITING)

        assert (before, site.known()[0].state) == ("frozen", "gone")


async def test_packets_that_make_no_picture_for_ten_seconds_are_frozen(camera: Camera, tmp_path: Path):
    """The stream runs, so no read is late."""
    async with running(camera, tmp_path) as (site, source):
        assert site.known()[0].state == "ok"
        assert source.status.last_unit_at is not None
        source.status = replace(source.status, last_unit_at=source.status.last_unit_at - FROZEN * 1.1)
        assert site.known()[0].state == "frozen"


async def test_a_camera_with_seconds_between_whole_pictures_is_told_to_send_more(camera: Camera, tmp_path: Path):
    """It works, and a view of it may begin late; the owner reads what to set."""
    async with running(camera, tmp_path) as (site, source):
        source.status = replace(source.status, key_distance_s=1.0)
        before = site.known()[0]
        source.status = replace(source.status, key_distance_s=20.0)
        after = site.known()[0]

    assert (before.state, before.sentence) == ("ok", "")
    assert (after.state, after.sentence[:31]) == ("ok", "It sends a whole picture only e")
