"""Stills from a camera: black where they must be, small enough, with words that can be read, and never from before."""

import io
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import anyio
import av
import httpx
import pytest

from partner_agent import font
from partner_agent.areas import Area, box, shape_of
from partner_agent.masks import Masks
from partner_agent.ports import Limits, MediaError, Still
from partner_agent.premises import Premises
from partner_agent.settings import CameraSettings, Secret
from partner_agent.simulator.camera import Camera
from partner_agent.still_camera import STATEMENT, CameraStills
from partner_agent.store import Store
from partner_agent.watermark import burn
from partner_agent.wire.clock import SystemClock
from partner_agent.wire.ids import SystemIds
from partner_agent.wire.problems import Code
from tests.support.cameras import PASSWORD, USER, camera_server

LEFT = Area("left", "Left", box(0, 0, 4000, 10_000), shape_of(160, 96))
WORDS = ("PD", "A1", "7K2M")


def limits(height_lines: int = 720, *masks: str) -> Limits:
    """What a still may have."""
    return Limits(seconds=1, height_lines=height_lines, audio=False, ptz=False, masks=frozenset(masks))


@asynccontextmanager
async def stills(folder: Path, camera: Camera, answer: Any = None) -> AsyncIterator[tuple[CameraStills, Masks, str]]:
    """The stills of one camera that is served."""
    clock, store = SystemClock(), Store(folder / "a.db")
    transport = httpx.MockTransport(answer or (lambda _request: httpx.Response(204)))
    async with (
        camera_server(camera) as port,
        anyio.create_task_group() as tasks,
        httpx.AsyncClient(transport=transport) as http,
    ):
        url = f"rtsp://127.0.0.1:{port}/cam1/main"
        settings = (CameraSettings(name="door", user=USER, password=Secret(PASSWORD), url=url),)
        premises = Premises(settings, store=store, clock=clock, ids=SystemIds())
        tasks.start_soon(premises.run)
        masks = Masks(store)
        with anyio.fail_after(15):
            yield CameraStills(premises, masks, http=http, clock=clock), masks, premises.known()[0].id
        tasks.cancel_scope.cancel()


def seen(still: Still) -> av.VideoFrame:
    """The picture as whoever opens the file sees it."""
    with av.open(io.BytesIO(still.jpeg), "r", format="mjpeg") as container:
        return next(container.decode(video=0))


def levels(frame: av.VideoFrame, left: int, right: int) -> list[int]:
    """The luma of columns left to right."""
    plane = frame.planes[0]
    pixels, line = bytes(plane), plane.line_size
    return [pixels[y * line + x] for y in range(frame.height) for x in range(left, right)]


@pytest.mark.anyio
async def test_an_area_that_is_not_drawn_gives_no_still(camera: Camera, tmp_path: Path):
    """Before the camera is asked, and again when the picture is taken."""
    async with stills(tmp_path, camera) as (taker, _masks, name):
        assert taker.refusal(name, limits(720, "left")) is Code.OBLIGATION_UNKNOWN
        with pytest.raises(MediaError) as refused:
            await taker.take(name, limits(720, "left"), WORDS)

    assert refused.value.code is Code.OBLIGATION_UNKNOWN


@pytest.mark.anyio
async def test_an_area_of_another_shape_gives_no_still(camera: Camera, tmp_path: Path):
    """It has no place in this picture."""
    async with stills(tmp_path, camera) as (taker, masks, name):
        masks.put(name, Area("left", "Left", LEFT.points, shape_of(4, 3)))
        with pytest.raises(MediaError) as refused:
            await taker.take(name, limits(720, "left"), WORDS)

    assert refused.value.code is Code.OBLIGATION_UNKNOWN


@pytest.mark.anyio
async def test_an_unknown_camera_gives_no_still(camera: Camera, tmp_path: Path):
    """What is not there is not shared."""
    async with stills(tmp_path, camera) as (taker, _masks, _name):
        assert taker.refusal("cam_other", limits()) is Code.NOT_SHARED


@pytest.mark.anyio
async def test_what_must_be_black_is_black_but_for_the_words(camera: Camera, tmp_path: Path):
    """Two stills of moving pictures are alike there, so nothing of the scene shines through; elsewhere they differ."""
    async with stills(tmp_path, camera) as (taker, masks, name):
        masks.put(name, LEFT)
        still = await taker.take(name, limits(720, "left"), ())
        bare = seen(still)

    assert (bare.width, bare.height) == (still.width, still.height) == (160, 96)
    assert sum(level <= 40 for level in levels(bare, 0, 60)) > len(levels(bare, 0, 60)) * 0.6  # the rest is words
    assert max(levels(bare, 70, 160)) > 100


@pytest.mark.anyio
async def test_a_still_has_no_more_lines_than_may_be(camera: Camera, tmp_path: Path):
    """It is made smaller, and keeps its shape."""
    async with stills(tmp_path, camera) as (taker, _masks, name):
        still = await taker.take(name, limits(48), WORDS)

    assert (still.width, still.height) == (80, 48)
    assert (seen(still).width, seen(still).height) == (80, 48)


@pytest.mark.anyio
async def test_a_still_is_handed_over_once_with_what_was_signed(camera: Camera, tmp_path: Path):
    """One request carries secret, statement and bytes; an answer that is not yes is no."""
    requests: list[httpx.Request] = []

    def answer(request: httpx.Request) -> httpx.Response:
        requests.append(request)
        return httpx.Response(204 if len(requests) == 1 else 409)

    still = Still(b"jpeg", SystemClock().now(), 2, 2)
    async with stills(tmp_path, camera, answer) as (taker, _masks, _name):
        await taker.send(still, url="https://gw.example/stills/1", token="once", statement="signed")
        with pytest.raises(MediaError):
            await taker.send(still, url="https://gw.example/stills/1", token="once", statement="signed")

    first = requests[0]
    assert (first.method, first.headers["authorization"], first.headers[STATEMENT]) == ("PUT", "Bearer once", "signed")
    assert first.content == b"jpeg"


@pytest.mark.parametrize("level", [16, 235])
def test_words_are_readable_on_dark_and_on_bright(level: int):
    """Every lit pixel of one line differs from what lies around it."""
    width, height = 320, 180
    picture = bytearray([level]) * (width * height)
    burn(memoryview(picture), line=width, width=width, height=height, words="PD A1 7K2M")

    changed = sum(one != level for one in picture)
    assert changed >= len(font.pixels("PD A1 7K2M"))
    assert len(set(picture)) >= 2
    assert changed < width * height / 2


def test_words_never_leave_the_picture():
    """However small it is."""
    picture = bytearray([16]) * (8 * 6)
    burn(memoryview(picture), line=8, width=8, height=6, words="A LONG LINE OF WORDS THAT DOES NOT FIT")

    assert len(picture) == 48
