"""The agent's own uplink: what it does not send as it is, it does not send."""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import anyio
import anyio.abc
import av
import pytest

from partner_agent.areas import Area, box, shape_of
from partner_agent.budget import Budget
from partner_agent.encoders import Encoders
from partner_agent.masks import Masks
from partner_agent.parameters import ParameterSets
from partner_agent.ports import Limits, LiveOrder, MediaError
from partner_agent.premises import Premises
from partner_agent.rtc import nal, sps
from partner_agent.rtc.units import AccessUnit, SoundUnit
from partner_agent.settings import CameraSettings, Secret
from partner_agent.simulator.camera import Camera, Stream
from partner_agent.store import Store
from partner_agent.uplink import FitUnits, Uplink
from partner_agent.wire.clock import SystemClock
from partner_agent.wire.ids import SystemIds
from partner_agent.wire.problems import Code
from tests.fakes.clock import FakeClock
from tests.support import cameras, waiting
from tests.support.cameras import PASSWORD, USER, camera_server

FITS = SimpleNamespace(
    status=SimpleNamespace(facts=SimpleNamespace(codec="h264", height=720), rate_bps=None),
    is_unusable=False,
    is_anew=False,
)
PREMISES = SimpleNamespace(for_live=lambda camera: (FITS,) if camera == "cam_1" else (), encoders=Encoders(1))


def refusal(camera: str = "cam_1", **limits: Any) -> Code | None:
    """What the uplink says before anything is opened."""
    usual: dict[str, Any] = {"seconds": 60, "height_lines": 720, "audio": False, "ptz": False, "masks": frozenset()}
    budget, masks = Budget(0, clock=FakeClock()), cast("Any", SimpleNamespace(names=lambda _camera: {"door"}))
    sender = Uplink(cast("Any", PREMISES), cast("Any", None), budget, masks)
    return sender.refusal(camera, Limits(**{**usual, **limits}))


@pytest.mark.parametrize("masks", [{"window"}, {"door", "window"}])
def test_a_view_that_owes_an_area_nobody_drew_is_refused(masks: set[str]):
    """A picture that needs it never leaves, whatever else is drawn."""
    assert refusal(masks=frozenset(masks)) is Code.OBLIGATION_UNKNOWN


def test_a_view_that_owes_what_is_drawn_may_begin():
    """It is opened, and made anew."""
    assert refusal(masks=frozenset({"door"})) is None


def test_a_picture_that_is_too_high_or_of_no_camera_is_refused():
    """It is never made smaller here; and what is not there is not shared."""
    assert refusal(height_lines=719) is Code.CODEC_UNSUPPORTED
    assert refusal("cam_2") is Code.NOT_SHARED


def test_a_picture_that_may_go_as_it_is_goes():
    """Within the limits and with no mask owed."""
    assert refusal() is None


async def units_of(stream: Stream) -> AsyncIterator[AccessUnit]:
    """A stream's pictures as they come from a camera."""
    sets = ParameterSets(b"")
    for number, picture in enumerate(stream.pictures):
        data = sets.complete(nal.join(picture.nals), is_key=picture.is_key)
        yield AccessUnit(data, number * 6000, picture.is_key, None)


@pytest.mark.anyio
async def test_a_camera_that_is_set_to_more_lines_while_it_is_shown_is_not_sent(film: Path, tmp_path: Path):
    """Not one picture of the new size leaves; the cause is told."""
    small = cameras.small_stream(film, tmp_path)
    stream = cameras.one_after_the_other(small, cameras.small_stream(film, tmp_path, size=(320, 192)))
    fit = FitUnits(units_of(stream), height_lines=100)

    assert len([unit async for unit in fit]) == len(small.pictures)
    assert fit.code is Code.CODEC_UNSUPPORTED


@pytest.mark.anyio
async def test_who_joins_has_what_is_sent_or_does_not_join(film: Path, tmp_path: Path):
    """A view that may have less than what leaves now is refused and changes nothing; any other is the new bound."""
    stream = cameras.small_stream(film, tmp_path)
    fit = FitUnits(units_of(stream), height_lines=720)
    await anext(fit)

    assert fit.tighten(limits(95)) is Code.CODEC_UNSUPPORTED
    assert fit.tighten(limits(96, "door")) is Code.OBLIGATION_UNKNOWN
    assert fit.height_lines == 720
    assert fit.tighten(limits(96)) is None
    assert fit.height_lines == 96


@pytest.mark.anyio
async def test_a_size_within_the_limits_may_change(film: Path, tmp_path: Path):
    """All of it is sent, and it ends as the camera ends."""
    small = cameras.small_stream(film, tmp_path)
    stream = cameras.one_after_the_other(small, cameras.small_stream(film, tmp_path, size=(320, 192)))
    fit = FitUnits(units_of(stream), height_lines=192)

    assert len([unit async for unit in fit]) == len(stream.pictures)
    assert fit.code is None


@pytest.mark.anyio
async def test_a_size_that_cannot_be_read_is_not_sent():
    """What cannot be checked does not leave."""
    unreadable = Stream((SimpleNamespace(nals=(b"\x67\x42", b"\x68\xce", b"\x65\x88"), is_key=True),), 15)
    fit = FitUnits(units_of(unreadable), height_lines=4000)

    assert [unit async for unit in fit] == []
    assert fit.code is Code.CODEC_UNSUPPORTED


class Relay:
    """Takes what is published, and counts it."""

    def __init__(self) -> None:
        self.units: list[AccessUnit] = []
        self.said: list[SoundUnit] = []
        self.ended = anyio.Event()
        self.spares: Callable[[int], bool] = lambda _: True

    async def publish(
        self,
        units: AsyncIterator[AccessUnit],
        _target: Any,
        *,
        tasks: anyio.abc.TaskGroup,
        on_key_frame_wanted: Any,
        on_loss: Any,
        spares: Callable[[int], bool],
        has_sound: bool,
    ) -> Any:
        assert has_sound  # there may be some later
        self.spares = spares

        async def take() -> None:
            async for unit in units:
                self.units.append(unit)
            self.ended.set()

        tasks.start_soon(take)
        return SimpleNamespace(ended=self.ended, halt=lambda: None, say=self.said.append)


@asynccontextmanager
async def uplink(
    folder: Path, relay: Relay, *, rate_bps: int = 0, encoders: int = 2, **camera: Any
) -> AsyncIterator[tuple[Uplink, Premises, str]]:
    """The uplink of one camera, served, and of a second one like it."""
    settings = [CameraSettings(name=name, user=USER, password=Secret(PASSWORD), **camera) for name in ("door", "yard")]
    clock = SystemClock()
    store = Store(folder / "a.db")
    premises = Premises(tuple(settings), store=store, clock=clock, ids=SystemIds(), encoders=Encoders(encoders))
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(premises.run)
        sender = Uplink(premises, cast("Any", relay), Budget(rate_bps, clock=clock), Masks(store))
        yield sender, premises, premises.known()[0].id
        tasks.cancel_scope.cancel()


def limits(height_lines: int = 720, *masks: str) -> Limits:
    """What a view may have."""
    return Limits(seconds=60, height_lines=height_lines, audio=False, ptz=False, masks=frozenset(masks))


def order(camera: str, height_lines: int = 720, *masks: str) -> LiveOrder:
    """An accepted view."""
    bound = limits(height_lines, *masks)
    return LiveOrder(session="s", camera=camera, url="u", ticket="t", relay_fingerprint="f", limits=bound)


@pytest.mark.anyio
async def test_a_stream_with_b_frames_gives_way_to_the_other(camera: Camera, film: Path, tmp_path: Path):
    """Found before anything is sent; the view gets the main stream, and the owner's page says so and why."""
    camera.streams["sub"] = cameras.small_stream(film, tmp_path, b_frames=2)
    relay = Relay()
    async with camera_server(camera) as port, anyio.create_task_group() as tasks:
        at = f"rtsp://127.0.0.1:{port}/cam1"
        async with uplink(tmp_path, relay, url=f"{at}/main", live_url=f"{at}/sub") as (sender, premises, name):
            assert premises.known()[0].live_stream == "Live pictures come from its stream for live views."
            with anyio.fail_after(10):
                opened = await sender.publish(order(name), tasks=tasks)
                await waiting.until(lambda: len(relay.units) > 5)
            info = premises.known()[0]
            code = sender.refusal(name, order(name).limits)
        tasks.cancel_scope.cancel()

    assert (info.state, info.live, opened.code, code) == ("ok", "main_b_frames", None, None)
    assert info.live_stream.startswith("Live pictures come from its main stream: the one for live views has B-frames")
    assert nal.parameter_sets(relay.units[0].data) == nal.join(camera.streams["main"].parameter_sets())


@pytest.mark.anyio
async def test_b_frames_without_another_stream_are_refused_before_anything_is_sent(
    camera: Camera, film: Path, tmp_path: Path
):
    """At the opening, with the code for it; the next view is refused at once."""
    camera.streams["main"] = cameras.small_stream(film, tmp_path, b_frames=2)
    relay = Relay()
    async with camera_server(camera) as port, anyio.create_task_group() as tasks:
        async with uplink(tmp_path, relay, url=f"rtsp://127.0.0.1:{port}/cam1/main") as (sender, premises, name):
            with anyio.fail_after(10), pytest.raises(MediaError) as refused:
                await sender.publish(order(name), tasks=tasks)
            again, info = sender.refusal(name, order(name).limits), premises.known()[0]
        tasks.cancel_scope.cancel()

    assert refused.value.code is Code.CODEC_UNSUPPORTED
    assert "B-frames" in info.sentence
    assert again is Code.CODEC_UNSUPPORTED
    assert relay.units == []


@pytest.mark.anyio
async def test_where_the_owner_lets_it_pictures_are_made_anew(camera: Camera, film: Path, tmp_path: Path):
    """Of a camera with B-frames: in order, each to be decoded without another to come, and the owner's page says so."""
    camera.streams["main"] = cameras.small_stream(film, tmp_path, b_frames=2)
    relay = Relay()
    async with camera_server(camera) as port, anyio.create_task_group() as tasks:
        at = f"rtsp://127.0.0.1:{port}/cam1/main"
        async with uplink(tmp_path, relay, url=at, convert=True) as (sender, premises, name):
            with anyio.fail_after(15):
                await sender.publish(order(name), tasks=tasks)
                await waiting.until(lambda: len(relay.units) > 25, timeout_s=10)
            info, code = premises.known()[0], sender.refusal(name, order(name).limits)
        tasks.cancel_scope.cancel()

    assert (info.state, info.live, info.is_anew, code) == ("ok", None, True, None)
    assert info.live_stream.startswith("Live pictures are made anew")
    times = [unit.pts_90k for unit in relay.units]
    assert times == sorted(set(times))
    decoder = cast("Any", av.CodecContext.create("h264", "r"))
    shown = [decoder.decode(av.Packet(unit.data)) for unit in relay.units]
    assert all(len(frames) == 1 for frames in shown)


@pytest.mark.anyio
async def test_a_stream_that_does_not_fit_the_owners_bound_is_not_sent(camera: Camera, tmp_path: Path):
    """Once it was measured: refused before anything is opened, also for a first view."""
    relay = Relay()
    async with camera_server(camera) as port, anyio.create_task_group() as tasks:
        at = f"rtsp://127.0.0.1:{port}/cam1/main"
        async with uplink(tmp_path, relay, rate_bps=50_000, url=at) as (sender, premises, name):
            source = premises.for_live(name)[0]
            with anyio.fail_after(10), source.subscribe():
                await waiting.until(lambda: source.status.rate_bps, timeout_s=5)
            code = sender.refusal(name, order(name).limits)
            with pytest.raises(MediaError) as refused:
                await sender.publish(order(name), tasks=tasks)
        tasks.cancel_scope.cancel()

    assert (code, refused.value.code) == (Code.LIMIT, Code.LIMIT)
    assert relay.units == []


@pytest.mark.slow
@pytest.mark.anyio
async def test_the_newest_uplink_ends_when_more_leaves_than_the_owner_allows(camera: Camera, tmp_path: Path):
    """Two that fit by what was known of them and turn out not to: the older one goes on, the other says `limit`."""
    relays = [Relay(), Relay()]
    main = camera.streams["main"]
    need_bps = sum(len(nal.join(picture.nals)) for picture in main.pictures) * 8 / main.duration_s
    async with camera_server(camera) as port, anyio.create_task_group() as tasks:
        at = f"rtsp://127.0.0.1:{port}/cam1/main"
        async with uplink(tmp_path, relays[0], rate_bps=round(need_bps * 1.5), url=at) as (sender, premises, name):
            other = premises.known()[1].id
            with anyio.fail_after(20):
                older = await sender.publish(order(name), tasks=tasks)
                sender._publisher = cast("Any", relays[1])
                newer = await sender.publish(order(other), tasks=tasks)
                await relays[1].ended.wait()
            assert not relays[1].spares(1)  # nor may anything of it leave a second time
            sent = len(relays[0].units)
            newer.halt()
            newer.halt()
            with anyio.fail_after(5):
                await waiting.until(lambda: len(relays[0].units) > sent + 15, timeout_s=5)
        tasks.cancel_scope.cancel()

    assert (older.code, newer.code) == (None, Code.LIMIT)


DOOR = Area("door", "Door", box(1000, 2000, 5000, 7000), shape_of(320, 192))


@pytest.mark.anyio
async def test_an_area_is_black_in_all_that_leaves_and_taken_away_ends_what_is_asked_for(
    camera: Camera, film: Path, tmp_path: Path
):
    """From the running group of pictures on; once it is not drawn any more nothing begins."""
    camera.streams["main"] = cameras.small_stream(film, tmp_path)
    relay = Relay()
    async with camera_server(camera) as port, anyio.create_task_group() as tasks:
        async with uplink(tmp_path, relay, url=f"rtsp://127.0.0.1:{port}/cam1/main") as (sender, _premises, name):
            sender._masks.put(name, DOOR)
            with anyio.fail_after(10):
                opened = await sender.publish(order(name, 720, "door"), tasks=tasks)
                await waiting.until(lambda: len(relay.units) > 20)
            sender._masks.remove(name, "door")
            with pytest.raises(MediaError) as refused:
                await sender.publish(order(name, 720, "door"), tasks=tasks)
        tasks.cancel_scope.cancel()

    assert opened.tighten(limits(720)) is Code.OBLIGATION_UNKNOWN  # an unmasked view never rides on it
    assert refused.value.code is Code.OBLIGATION_UNKNOWN
    decoder = cast("Any", av.CodecContext.create("h264", "r"))
    frames = [frame for unit in relay.units for frame in decoder.decode(av.Packet(unit.data))]
    assert len(frames) == len(relay.units)
    for frame in frames:
        pixels, line = bytes(frame.planes[0]), frame.planes[0].line_size
        assert max(pixels[y * line + x] for y in range(24, 64) for x in range(20, 76)) < 30


@pytest.mark.anyio
async def test_the_other_stream_is_masked_where_the_area_has_no_place_in_the_first(
    camera: Camera, film: Path, tmp_path: Path
):
    """Drawn on 5:3, and the stream for live views is square: the main one is shown, or nothing."""
    camera.streams["main"] = cameras.small_stream(film, tmp_path)
    camera.streams["sub"] = cameras.small_stream(film, tmp_path, size=(96, 96))
    relay = Relay()
    async with camera_server(camera) as port, anyio.create_task_group() as tasks:
        at = f"rtsp://127.0.0.1:{port}/cam1"
        async with uplink(tmp_path, relay, url=f"{at}/main", live_url=f"{at}/sub") as (sender, _premises, name):
            sender._masks.put(name, DOOR)
            with anyio.fail_after(10):
                await sender.publish(order(name, 720, "door"), tasks=tasks)
                await waiting.until(lambda: len(relay.units) > 2)
            sender._masks.put(name, replace(DOOR, shape=shape_of(9, 16)))
            with pytest.raises(MediaError) as refused:
                await sender.publish(order(name, 720, "door"), tasks=tasks)
        tasks.cancel_scope.cancel()

    said = sps.of(relay.units[0].data)
    assert said is not None
    assert (said.width, said.height) == (160, 96)
    assert refused.value.code is Code.OBLIGATION_UNKNOWN
