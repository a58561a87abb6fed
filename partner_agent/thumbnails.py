"""Small pictures of key frames, for a viewer to find a moment. Blocking: each is decoded, painted and made smaller."""

import io
from collections.abc import Sequence
from datetime import datetime
from fractions import Fraction
from typing import Final

import av

from partner_agent.areas import Area, fits, rows_of
from partner_agent.converting import blacken, size_within
from partner_agent.playback import key_before, run_up
from partner_agent.ports import Thumbnail
from partner_agent.ring.footage import Footage
from partner_agent.wire.limits import THUMBNAIL_BYTES, THUMBNAIL_WIDTH

_QUALITIES: Final = (6, 12, 20, 31)  # of MJPEG, the smaller the better


def take(footage: Footage, at: datetime, *, areas: Sequence[Area] = (), most_lines: int) -> Thumbnail | None:
    """The key frame that a player would show at `at`, small; None where there is none, or it may not be shown.

    Args:
        footage: what may be shown.
        at: the moment.
        areas: black in it, painted before it is made smaller; without a place in the picture there is none.
        most_lines: how high it may be.
    """
    shots = footage.around(at) or footage.before(at)
    if not shots:
        return None
    shot = shots[key_before(shots, run_up(shots, at))]
    picture = decoded(shot.data)
    if picture is None or not all(fits(area, picture.width, picture.height) for area in areas):
        return None
    if areas:
        picture = picture.reformat(format="yuvj420p")
        picture.make_writable()
        blacken(picture, rows_of(areas, (picture.width + 1) // 2, (picture.height + 1) // 2))
    width = min(THUMBNAIL_WIDTH, picture.width) & ~1
    height = max(2, round(picture.height * width / picture.width) & ~1)
    width, height = size_within(width, height, most_lines)
    small = picture.reformat(width=width, height=height, format="yuvj420p")
    for quality in _QUALITIES:
        jpeg = jpeg_of(small, quality)
        if len(jpeg) <= THUMBNAIL_BYTES:
            return Thumbnail(shot.at, jpeg)
    return None


def decoded(data: bytes) -> av.VideoFrame | None:
    """The first picture of an access unit; None where it cannot be read."""
    try:
        with av.open(io.BytesIO(data), "r", format="h264") as container:
            return next(container.decode(video=0), None)
    except (av.error.FFmpegError, IndexError):
        return None


def jpeg_of(picture: av.VideoFrame, quality: int) -> bytes:
    """`picture` (yuvj420p) as JPEG; `quality` from 2, the best, to 31."""
    """It as JPEG; of qualities, 2 is the best and 31 the smallest."""
    encoder = av.CodecContext.create("mjpeg", "w")
    encoder.width, encoder.height, encoder.pix_fmt = picture.width, picture.height, "yuvj420p"
    encoder.time_base = Fraction(1)
    encoder.options = {"flags": "+qscale", "global_quality": str(quality * 118), "strict": "unofficial"}
    picture.pts = 0
    return b"".join(bytes(packet) for packet in [*encoder.encode(picture), *encoder.encode(None)])
