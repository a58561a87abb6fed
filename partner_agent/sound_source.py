"""One camera's sound, over a connection of its own that is open only while somebody may hear it.

G.711 is taken as it comes; AAC is decoded and made Opus, mono, 20 ms (RFC 7587). Times are on the same clock as those
of the pictures, so that lips and words fit. Decides nothing about who may hear: `start` and `stop` are the caller's. A
camera that gives no sound, or no more, is asked again with patience, and never keeps the pictures from going on.
"""

import logging
import threading
from collections.abc import Callable, Iterable, Iterator
from datetime import datetime, timedelta
from fractions import Fraction
from typing import Any, Final

import anyio
import anyio.abc
import anyio.from_thread
import anyio.to_thread
import av
import av.error
from av.audio.codeccontext import AudioCodecContext
from av.audio.resampler import AudioResampler
from av.audio.stream import AudioStream
from av.container import InputContainer
from av.packet import Packet

from partner_agent import demux
from partner_agent.demux import CameraAddress
from partner_agent.faults import place_of
from partner_agent.rtc.sdp_sound import Codec
from partner_agent.rtc.units import CLOCK_RATE_HZ, SoundUnit
from partner_agent.timing import Capture, CaptureClock
from partner_agent.wire.clock import Clock

AGAIN_S: Final = 5.0  # a camera that gave no sound is asked again after this
MOST_BYTES: Final = 1_100  # of one packet: longer ones of G.711 are cut, for they would not pass a line
OPUS_FRAME: Final = 960  # 20 ms
OPUS_BPS: Final = 32_000  # speech in full band
_LOG: Final = logging.getLogger(__name__)
_G711: Final = {"pcm_mulaw": Codec.PCMU, "pcm_alaw": Codec.PCMA}

Take = Callable[[SoundUnit], None]


class SoundSource:
    """The sound of one uplink: silent until `start`, silent again from `stop` on."""

    def __init__(self, address: CameraAddress, *, clock: Clock, take: Take, tasks: anyio.abc.TaskGroup) -> None:
        """`take` gets each unit, in the event loop; `tasks` owns the reading."""
        self._address, self._clock, self._take, self._tasks = address, clock, take, tasks
        self._scope: anyio.CancelScope | None = None

    @property
    def is_open(self) -> bool:
        """Whether the camera is, or is about to be, asked for its sound."""
        return self._scope is not None

    def start(self) -> None:
        """Ask the camera for its sound; nothing if that was done."""
        if self._scope is None:
            self._scope = anyio.CancelScope()
            self._tasks.start_soon(self._run, self._scope)

    def stop(self) -> None:
        """Not a unit more, from this instant; the connection is closed behind it."""
        scope, self._scope = self._scope, None
        if scope is not None:
            scope.cancel()

    async def _run(self, scope: anyio.CancelScope) -> None:
        with scope:
            while True:
                try:
                    await self._read(scope)
                except Exception as error:  # noqa: BLE001 - the supervisor of one camera's sound: the pictures go on
                    _LOG.error("a camera's sound could not be read: %s", place_of(error))
                await self._clock.sleep(AGAIN_S)

    async def _read(self, scope: anyio.CancelScope) -> None:
        stop = threading.Event()

        def take(unit: SoundUnit) -> None:
            if self._scope is scope:
                self._take(unit)

        def read() -> None:
            try:
                for unit in units(self._address, clock=self._clock, stop=stop):
                    anyio.from_thread.run_sync(take, unit)
            except (av.error.FFmpegError, OSError, ValueError):
                return  # silence; FFmpeg's words hold the password

        async with anyio.create_task_group() as group:
            group.start_soon(_set_at_the_end, stop)
            await anyio.to_thread.run_sync(read, limiter=anyio.CapacityLimiter(1))
            group.cancel_scope.cancel()


async def _set_at_the_end(stop: threading.Event) -> None:
    """The reader ends at its next packet, or when the camera says nothing for a few seconds."""
    try:
        await anyio.sleep_forever()
    finally:
        stop.set()


def units(address: CameraAddress, *, clock: Clock, stop: threading.Event) -> Iterator[SoundUnit]:
    """Open a camera's sound and yield it until `stop` is set, or it ends. Blocking.

    Raises:
        FFmpegError, OSError: the camera gives none.
        ValueError: it is a kind that is not sent.
    """
    container = demux.opened(address, media="audio")
    try:
        yield from _units(container, clock, stop)
    finally:
        container.close()


def _units(container: InputContainer, clock: Clock, stop: threading.Event) -> Iterator[SoundUnit]:
    if not container.streams.audio:
        raise ValueError("no sound")
    stream = container.streams.audio[0]
    name, rate = stream.codec_context.name, stream.codec_context.sample_rate
    if name in _G711 and rate == _G711[name].clock_hz and stream.codec_context.channels == 1:
        yield from _as_it_comes(_packets(container, stop), clock, _G711[name])
    elif name == "aac":
        yield from _made_opus(_packets(container, stop), clock)
    else:
        raise ValueError("a kind of sound that is not sent")


def _packets(container: InputContainer, stop: threading.Event) -> Iterator["Packet[AudioStream]"]:
    """What comes until `stop` is set, asked at each packet: not all of them make a unit."""
    for packet in container.demux(container.streams.audio[0]):
        if stop.is_set():
            return
        yield packet


def _as_it_comes(packets: Iterable["Packet[AudioStream]"], clock: Clock, codec: Codec) -> Iterator[SoundUnit]:
    """Each packet of the camera as one of ours; a byte is a sample."""
    times, is_first, next_ticks = CaptureClock(), True, 0
    for packet in packets:
        data = bytes(packet)
        if not data:
            continue
        ticks = next_ticks if packet.pts is None else _ticks(packet.pts, packet.time_base, codec.clock_hz)
        ticks = max(ticks, next_ticks)
        capture = _captured(times, packet, ticks, codec.clock_hz, clock)
        for begin in range(0, len(data), MOST_BYTES):
            piece = data[begin : begin + MOST_BYTES]
            yield SoundUnit(piece, codec, ticks + begin, is_first, _later(capture, begin, codec.clock_hz))
            is_first = False
        next_ticks = ticks + len(data)


def _made_opus(packets: Iterable["Packet[AudioStream]"], clock: Clock) -> Iterator[SoundUnit]:
    """Decoded, resampled and coded anew; the times are those of what was decoded."""
    rate = Codec.OPUS.clock_hz
    resampler = AudioResampler(format="s16", layout="mono", rate=rate, frame_size=OPUS_FRAME)
    encoder = _encoder(rate)
    times, is_first, last_ticks = CaptureClock(), True, -1
    for packet in packets:
        if not packet.size or packet.pts is None:
            continue
        at = _ticks(packet.pts, packet.time_base, rate)
        capture = _captured(times, packet, at, rate, clock)
        for frame in packet.decode():
            for piece in resampler.resample(frame):
                for coded in encoder.encode(piece):
                    said = (
                        _ticks(coded.pts, coded.time_base, rate) if coded.pts is not None else last_ticks + OPUS_FRAME
                    )
                    ticks = max(said, last_ticks + 1)
                    last_ticks = ticks
                    captured = _later(capture, ticks - at, rate)
                    yield SoundUnit(bytes(coded), Codec.OPUS, ticks, is_first, captured)
                    is_first = False


def _encoder(rate: int) -> AudioCodecContext:
    encoder = AudioCodecContext.create("libopus", "w")
    encoder.sample_rate, encoder.layout, encoder.format = rate, "mono", "s16"
    encoder.bit_rate, encoder.time_base = OPUS_BPS, Fraction(1, rate)
    encoder.options = {"frame_duration": "20", "application": "audio"}
    return encoder


def _captured(times: CaptureClock, packet: Any, ticks: int, rate: int, clock: Clock) -> Capture:
    """When a packet's first sample was heard, by the rule that holds for pictures."""
    return times.capture(
        pts_90k=ticks * CLOCK_RATE_HZ // rate,
        arrived_at=clock.now(),
        arrived_s=clock.monotonic(),
        camera_time=demux.camera_time(packet),
    )


def _later(capture: Capture, ticks: int, rate: int) -> datetime:
    return capture.at + timedelta(seconds=ticks / rate)


def _ticks(pts: int, time_base: Fraction, rate: int) -> int:
    return round(pts * time_base * rate)
