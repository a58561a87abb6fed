"""Sound of an uplink: the camera is not asked for it before somebody may hear, and what then leaves is its own."""

import threading
from collections.abc import AsyncIterator, Iterator
from dataclasses import replace
from pathlib import Path
from statistics import median
from types import SimpleNamespace
from typing import Any, cast

import anyio
import anyio.abc
import pytest
from av.audio.stream import AudioStream
from av.container import InputContainer
from av.packet import Packet

from partner_agent import sound_source
from partner_agent.demux import CameraAddress
from partner_agent.rtc.sdp_sound import Codec
from partner_agent.rtc.units import AccessUnit, SoundUnit
from partner_agent.simulator.camera import Camera
from partner_agent.sound_source import SoundSource
from partner_agent.uplink import OpenUplink
from partner_agent.wire.clock import SystemClock
from partner_agent.wire.problems import Code
from tests.partner_agent.test_rtsp import Breaks
from tests.partner_agent.test_uplink import Relay, limits, order, uplink
from tests.support.cameras import PASSWORD, USER, camera_server
from tests.support.tones import mulaw_tone
from tests.support.waiting import until

pytestmark = pytest.mark.anyio
LIPS_S = 0.08  # between a picture and its sound; the order of EBU R 37


class TimedRelay(Relay):
    """Takes pictures and sound, and notes how much later than captured each came here, by this machine's clock."""

    def __init__(self) -> None:
        super().__init__()
        self.seen_s: list[float] = []
        self.heard_s: list[float] = []

    async def publish(self, units: AsyncIterator[AccessUnit], *given: Any, **named: Any) -> Any:
        async def timed() -> AsyncIterator[AccessUnit]:
            async for unit in units:
                self.seen_s += _late_s(unit)
                yield unit

        publication = await super().publish(timed(), *given, **named)
        publication.say = lambda unit: self.heard_s.extend(_late_s(unit))
        return publication


def _late_s(unit: AccessUnit | SoundUnit) -> list[float]:
    at = unit.captured_at  # None before the camera's first report
    return [] if at is None else [(SystemClock().now() - at).total_seconds()]


async def test_g711_leaves_as_it_came_and_only_while_it_may(camera: Camera, tmp_path: Path):
    """Not asked for before, byte for byte the camera's while it may be heard, and asked for no more afterwards."""
    camera.sound = mulaw_tone()
    relay = Relay()
    async with camera_server(camera) as port, anyio.create_task_group() as tasks:
        async with uplink(tmp_path, relay, url=f"rtsp://127.0.0.1:{port}/cam1/main") as (sender, premises, name):
            opened = await sender.publish(order(name), tasks=tasks)
            await until(lambda: len(relay.units) > 5 and premises.known()[0].audio)
            assert (relay.said, camera.sounding) == ([], 0)

            opened.let_hear(True)
            opened.let_hear(True)  # another view may hear
            await until(lambda: len(relay.said) >= 25, timeout_s=5)
            assert camera.sounding == 1

            opened.let_hear(False)
            heard = list(relay.said)
            await until(lambda: camera.sounding == 0, timeout_s=5)
            assert relay.said == heard

            opened.let_hear(True)
            await until(lambda: len(relay.said) > len(heard), timeout_s=5)
            opened.halt()
            after = len(relay.said)
            await until(lambda: camera.sounding == 0, timeout_s=5)
            assert len(relay.said) == after
        tasks.cancel_scope.cancel()

    assert [unit.data for unit in heard] == [camera.sound[n % len(camera.sound)] for n in range(len(heard))]
    assert {unit.codec for unit in heard} == {Codec.PCMU}
    assert [unit.ticks for unit in heard] == [160 * n for n in range(len(heard))]
    assert [unit.is_first for unit in heard] == [True, *[False] * (len(heard) - 1)]
    assert relay.said[len(heard)].is_first


async def test_the_moments_of_sound_are_those_of_the_pictures(camera: Camera, tmp_path: Path):
    """Both by the camera's clock, though each has a connection of its own: that is what binds lips to words.

    What is captured leaves the camera at once, so how long each took to come here tells how far they are apart.
    """
    camera.sound, camera.clock_offset_s = mulaw_tone(), 2.0
    relay = TimedRelay()
    async with camera_server(camera) as port, anyio.create_task_group() as tasks:
        async with uplink(tmp_path, relay, url=f"rtsp://127.0.0.1:{port}/cam1/main") as (sender, _, name):
            opened = await sender.publish(order(name), tasks=tasks)
            opened.let_hear(True)
            await until(lambda: len(relay.heard_s) >= 150 and len(relay.seen_s) >= 45, timeout_s=15)
            opened.halt()
        tasks.cancel_scope.cancel()

    pictures_s, sound_s = median(relay.seen_s), median(relay.heard_s)
    assert abs(pictures_s + camera.clock_offset_s) < 0.25
    assert abs(pictures_s - sound_s) < LIPS_S


@pytest.mark.parametrize(("has_sound", "code"), [(True, None), (False, Code.CODEC_UNSUPPORTED)])
async def test_sound_that_a_camera_does_not_have_is_refused_once_it_is_known(
    camera: Camera, tmp_path: Path, has_sound: bool, code: Code | None
):
    """The silent view is not."""
    camera.sound = mulaw_tone() if has_sound else ()
    async with (
        camera_server(camera) as port,
        uplink(tmp_path, Relay(), url=f"rtsp://127.0.0.1:{port}/cam1/main") as (sender, premises, name),
    ):
        assert sender.refusal(name, replace(limits(), audio=True)) is None  # not known yet
        with premises.for_live(name)[0].subscribe():
            await until(lambda: premises.known()[0].sound, timeout_s=5)

        assert sender.refusal(name, replace(limits(), audio=True)) is code
        assert sender.refusal(name, limits()) is None
        assert premises.known()[0].audio is has_sound
        assert premises.known()[0].sound.startswith("Its sound is G.711." if has_sound else "It sends no sound.")


async def test_a_camera_that_refuses_its_sound_shows_its_pictures_all_the_same(camera: Camera, tmp_path: Path):
    """Its silence is no end of the view."""
    relay = Relay()
    async with camera_server(camera) as port, anyio.create_task_group() as tasks:
        async with uplink(tmp_path, relay, url=f"rtsp://127.0.0.1:{port}/cam1/main") as (sender, _, name):
            opened: OpenUplink = await sender.publish(order(name), tasks=tasks)
            opened.let_hear(True)
            await until(lambda: len(relay.units) > 20, timeout_s=5)
            assert not opened.ended.is_set()
            opened.halt()
        tasks.cancel_scope.cancel()
    assert relay.said == []


async def test_sound_that_cannot_be_read_is_asked_for_again_and_ends_nothing_else(
    camera: Camera, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
):
    """What nobody foresaw is logged without its text, which may hold the password; the next try is heard."""
    monkeypatch.setattr("partner_agent.sound_source.AGAIN_S", 0.01)
    camera.sound = mulaw_tone()
    heard: list[SoundUnit] = []
    async with camera_server(camera) as port, anyio.create_task_group() as tasks:
        address = CameraAddress(f"rtsp://127.0.0.1:{port}/cam1/main", USER, PASSWORD)
        source = SoundSource(address, clock=Breaks(1), take=heard.append, tasks=tasks)
        source.start()
        await until(lambda: len(heard) > 5, timeout_s=8)
        source.stop()

    assert caplog.text.count("OverflowError at ") == 1
    assert "nobody foresaw this" not in caplog.text


@pytest.mark.parametrize("name", ["aac", "pcm_mulaw"])
def test_a_camera_whose_packets_say_nothing_is_left_all_the_same(name: str):
    """Packets that make no sound come without end from some; whoever stops listening waits for one packet at most."""
    taken: list[int] = []

    class Packets:
        """An opened camera."""

        codec = SimpleNamespace(name=name, sample_rate=8000, channels=1)
        streams = SimpleNamespace(audio=[SimpleNamespace(codec_context=codec)])

        def demux(self, _stream: object) -> Iterator["Packet[AudioStream]"]:
            for number in range(100):
                taken.append(number)
                yield Packet(0)

    stop = threading.Event()
    stop.set()

    assert list(sound_source._units(cast("InputContainer", Packets()), SystemClock(), stop)) == []
    assert taken == [0]
