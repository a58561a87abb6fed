"""Pictures of a recording made anew, whichever is asked for: black where areas say so, no higher than may be. Blocking.

A picture of a recording needs those before it, back to a key picture: they are decoded here and never leave. What comes
out was decoded, painted and encoded, and there is no way around it: whatever fails gives no picture.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta
from fractions import Fraction
from typing import Final

import av

from partner_agent.areas import Area
from partner_agent.converting import Converter, decoder_of
from partner_agent.playback import key_before
from partner_agent.ring.footage import Shot
from partner_agent.rtc.units import AccessUnit

_TICK: Final = timedelta(microseconds=1)
_TICKS: Final = Fraction(1, 1_000_000)  # what the decoder counts in


class UnreadableError(Exception):
    """A picture of the recording could not be decoded, though nothing said so."""


class Remaker:
    """Makes one view's pictures anew. One call at a time, from any thread."""

    def __init__(self, areas: Sequence[Area], *, most_lines: int) -> None:
        """`areas` are black in every picture; one higher than `most_lines` is made smaller."""
        self._converter = Converter(areas, most_lines=most_lines)
        self._decoder = decoder_of("h264")
        self._fed: datetime | None = None  # the picture the decoder was given last
        self._decoded: dict[datetime, av.VideoFrame] = {}  # what it gave, not yet asked for

    def want_key(self) -> None:
        """The next picture is one to begin with; may be called from another thread."""
        self._converter.is_key_wanted = True

    def prepare(self, shots: Sequence[Shot], index: int) -> None:
        """Decode what the picture at `index` takes; `shots` begin with a key picture.

        Raises:
            UnreadableError: it did not come out.
            av.error.FFmpegError: it, or one before it, cannot be decoded.
        """
        wanted = shots[index].at
        if wanted in self._decoded:
            return
        for shot in shots[self._first(shots, index) :]:  # past `index` where the decoder keeps pictures back
            self._feed(shot, wanted)
            if wanted in self._decoded:
                return
        self._keep(self._decoder.decode(None), wanted)
        self._fed = None  # it takes nothing more
        if wanted not in self._decoded:
            raise UnreadableError

    def make(self, shots: Sequence[Shot], index: int, pts_90k: int) -> AccessUnit:
        """The picture at `index`, painted and encoded, at its place in the stream; places only go on.

        Raises:
            NoPlaceError: an area has no place in it.
            UnreadableError, av.error.FFmpegError: it cannot be decoded or encoded.
        """
        self.prepare(shots, index)
        frame = self._decoded.pop(shots[index].at)
        frame.pts = pts_90k
        units = self._converter.show(frame, None)
        if len(units) != 1:
            raise UnreadableError
        return units[0]

    def _first(self, shots: Sequence[Shot], index: int) -> int:
        """Where to go on decoding: after the last picture that went in, or else at the key picture, afresh."""
        key = key_before(shots, index)
        for number in range(key, index):
            if shots[number].at == self._fed:
                return number + 1
        self._decoder, self._decoded = decoder_of("h264"), {}
        return key

    def _feed(self, shot: Shot, wanted: datetime) -> None:
        packet = av.Packet(shot.data)
        packet.pts = packet.dts = (shot.at - datetime.min.replace(tzinfo=shot.at.tzinfo)) // _TICK
        packet.time_base = _TICKS
        self._fed = shot.at
        self._keep(self._decoder.decode(packet), wanted)

    def _keep(self, frames: Sequence[av.VideoFrame], wanted: datetime) -> None:
        """What is asked for, and what was taken after it; the run-up to it is let go of."""
        for frame in frames:
            at = datetime.min.replace(tzinfo=wanted.tzinfo) + (frame.pts or 0) * _TICK
            if at >= wanted:
                self._decoded[at] = frame
