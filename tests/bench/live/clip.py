"""Two seconds of real H.264 at a camera's rate, drawn and encoded here: no footage is needed.

One slice a picture, parameter sets before the key picture, no B-frames, a nearly constant rate, no SEI per picture: as
the simulated cameras of the demo send.
"""

import itertools
import json
from fractions import Fraction
from pathlib import Path

import av
from av.filter import Graph
from av.video.frame import VideoFrame

from partner_agent.rtc import h264
from partner_agent.simulator import footage
from partner_agent.simulator.camera import Stream

# 4 Mbit/s and about 450 packets a second once RTP headers and the first picture are counted
FULL = footage.Encoding(width=1920, height=1080, fps=30, gop_frames=60, bitrate_bps=4_000_000, profile="main")
SMALL = footage.Encoding(width=320, height=180, fps=30, gop_frames=15, bitrate_bps=400_000, profile="baseline")


def make(path: Path, encoding: footage.Encoding) -> Path:
    """Write one group of pictures to `path` in the form `footage.load` reads."""
    encoder = av.CodecContext.create("libx264", "w")
    encoder.width, encoder.height, encoder.pix_fmt = encoding.width, encoding.height, "yuv420p"
    encoder.time_base, encoder.framerate = Fraction(1, encoding.fps), Fraction(encoding.fps)
    encoder.bit_rate = encoding.bitrate_bps
    kilobits = encoding.bitrate_bps // 1000
    encoder.options = {
        "preset": "ultrafast",
        "tune": "zerolatency",
        "profile": encoding.profile,
        "x264-params": f"repeat-headers=1:scenecut=0:sliced-threads=0:slices=1:bframes=0:keyint={encoding.gop_frames}"
        f":min-keyint=1:vbv-maxrate={kilobits}:vbv-bufsize={kilobits // 2}",
    }
    with path.open("wb") as sink:
        for frame in _frames(encoding):
            for packet in encoder.encode(frame):
                sink.write(bytes(packet))
        for packet in encoder.encode(None):
            sink.write(bytes(packet))
    path.with_suffix(".json").write_text(json.dumps(list(range(encoding.gop_frames))))
    return path


def read(path: Path, encoding: footage.Encoding) -> Stream:
    """The loop as a camera plays it."""
    return Stream(footage.load(path), encoding.fps)


def payloads(stream: Stream) -> list[list[bytes]]:
    """The loop as RTP payloads, picture by picture."""
    return [h264.packetise(list(picture.nals)) for picture in stream.pictures]


def _frames(encoding: footage.Encoding) -> list[VideoFrame]:
    graph = Graph()
    steps = (
        graph.add("testsrc2", f"size={encoding.width}x{encoding.height}:rate={encoding.fps}"),
        graph.add("noise", "alls=14:allf=t"),
        graph.add("format", "yuv420p"),
        graph.add("buffersink"),
    )
    for one, other in itertools.pairwise(steps):
        one.link_to(other)
    graph.configure()
    frames = []
    for number in range(encoding.gop_frames):
        frame = graph.pull()
        assert isinstance(frame, VideoFrame)
        frame.pts, frame.time_base = number, Fraction(1, encoding.fps)
        frame.pict_type = 0
        frames.append(frame)
    return frames
