"""Cuts a clip out of the ring by stream copy, into a sealed file of the spool. Blocking.

The clip begins with the key picture at or before the wanted start and ends with the last picture before the wanted end;
its real first and last times, and each hole with its reason, are told. No picture is decoded or changed, so a camera's
own signature inside the stream survives.
"""

import hashlib
import io
import os
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Final

import av
from av.container import OutputContainer
from av.video.stream import VideoStream

from partner_agent.ring import fragments
from partner_agent.ring.fragments import TIME_BASE, Picture
from partner_agent.ring.model import Gap, GapReason, Segment, Span
from partner_agent.ring.store import RecordingStore
from partner_agent.rtc.units import CLOCK_RATE_HZ

LEAD_S: Final = 60.0  # how far before the start a key picture is looked for; cameras allow 20 s and more
MAX_SPAN_S: Final = 4 * 3600


class NothingRecordedError(Exception):
    """Of the wanted range nothing is recorded; `gaps` says why, moment by moment."""

    def __init__(self, gaps: tuple[Gap, ...]) -> None:
        super().__init__("nothing of this range is recorded")
        self.gaps = gaps


@dataclass(frozen=True, slots=True)
class ClipFile:
    """A finished clip in the spool.

    Attributes:
        first_at: capture time of its first picture, at or before the wanted start where footage allows.
        last_at: capture time of its last picture.
        gaps: what of the wanted range is missing, and why.
        clock_sources: whose clocks the times came from.
        clock_offsets_ms: the cameras' clocks minus the agent's, smallest and largest; None if none told a time.
        parts: hex SHA-256 of each ring segment it was cut from, in order; empty for one that was still being written.
    """

    path: Path
    size_bytes: int
    sha256: str
    first_at: datetime
    last_at: datetime
    frames: int
    keys: int
    width: int
    height: int
    gaps: tuple[Gap, ...]
    clock_sources: tuple[str, ...]
    clock_offsets_ms: tuple[int, int] | None
    parts: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class _Shot:
    """One picture, where it was taken in time, and the segment it came from."""

    picture: Picture
    at: datetime
    segment: Segment


def cut(store: RecordingStore, camera: str, wanted: Span, path: Path) -> ClipFile:
    """Write what is recorded of `wanted` to `path`, durable and read-only.

    Raises:
        NothingRecordedError: nothing of it is recorded.
        ValueError: the range is empty, or longer than four hours.
        OSError: the disk refused; nothing is left at `path`.
    """
    if not 0 < (wanted.t1 - wanted.t0).total_seconds() <= MAX_SPAN_S:
        raise ValueError("a clip is longer than nothing and at most four hours")
    coverage = store.coverage(camera, wanted)
    if not coverage.spans:
        raise NothingRecordedError(coverage.gaps)
    damaged: list[Gap] = []
    part = path.with_name(path.name + ".part")
    try:
        tally = _write(store, _shots(store, camera, wanted, damaged), part)
        if tally is None:
            raise NothingRecordedError(_in_order(coverage.gaps, damaged, wanted))
        _make_durable(part)
        part.chmod(0o400)
        part.rename(path)
    finally:
        part.unlink(missing_ok=True)
    return tally.clip(path, _in_order(coverage.gaps, damaged, wanted))


def _shots(store: RecordingStore, camera: str, wanted: Span, damaged: list[Gap]) -> Iterator[_Shot]:
    """The pictures of the clip in order; segments that no longer fit their digest are left out and noted."""
    lead: list[_Shot] | None = []
    newest: datetime | None = None
    for segment in store.segments(camera, Span(wanted.t0 - timedelta(seconds=LEAD_S), wanted.t1)):
        try:
            found = list(fragments.pictures(store.read(segment)))
        except (ValueError, OSError):
            damaged.append(Gap(segment.t0, segment.t1, GapReason.DAMAGED))
            continue
        for picture in found:
            shot = _Shot(picture, segment.t0 + timedelta(seconds=picture.pts_90k / CLOCK_RATE_HZ), segment)
            if newest is not None and shot.at <= newest:
                continue  # the clock was put back: the earlier recording of a moment stands
            if shot.at >= wanted.t1:
                return
            newest = shot.at
            if lead is not None:
                if picture.is_key:
                    lead = []
                lead.append(shot)
                if shot.at < wanted.t0:
                    continue
                yield from lead
                lead = None
            else:
                yield shot


class _Tally:
    """What was written, counted while it is."""

    def __init__(self, first: _Shot, *, width: int, height: int) -> None:
        self.first_at = self.last_at = first.at
        self.frames = self.keys = 0
        self.width, self.height = width, height
        self.segments: dict[str, Segment] = {}

    def count(self, shot: _Shot) -> None:
        self.last_at = shot.at
        self.frames += 1
        self.keys += shot.picture.is_key
        self.segments[shot.segment.path] = shot.segment

    def clip(self, path: Path, gaps: tuple[Gap, ...]) -> ClipFile:
        offsets = [item.clock_offset_ms for item in self.segments.values() if item.clock_offset_ms is not None]
        with path.open("rb") as file:
            digest = hashlib.file_digest(file, "sha256").hexdigest()
        return ClipFile(
            path=path,
            size_bytes=path.stat().st_size,
            sha256=digest,
            first_at=self.first_at,
            last_at=self.last_at,
            frames=self.frames,
            keys=self.keys,
            width=self.width,
            height=self.height,
            gaps=gaps,
            clock_sources=tuple(sorted({item.clock_source for item in self.segments.values()})),
            clock_offsets_ms=(min(offsets), max(offsets)) if offsets else None,
            parts=tuple(item.sha256 for item in self.segments.values()),
        )


def _write(store: RecordingStore, shots: Iterator[_Shot], part: Path) -> _Tally | None:
    """Copy the pictures into a new file; None if there are none."""
    first = next(shots, None)
    if first is None:
        return None
    with (
        av.open(io.BytesIO(store.read(first.segment)), "r", format="mp4") as like,
        av.open(str(part), "w", format="mp4", options={"movflags": "faststart"}) as container,
    ):
        template = like.streams.video[0]
        tally = _Tally(first, width=template.codec_context.width, height=template.codec_context.height)
        stream = container.add_stream_from_template(template)
        stream.time_base = TIME_BASE
        _mux(container, stream, first, tally)
        for shot in shots:
            _mux(container, stream, shot, tally)
    return tally


def _mux(container: OutputContainer, stream: VideoStream, shot: _Shot, tally: _Tally) -> None:
    packet = shot.picture.packet
    packet.pts = packet.dts = round((shot.at - tally.first_at).total_seconds() * CLOCK_RATE_HZ)
    packet.time_base = TIME_BASE
    packet.stream = stream
    container.mux(packet)
    tally.count(shot)


def _in_order(gaps: tuple[Gap, ...], damaged: list[Gap], wanted: Span) -> tuple[Gap, ...]:
    clipped = [
        Gap(max(gap.t0, wanted.t0), min(gap.t1, wanted.t1), gap.reason)
        for gap in damaged
        if Span(gap.t0, gap.t1).meets(wanted)
    ]
    return tuple(sorted((*gaps, *clipped), key=lambda gap: gap.t0))


def _make_durable(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
