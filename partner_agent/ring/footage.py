"""The recording of one camera within a range, a segment at a time: what a view of it may show. Blocking.

Nothing outside the range comes out, so that whoever sends what comes out cannot send more. What comes out begins with a
key picture: the pictures before the range's first key picture cannot be shown without others that lie outside.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

import av
from av.bitstream import BitStreamFilterContext

from partner_agent.ring import fragments
from partner_agent.ring.model import Coverage, Segment, Span
from partner_agent.ring.store import RecordingStore
from partner_agent.rtc import nal
from partner_agent.rtc.units import CLOCK_RATE_HZ

_TICK: Final = timedelta(microseconds=1)


@dataclass(frozen=True, slots=True)
class Shot:
    """One picture of a recording.

    Attributes:
        data: H.264 byte stream (Annex B); a key picture starts with its SPS and PPS.
        at: when it was taken, by the clock the recording goes by.
    """

    data: bytes
    at: datetime
    is_key: bool


class Footage:
    """What is recorded of one camera within `span`.

    A moment outside the range is looked for at its edge: how far outside it is costs no reading.
    """

    def __init__(self, store: RecordingStore, camera: str, span: Span) -> None:
        self._store, self._camera, self.span = store, camera, span

    def coverage(self) -> Coverage:
        """What of the range is recorded, and why the rest is not."""
        return self._store.coverage(self._camera, self.span)

    def around(self, at: datetime) -> list[Shot]:
        """The segment that shows `at`, or else the next one; empty where nothing of the range follows."""
        for segment in self._segments(Span(max(at, self.span.t0), self.span.t1)) if at < self.span.t1 else ():
            shots = self._shots(segment)
            if shots and shots[-1].at >= at:
                return shots
        return []

    def after(self, at: datetime) -> list[Shot]:
        """The segment with the first picture after `at`; empty where nothing of the range follows."""
        return self.around(at + _TICK) if at < self.span.t1 else []

    def before(self, at: datetime) -> list[Shot]:
        """The segment with the last picture before `at`; empty where nothing of the range lies before it."""
        for segment in reversed(self._segments(Span(self.span.t0, min(at, self.span.t1)))):
            shots = self._shots(segment)
            if shots and shots[0].at < at:
                return shots
        return []

    def _segments(self, span: Span) -> list[Segment]:
        return self._store.segments(self._camera, span) if span.t0 < span.t1 else []

    def _shots(self, segment: Segment) -> list[Shot]:
        """The segment's pictures within the range, from a key picture on; none of one that is damaged or gone."""
        try:
            found = _byte_streams(self._store.read(segment), segment.t0)
        except (ValueError, OSError):
            return []
        return from_key(shot for shot in found if self.span.t0 <= shot.at < self.span.t1)


def from_key(shots: Iterable[Shot]) -> list[Shot]:
    """`shots` without those before the first key picture."""
    found: list[Shot] = []
    for shot in shots:
        if found or shot.is_key:
            found.append(shot)
    return found


def _byte_streams(data: bytes, t0: datetime) -> list[Shot]:
    shots: list[Shot] = []
    filters: BitStreamFilterContext | None = None
    for picture in fragments.pictures(data):
        if filters is None:
            filters = BitStreamFilterContext("h264_mp4toannexb", picture.packet.stream)
        at = t0 + timedelta(seconds=picture.pts_90k / CLOCK_RATE_HZ)
        try:
            stream = b"".join(bytes(packet) for packet in filters.filter(picture.packet))
        except av.error.FFmpegError as error:
            raise ValueError("not H.264") from error
        shots.append(Shot(nal.join(nal.split(stream)), at, picture.is_key))
    return shots
