"""Pictures made anew: decoded, blackened where areas say so, encoded as H.264 that every browser shows.

Every picture that comes out was decoded, painted and encoded here; nothing is passed on. Whatever fails ends the
stream: there is no way around the paint. Decoded pictures are references of later ones, so each is made writable first.
Blocking work runs in a thread, one batch at a time; a machine that is too slow shows fewer pictures, not older ones.
"""

import logging
from collections import deque
from collections.abc import Sequence
from datetime import datetime
from fractions import Fraction
from typing import Final, Self

import anyio
import anyio.to_thread
import av
from av.video.codeccontext import VideoCodecContext
from av.video.frame import PictureType

from partner_agent.areas import Area, NoPlaceError, Span, fits, rows_of
from partner_agent.handover import Subscription
from partner_agent.rtc.units import CLOCK_RATE_HZ, AccessUnit
from partner_agent.wire.problems import Code

KEY_DISTANCE_S: Final = 2
BEHIND: Final = 8  # so many units waiting: all are decoded, only the newest is shown
_BLACK: Final = (b"\x10", b"\x80", b"\x80")
_FORMATS: Final = frozenset({"yuv420p", "yuvj420p"})
_RATES: Final = ((360, 800_000), (576, 1_500_000), (720, 2_500_000), (1080, 4_000_000))  # lines, bits a second
_MOST_BPS: Final = 8_000_000
TIME_BASE: Final = Fraction(1, CLOCK_RATE_HZ)
_LOG: Final = logging.getLogger(__name__)


def most_bps(lines: int) -> int:
    """What a picture of so many lines takes at most, in bits a second."""
    return next((rate for most, rate in _RATES if lines <= most), _MOST_BPS)


class Converter:
    """Makes one stream's pictures anew. Blocking; one thread at a time.

    Attributes:
        owes_areas: whether anything is black in its pictures.
        is_key_wanted: somebody waits for a picture to begin with; may be set from another thread.
    """

    def __init__(self, areas: Sequence[Area], *, codec: str = "h264", most_lines: int | None = None) -> None:
        """`areas` are black in every picture; `codec` is what comes in; higher than `most_lines` it is made smaller."""
        self._areas, self._most_lines = tuple(areas), most_lines
        self.owes_areas = bool(self._areas)
        self._decoder = decoder_of(codec)
        self._encoder: VideoCodecContext | None = None
        self._like: tuple[int, int, str] | None = None
        self._rows: list[list[Span]] = []
        self._captured: dict[int, datetime | None] = {}
        self._key_90k = 0
        self.is_key_wanted = False

    def convert(self, units: Sequence[AccessUnit]) -> list[AccessUnit]:
        """The pictures of these units; of many that wait, the newest alone.

        Raises:
            NoPlaceError: an area has no place in a picture.
            av.error.FFmpegError: one cannot be decoded or encoded.
        """
        frames = [frame for unit in units for frame in self._decoded(unit)]
        if len(units) > BEHIND:
            frames = frames[-1:]
        return [unit for frame in frames for unit in self.show(frame, self._captured.get(frame.pts or 0))]

    def show(self, frame: av.VideoFrame, captured_at: datetime | None) -> list[AccessUnit]:
        """One decoded picture, its time in 1/90,000 s: painted and encoded.

        Raises:
            NoPlaceError: an area has no place in it.
            av.error.FFmpegError: it cannot be encoded.
        """
        return self._encoded(self._lowered(self._painted(frame)), captured_at)

    def _decoded(self, unit: AccessUnit) -> list[av.VideoFrame]:
        packet = av.Packet(unit.data)
        packet.pts = packet.dts = unit.pts_90k
        packet.time_base = TIME_BASE
        self._captured[unit.pts_90k] = unit.captured_at
        while len(self._captured) > 64:  # more than any decoder keeps back
            del self._captured[next(iter(self._captured))]
        return self._decoder.decode(packet)

    def _painted(self, frame: av.VideoFrame) -> av.VideoFrame:
        """The frame with its areas black, in a form the encoder takes."""
        if frame.format.name not in _FORMATS:
            frame = frame.reformat(format="yuv420p")
        like = (frame.width, frame.height, frame.format.name)
        if like != self._like:
            self._begin(*like)
        if self._areas:
            frame.make_writable()
            blacken(frame, self._rows)
        return frame

    def _begin(self, width: int, height: int, pixels: str) -> None:
        """Pictures of another size from here on.

        Raises:
            NoPlaceError: an area has no place there.
        """
        if not all(fits(area, width, height) for area in self._areas):
            raise NoPlaceError
        self._rows = rows_of(self._areas, (width + 1) // 2, (height + 1) // 2)
        self._encoder = _encoder(*size_within(width, height, self._most_lines), pixels)
        self._like = (width, height, pixels)
        self.is_key_wanted = True

    def _lowered(self, frame: av.VideoFrame) -> av.VideoFrame:
        """No higher than may be; painted before, so that nothing of an area is mixed into what lies beside it."""
        width, height = size_within(frame.width, frame.height, self._most_lines)
        return frame if (width, height) == (frame.width, frame.height) else frame.reformat(width=width, height=height)

    def _encoded(self, frame: av.VideoFrame, captured_at: datetime | None) -> list[AccessUnit]:
        encoder, at = self._encoder, frame.pts
        if encoder is None or at is None:
            raise NoPlaceError
        is_due = at - self._key_90k >= KEY_DISTANCE_S * CLOCK_RATE_HZ
        if is_due or self.is_key_wanted:
            self._key_90k, self.is_key_wanted = at, False
            frame.pict_type = PictureType.I
        else:
            frame.pict_type = PictureType.NONE
        frame.time_base = TIME_BASE
        return [
            AccessUnit(bytes(packet), packet.pts or 0, bool(packet.is_keyframe), captured_at)
            for packet in encoder.encode(frame)
        ]


class Converted:
    """The pictures of a subscription, made anew: an async iterator that ends with the first that cannot be.

    Attributes:
        code: why it ended, if it was for what was to be done with the pictures.
    """

    def __init__(self, units: Subscription, converter: Converter) -> None:
        self._units, self._converter = units, converter
        self._ready: deque[AccessUnit] = deque()
        self._limiter = anyio.CapacityLimiter(1)
        self.code: Code | None = None

    def want_key(self) -> None:
        """Somebody waits for a picture to begin with."""
        self._converter.is_key_wanted = True

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> AccessUnit:
        """The next picture."""
        while not self._ready:
            if self.code is not None:
                raise StopAsyncIteration
            batch = [await anext(self._units), *self._units.waiting()]
            self._ready.extend(await self._convert(batch))
        return self._ready.popleft()

    async def _convert(self, batch: list[AccessUnit]) -> list[AccessUnit]:
        try:
            return await anyio.to_thread.run_sync(self._converter.convert, batch, limiter=self._limiter)
        except NoPlaceError:
            self.code = Code.OBLIGATION_UNKNOWN
        except Exception:  # noqa: BLE001 - fail closed: whatever it was, no picture leaves, and the agent goes on
            _LOG.exception("pictures could not be made anew")
            self.code = Code.CODEC_UNSUPPORTED
        return []


def size_within(width: int, height: int, lines: int | None) -> tuple[int, int]:
    """A picture's size, of the same shape and in even numbers where it has to be made smaller."""
    if lines is None or height <= lines:
        return width, height
    return max(2, round(width * lines / height) & ~1), max(2, lines & ~1)


def blacken(frame: av.VideoFrame, rows: list[list[Span]]) -> None:
    """Black where `rows`, over cells of two by two pixels, say so; the frame must be writable."""
    for number, (plane, black) in enumerate(zip(frame.planes, _BLACK, strict=True)):
        pixels, line, scale = memoryview(plane), plane.line_size, 2 if number == 0 else 1
        for row, spans in enumerate(rows):
            for start, end in spans:
                first, last = start * scale, min(end * scale, plane.width)
                paint = black * (last - first)
                for y in range(row * scale, min((row + 1) * scale, plane.height)):
                    pixels[y * line + first : y * line + last] = paint


def decoder_of(codec: str) -> VideoCodecContext:
    """A decoder that gives each picture as soon as it can."""
    decoder = av.CodecContext.create(codec, "r")
    assert isinstance(decoder, VideoCodecContext)
    decoder.thread_count = 1  # more would keep pictures back
    return decoder


def _encoder(width: int, height: int, pixels: str) -> VideoCodecContext:
    encoder = av.CodecContext.create("libx264", "w")
    assert isinstance(encoder, VideoCodecContext)
    encoder.width, encoder.height, encoder.pix_fmt = width, height, pixels
    encoder.time_base, encoder.framerate, encoder.thread_count = TIME_BASE, Fraction(30), 1
    rate = str(most_bps(height))
    encoder.options = {
        "preset": "ultrafast",
        "tune": "zerolatency",
        "profile": "baseline",
        "bf": "0",
        "g": "1000000",  # key pictures come when we say so
        "forced-idr": "1",
        "crf": "23",
        "maxrate": rate,
        "bufsize": rate,
    }
    return encoder
