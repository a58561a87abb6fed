"""Single pictures from real cameras: decoded, black where they must be, made smaller, with words burned in.

The picture comes from after the order, never from before it. There is no way around paint and words: what fails gives
no picture. Areas are painted at full size, before anything is made smaller.
"""

from collections.abc import Sequence
from contextlib import nullcontext
from datetime import datetime
from typing import Final

import anyio
import anyio.to_thread
import av
import httpx
from av.video.codeccontext import VideoCodecContext

from partner_agent.areas import Area, fits, rows_of
from partner_agent.converting import blacken, size_within
from partner_agent.masks import Masks
from partner_agent.ports import Limits, MediaError, Still
from partner_agent.premises import Premises
from partner_agent.rtc.units import AccessUnit
from partner_agent.rtsp import CameraSource, SourceState
from partner_agent.thumbnails import jpeg_of
from partner_agent.watermark import burn
from partner_agent.wire.clock import Clock, to_rfc3339
from partner_agent.wire.limits import STILL_BYTES
from partner_agent.wire.problems import Code

STATEMENT: Final = "Lenspact-Still"  # the header that carries the `still+jwt`
_SEND_S: Final = 8.0
_QUALITIES: Final = (3, 6, 10, 16, 24, 31)  # of MJPEG, the smaller the better
_PIXELS: Final = "yuvj420p"


class CameraStills:
    """`Stills` over the cameras of this site."""

    def __init__(self, premises: Premises, masks: Masks, *, http: httpx.AsyncClient, clock: Clock) -> None:
        self._premises, self._masks, self._http, self._clock = premises, masks, http, clock

    def refusal(self, camera: str, limits: Limits) -> Code | None:
        """Why no picture of this camera can be taken within these limits, as far as is known before it is opened."""
        sources = self._premises.for_live(camera)
        if not sources:
            return Code.NOT_SHARED
        if not limits.masks <= self._masks.names(camera):
            return Code.OBLIGATION_UNKNOWN
        return Code.CODEC_UNSUPPORTED if all(source.is_unusable for source in sources) else None

    async def take(self, camera: str, limits: Limits, words: Sequence[str]) -> Still:
        """The next picture of its stream.

        Raises:
            MediaError: none comes, or it may not be shown.
        """
        areas = tuple(area for area in self._masks.of(camera) if area.id in limits.masks)
        if limits.masks != {area.id for area in areas}:
            raise MediaError(Code.OBLIGATION_UNKNOWN, "an area that must be black is not drawn here")
        units = await self._newest(camera)
        at = self._clock.now()
        line = " ".join((*words, to_rfc3339(at)[:19].replace("T", " ") + "Z"))
        try:
            return await anyio.to_thread.run_sync(_picture, units, areas, limits.height_lines, line, at)
        except (av.error.FFmpegError, ValueError, IndexError) as error:
            raise MediaError(Code.CODEC_UNSUPPORTED, "the camera's picture cannot be made a still") from error

    async def send(self, still: Still, *, url: str, token: str, statement: str) -> None:
        """One PUT.

        Raises:
            MediaError: it was not taken.
        """
        headers = {"Authorization": f"Bearer {token}", STATEMENT: statement, "Content-Type": "image/jpeg"}
        try:
            answer = await self._http.put(url, headers=headers, content=still.jpeg, timeout=_SEND_S)
        except httpx.HTTPError as error:
            raise MediaError(Code.LIMIT, "the gateway could not be reached") from error
        if answer.status_code != 204:
            raise MediaError(Code.LIMIT, f"the gateway did not take the still ({answer.status_code})")

    async def _newest(self, camera: str) -> list[AccessUnit]:
        """A group of pictures that ends with the first one to come from now on.

        Raises:
            MediaError: none of its streams gives one.
        """
        for source in self._premises.for_live(camera):
            place = self._premises.encoders.share(source) if source.is_anew else None
            if source.is_anew and place is None:
                raise MediaError(Code.LIMIT, "this machine makes as many pictures anew as it may (max_encoders)")
            with place or nullcontext():
                units = await _next_of(source)
            if units:
                return units
        raise MediaError(Code.CAMERA_UNREACHABLE, "the camera gives no picture")


async def _next_of(source: CameraSource) -> list[AccessUnit]:
    """What leads to the next picture, and that; nothing where this stream gives none."""
    with source.subscribe() as units:
        before = units.waiting()
        status = await source.until(SourceState.RUNNING, SourceState.WAITING, SourceState.STOPPED)
        if status.state is not SourceState.RUNNING:
            return []
        unit = await anext(units, None)
        if unit is None:
            return []
        return [unit] if unit.is_key else [*before, unit]


def _picture(units: Sequence[AccessUnit], areas: Sequence[Area], lines: int, words: str, at: datetime) -> Still:
    """Blocking.

    Raises:
        MediaError: an area has no place in it.
        av.error.FFmpegError, IndexError: it cannot be decoded.
        ValueError: it is too large however it is made.
    """
    frame = _decoded(units).reformat(format=_PIXELS)
    if not all(fits(area, frame.width, frame.height) for area in areas):
        raise MediaError(Code.OBLIGATION_UNKNOWN, "the areas were drawn on a picture of another shape")
    frame.make_writable()
    if areas:
        blacken(frame, rows_of(areas, (frame.width + 1) // 2, (frame.height + 1) // 2))
    if frame.height > lines:
        width, height = size_within(frame.width, frame.height, lines)
        frame = frame.reformat(width=width, height=height)
        frame.make_writable()
    luma = frame.planes[0]
    burn(memoryview(luma), line=luma.line_size, width=frame.width, height=frame.height, words=words)
    for quality in _QUALITIES:
        jpeg = jpeg_of(frame, quality)
        if len(jpeg) <= STILL_BYTES:
            return Still(jpeg, at, frame.width, frame.height)
    raise ValueError("too large")


def _decoded(units: Sequence[AccessUnit]) -> av.VideoFrame:
    """The last picture of these."""
    decoder = av.CodecContext.create("h264", "r")
    assert isinstance(decoder, VideoCodecContext)
    decoder.thread_count = 1  # more would keep pictures back
    frames = [frame for unit in units for frame in decoder.decode(av.Packet(unit.data))]
    return [*frames, *decoder.decode(None)][-1]
