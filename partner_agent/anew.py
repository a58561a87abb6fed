"""Reads a stream that browsers do not show, H.265 or with B-frames, and yields it made anew as H.264; blocking.

Decoding puts the pictures in order again, so that they are placed on the time line as they are seen. What cannot be
decoded is left out, under black areas too: a camera may begin between two key pictures, and after a loss the picture is
whole again with the next one. Nothing leaves by it, for only what was painted and encoded ever does. Where areas are
owed, whatever fails after that, in painting or encoding, is the end.
"""

import logging
import threading
from collections.abc import Iterator
from datetime import datetime
from typing import Final

import av
import av.error
from av.container import InputContainer

from partner_agent.areas import NoPlaceError
from partner_agent.converting import TIME_BASE, Converter
from partner_agent.faults import place_of
from partner_agent.rtc.units import AccessUnit
from partner_agent.timing import Capture, CaptureClock, Timeline
from partner_agent.wire.clock import Clock

_LOG: Final = logging.getLogger(__name__)


class UnpaintedError(Exception):
    """A picture that owes black areas could not be painted or encoded; nothing of it has left."""


def read(
    container: InputContainer,
    converter: Converter,
    *,
    clock: Clock,
    timeline: Timeline,
    step_90k: int,
    stop: threading.Event,
) -> Iterator[tuple[AccessUnit, Capture, tuple[int, int]]]:
    """Each picture, when it was taken, and its width and height.

    Args:
        container: an open stream.
        converter: paints and encodes; what its decoder would do is done here.
        clock: tells when each packet arrived.
        timeline: of the source.
        step_90k: the distance of two pictures as far as known; 0 = unknown.
        stop: set from any thread, to end.

    Raises:
        av.error.FFmpegError: the stream ended badly, or a picture cannot be encoded.
        NoPlaceError: an area that must be black has no place in a picture.
        UnpaintedError: areas are owed, and a picture could not be painted or encoded.
    """
    stream, capture_clock = container.streams.video[0], CaptureClock()
    stream.codec_context.thread_count = 1
    for packet in container.demux(stream):
        if stop.is_set():
            return
        if not packet.size:
            continue
        arrived_at, arrived_s = clock.now(), clock.monotonic()
        for frame in _decoded(stream, packet):
            pts_90k = timeline.place(frame.pts, step_90k, arrived_s=arrived_s)
            capture = capture_clock.capture(
                pts_90k=pts_90k, arrived_at=arrived_at, arrived_s=arrived_s, camera_time=None
            )
            frame.pts, frame.time_base = pts_90k, TIME_BASE
            for unit in _shown(converter, frame, capture.at):
                yield unit, capture, (frame.width, frame.height)


def _shown(converter: Converter, frame: av.VideoFrame, captured_at: datetime | None) -> list[AccessUnit]:
    """Painted and encoded.

    Raises:
        NoPlaceError, av.error.FFmpegError, UnpaintedError: as for `read`.
    """
    try:
        return converter.show(frame, captured_at)
    except NoPlaceError:
        raise
    except Exception as error:
        if not converter.owes_areas:
            raise
        _LOG.error("a picture that owes black areas could not be made: %s: %s", place_of(error), error)
        raise UnpaintedError from None


def _decoded(stream: av.VideoStream, packet: "av.Packet[av.VideoStream]") -> list[av.VideoFrame]:
    try:
        return stream.codec_context.decode(packet)
    except av.error.InvalidDataError:
        return []
