"""Puts a picture together again that arrives in pieces: one access unit, all its slices. Pure.

Some cameras repeat SPS and PPS before every slice of a key picture. A parameter set after a slice begins a new access
unit (ITU-T H.264 §7.4.1.2.3), so FFmpeg's parser hands such a picture out in pieces, and whoever takes each for a whole
one loses the upper slices. A piece whose first slice is not at the first macroblock goes on with the picture before it.
"""

from dataclasses import dataclass, replace
from datetime import datetime

from partner_agent.rtc import nal


@dataclass(frozen=True, slots=True)
class Piece:
    """What the parser hands out: one access unit, or a part of one.

    Attributes:
        data: H.264 byte stream (Annex B).
        pts: the time FFmpeg gave, in the stream's time base; None for the first of a connection.
        is_key: whether it holds an IDR slice.
        arrived_at: wall time of arrival.
        arrived_s: monotonic time of the same moment.
        camera_time: what the camera's clock said, if it said anything.
    """

    data: bytes
    pts: int | None
    is_key: bool
    arrived_at: datetime
    arrived_s: float
    camera_time: datetime | None = None


class Joiner:
    """Joins pieces to whole pictures, over all connections to one stream of a camera.

    Whether a picture is whole is known when the next one begins, one frame later. So pictures are kept back only while
    nothing is known (the first key picture of all) and for cameras that were seen to send pieces; for every other
    camera a picture leaves as it arrives. A camera that begins with pieces later loses the rest of one picture.
    """

    def __init__(self) -> None:
        self._in_pieces: set[bool] = set()  # the kinds of picture, by `is_key`, that were seen to come in pieces
        self._knows_keys = False
        self._waiting: Piece | None = None
        self._last: Piece | None = None

    def begin(self) -> None:
        """A new connection: nothing of the one before is gone on with."""
        self._waiting = self._last = None

    def add(self, piece: Piece) -> list[Piece]:
        """The pictures that are known to be whole now, in order; usually `piece` itself."""
        before = self._waiting or self._last
        if before is not None and _goes_on(piece, before):
            self._in_pieces.add(before.is_key)
            if self._waiting is not None:
                self._waiting = _joined(self._waiting, piece)
            return []
        whole = self.rest()
        self._knows_keys = self._knows_keys or bool(whole)
        if piece.is_key in self._in_pieces or (piece.is_key and not self._knows_keys):
            self._waiting, self._last = piece, None
        else:
            self._last = piece
            whole.append(piece)
        return whole

    def rest(self) -> list[Piece]:
        """What was kept back, when nothing more comes."""
        whole = [self._waiting] if self._waiting is not None else []
        self._waiting = None
        return whole


def _goes_on(piece: Piece, before: Piece) -> bool:
    """Whether `piece` belongs to the picture `before`: its slices begin further down, and it is of the same time."""
    is_of_its_time = before.pts is None or piece.pts == before.pts
    return is_of_its_time and not nal.begins_picture(piece.data)


def _joined(picture: Piece, piece: Piece) -> Piece:
    """`picture` with the slices of `piece`; what was repeated before them is left out."""
    slices = nal.join(unit for unit in nal.split(piece.data) if nal.nal_type(unit) in nal.SLICES)
    pts = piece.pts if picture.pts is None else picture.pts
    return replace(picture, data=picture.data + slices, pts=pts)
