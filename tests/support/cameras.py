"""Cameras for tests: a small synthetic film, quick encodings of it, and our own simulator around them."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import av

from partner_agent.rtc import nal
from partner_agent.simulator import footage
from partner_agent.simulator.camera import Camera, Stream
from partner_agent.simulator.server import serve
from partner_agent.wire.clock import SystemClock
from partner_agent.wire.ids import SystemIds

SMALL = footage.Encoding(width=160, height=96, fps=15, gop_frames=8, bitrate_bps=100_000, profile="baseline")
_SEI = 6
USER, PASSWORD = "viewer", "right horse"


def make_film(path: Path, *, frames: int = 45) -> Path:
    """A film of a moving gradient, 3 s of 15 fps."""
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=15, options={"preset": "ultrafast"})
        stream.width, stream.height, stream.pix_fmt = 320, 192, "yuv420p"
        for number in range(frames):
            frame = av.VideoFrame(320, 192, "yuv420p")
            luma = frame.planes[0]
            row = bytes((x + number * 5) & 0xFF for x in range(luma.line_size))
            luma.update(b"".join(row[y:] + row[:y] for y in range(192)))
            for plane in frame.planes[1:]:
                plane.update(bytes([128]) * plane.buffer_size)
            frame.pts, frame.time_base = number, Fraction(1, 15)
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return path


def small_stream(
    film: Path,
    cache: Path,
    *,
    b_frames: int = 0,
    gop_frames: int = SMALL.gop_frames,
    size: tuple[int, int] = (SMALL.width, SMALL.height),
) -> Stream:
    """A quick encoding of `film`."""
    profile = "main" if b_frames else SMALL.profile
    width, height = size
    encoding = replace(SMALL, b_frames=b_frames, gop_frames=gop_frames, profile=profile, width=width, height=height)
    look = footage.Look(label="CAM 1", has_counter=True)
    path = footage.prepare(film, look, encoding, cache, lambda _done, _total: None)
    return Stream(footage.load(path), encoding.fps)


def odd_stream(*, frames: int = 15) -> Stream:
    """Whole pictures of 161x97 in 4:4:4, which can be decoded and painted, and not be encoded as what browsers show."""
    encoder = av.CodecContext.create("libx264", "w")
    encoder.width, encoder.height, encoder.pix_fmt = SMALL.width + 1, SMALL.height + 1, "yuv444p"
    encoder.time_base = Fraction(1, SMALL.fps)
    encoder.options = {"preset": "ultrafast", "tune": "zerolatency", "x264-params": "keyint=1:slices=1"}
    pictures = []
    for number in range(frames):
        frame = av.VideoFrame(encoder.width, encoder.height, encoder.pix_fmt)
        frame.pts, frame.time_base = number, encoder.time_base
        for packet in encoder.encode(frame):
            units = tuple(unit for unit in nal.split(bytes(packet)) if nal.nal_type(unit) != _SEI)
            pictures.append(footage.Picture(units, is_key=True, presented=number))
    return Stream(tuple(pictures), SMALL.fps)


@asynccontextmanager
async def camera_server(*cameras: Camera) -> AsyncIterator[int]:
    """Serve `cameras` on a free port of this machine."""
    async with serve(list(cameras), host="127.0.0.1", port=0, clock=SystemClock(), ids=SystemIds()) as port:
        yield port


def one_after_the_other(first: Stream, then: Stream) -> Stream:
    """A camera that is set anew while it runs: `first`, then `then`, whose sets stand before its first picture only."""
    moved = [replace(picture, presented=picture.presented + len(first.pictures)) for picture in then.pictures]
    later = [replace(picture, nals=tuple(_without_sets(picture.nals))) for picture in moved[1:]]
    return Stream((*first.pictures, moved[0], *later), first.fps)


def _without_sets(nals: tuple[bytes, ...]) -> list[bytes]:
    return [unit for unit in nals if nal.nal_type(unit) not in {nal.SPS, nal.PPS}]
