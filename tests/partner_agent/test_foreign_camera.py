"""A camera that is not ours: GStreamer's RTSP server, with its own encoder, its own digest, its own timing."""

import itertools
import subprocess
import threading
from array import array
from collections.abc import Iterator
from pathlib import Path
from typing import Any, cast

import anyio
import anyio.to_thread
import av
import pytest

from partner_agent import camera_sound, describing, sound_source
from partner_agent.areas import WHOLE, Area, box, shape_of
from partner_agent.camera_sound import CameraSound, SoundKind
from partner_agent.demux import CameraAddress, Transport
from partner_agent.premises import Premises
from partner_agent.rtc import nal
from partner_agent.rtc.sdp_sound import Codec
from partner_agent.rtc.units import AccessUnit, SoundUnit
from partner_agent.rtsp import CameraSource, SourceState
from partner_agent.settings import CameraSettings, Secret
from partner_agent.store import Store
from partner_agent.wire.clock import SystemClock
from partner_agent.wire.ids import SystemIds
from tests.support import foreign, waiting
from tests.support.foreign import PASSWORD, USER
from tests.support.tones import share_of_tone

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


async def test_foreign_h265_is_painted_as_it_is_made_anew(server: tuple[int, subprocess.Popen[str]]):
    """Decoded once and encoded once: every picture that comes out is black where it must be."""
    address = CameraAddress(f"rtsp://127.0.0.1:{server[0]}/h265", USER, PASSWORD)
    whole = Area("all", "All", box(0, 0, WHOLE, WHOLE), shape_of(320, 180))
    source = CameraSource(address, clock=SystemClock(), ids=SystemIds(), is_anew=True, areas=[whole])
    units = await take(source, 40)

    decoder = av.CodecContext.create("h264", "r")
    assert isinstance(decoder, av.VideoCodecContext)
    frames = [frame for unit in units for frame in decoder.decode(av.Packet(unit.data))]
    assert len(frames) == 40
    assert max(max(bytes(frame.planes[0])) for frame in frames) < 24


async def test_foreign_h265_is_made_anew(server: tuple[int, subprocess.Popen[str]]):
    """H.264 comes out, key picture first, and every picture can be decoded."""
    address = CameraAddress(f"rtsp://127.0.0.1:{server[0]}/h265", USER, PASSWORD)
    source = CameraSource(address, clock=SystemClock(), ids=SystemIds(), is_anew=True)
    units = await take(source, 40)

    assert units[0].is_key
    assert nal.has_parameter_sets(units[0].data)
    decoder = av.CodecContext.create("h264", "r")
    assert isinstance(decoder, av.VideoCodecContext)
    assert [len(decoder.decode(av.Packet(unit.data))) for unit in units] == [1] * 40
    assert abs(units[-1].pts_90k - units[0].pts_90k - 39 * 6000) < 12_000


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


@pytest.mark.parametrize(
    ("path", "kind", "codec"), [("alaw", SoundKind.G711, Codec.PCMA), ("aac", SoundKind.AAC, Codec.OPUS)]
)
async def test_foreign_sound_comes_as_the_tone_it_was(
    server: tuple[int, subprocess.Popen[str]], path: str, kind: SoundKind, codec: Codec
):
    """A-law as it is, AAC as Opus in packets of 20 ms: decoded by another library, the tone is nearly all there is."""
    address = CameraAddress(f"rtsp://127.0.0.1:{server[0]}/{path}", USER, PASSWORD)
    text = await anyio.to_thread.run_sync(describing.described, address)
    assert text is not None
    assert camera_sound.read(text).kind is kind

    units = await anyio.to_thread.run_sync(heard, address, 100)

    assert {unit.codec for unit in units} == {codec}
    steps = {after.ticks - before.ticks for before, after in itertools.pairwise(units)}
    assert steps == ({960} if codec is Codec.OPUS else {len(units[0].data)})
    rate, samples = samples_of(units)
    assert share_of_tone(samples[rate // 2 :], rate) > 0.99
    assert share_of_tone(samples[rate // 2 :], rate, 2_000) < 0.01


async def test_foreign_sound_of_another_kind_is_named_and_not_sent(server: tuple[int, subprocess.Popen[str]]):
    """The owner reads what it is; nothing of it comes."""
    address = CameraAddress(f"rtsp://127.0.0.1:{server[0]}/g722", USER, PASSWORD)
    text = await anyio.to_thread.run_sync(describing.described, address)

    assert text is not None
    assert camera_sound.read(text) == CameraSound(SoundKind.OTHER, "G722/8000/1")
    with pytest.raises(ValueError, match="a kind of sound that is not sent"):
        await anyio.to_thread.run_sync(heard, address, 1)


def heard(address: CameraAddress, count: int) -> list[SoundUnit]:
    """The first pieces of a camera's sound."""
    return list(itertools.islice(sound_source.units(address, clock=SystemClock(), stop=threading.Event()), count))


def samples_of(units: list[SoundUnit]) -> tuple[int, list[float]]:
    """Rate and samples, by FFmpeg's own decoders."""
    is_opus = units[0].codec is Codec.OPUS
    context = cast("Any", av.CodecContext.create("opus" if is_opus else "pcm_alaw", "r"))
    context.sample_rate, context.layout = units[0].codec.clock_hz, "mono"
    to_floats = av.AudioResampler(format="flt", layout="mono")
    frames = [frame for unit in units for frame in context.decode(av.Packet(unit.data))]
    planes = [bytes(made.planes[0])[: 4 * made.samples] for frame in frames for made in to_floats.resample(frame)]
    return units[0].codec.clock_hz, list(array("f", b"".join(planes)))
