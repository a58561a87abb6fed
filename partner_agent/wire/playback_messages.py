"""Messages about views that run: orders within what was granted, and their answers."""

from typing import Final

from partner_agent.wire.messages import Message


class Playback(Message, frozen=True):
    """G. Go there, play so, or only say where you are: what is None stays as it is."""

    session: str
    position: str | None = None  # RFC 3339; outside the range it is its nearest end
    speed_percent: int | None = None  # one of `limits.SPEEDS`
    is_paused: bool | None = None
    step: int | None = None  # 1 or -1: one picture on or back, and pause


class Playing(Message, frozen=True):
    """A. Where a playback is: the picture `ticks` after the first one (1/90,000 s) is that of `anchored_at`.

    Each picture sent since lies as far behind it in the recording as in the stream, times the speed.
    """

    session: str
    position: str
    speed_percent: int
    is_paused: bool
    is_over: bool  # there is nothing more of the range
    ticks: int
    anchored_at: str


class CoverageAsk(Message, frozen=True):
    """G. What of the granted range is recorded?"""

    session: str


class Coverage(Message, frozen=True):
    """A. What of the granted range is recorded: pairs of times, in order; the rest is not, each with its reason."""

    session: str
    spans: list[list[str]]
    gaps: list[list[str]]  # from, to, reason


class ThumbnailsAsk(Message, frozen=True):
    """G. Small pictures of key frames at about these moments of the granted range, at most `limits.THUMBNAILS`."""

    session: str
    at: list[str]


class Thumbnails(Message, frozen=True):
    """A. Pairs of the time of a key frame and its picture, JPEG in base64; fewer where there are none."""

    session: str
    pictures: list[list[str]]


class ViewSize(Message, frozen=True):
    """G. A live view's picture is so many lines high on its viewer's screen: a larger stream is worth it, or is not.

    Nothing is granted by it; there is no answer, and an older agent's `unsupported` means no more than that.
    """

    session: str
    lines: int


KINDS: Final[dict[str, type[Message]]] = {
    str(kind.__struct_config__.tag): kind
    for kind in (Playback, Playing, CoverageAsk, Coverage, ThumbnailsAsk, Thumbnails, ViewSize)
}
