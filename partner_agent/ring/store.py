"""The ring on disk: files under their index, recovery after a crash, quota, and holds against overwriting. Blocking.

A segment is written as `<camera>/<t0 ms>-<clock>.mp4.part`, made durable, renamed, then indexed. Overwriting takes the
oldest file under no hold. Holds never take more than a tenth of the disk cap, so that they cannot push the owner's own
recording out; what does not fit is refused, never shortened.
"""

import hashlib
import os
import shutil
import sqlite3
import threading
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Final

from partner_agent.ring import fragments
from partner_agent.ring.index import Index
from partner_agent.ring.model import JOIN_S, Coverage, Gap, GapReason, Hold, Segment, Span, cover
from partner_agent.rtc.units import CLOCK_RATE_HZ
from partner_agent.wire.clock import Clock, from_ms, to_ms
from partner_agent.wire.ids import IdSource

HOLD_SHARE: Final = 0.10  # of the disk cap: what all holds together may keep
HOLD_MAX_SPAN_S: Final = 24 * 3600
HOLD_MAX_LIFE_S: Final = 7 * 24 * 3600
HOLD_FUTURE_S: Final = 60  # the past is held, with a minute for clocks that differ
PART: Final = ".mp4.part"


class HoldRefusedError(Exception):
    """The hold was not placed. `sentence` says why."""

    def __init__(self, sentence: str) -> None:
        super().__init__(sentence)
        self.sentence = sentence


@dataclass(frozen=True, slots=True)
class Quota:
    """How much disk the ring may take.

    Attributes:
        cap_bytes: of all segments together.
        free_bytes: what stays free on the disk for others.
    """

    cap_bytes: int
    free_bytes: int = 0


@dataclass(frozen=True, slots=True)
class Recovery:
    """What opening the ring found and mended."""

    torn: int = 0  # segments a crash cut short, closed now
    lost: int = 0  # torn before a first whole fragment, removed
    missing: int = 0  # indexed, but the file is gone
    found: int = 0  # files the index did not know
    is_index_new: bool = False  # the index was unusable: gaps and holds are forgotten


class RecordingStore:
    """All recordings of a site."""

    def __init__(
        self,
        folder: Path,
        *,
        quota: Quota,
        clock: Clock,
        ids: IdSource,
        free_bytes: Callable[[Path], int] = lambda path: shutil.disk_usage(path).free,
    ) -> None:
        """Open the ring in `folder`, recovering what a crash left.

        Raises:
            OSError: the folder cannot be used.
        """
        self._folder = folder
        self._quota = quota
        self._clock = clock
        self._ids = ids
        self._free_bytes = free_bytes
        self._lock = threading.RLock()
        self._open: dict[str, Segment] = {}
        folder.mkdir(parents=True, exist_ok=True)
        self._index, is_new = _open_index(folder / "index.db")
        self.recovery = self._recover(is_index_new=is_new)

    def close(self) -> None:
        """Close the index."""
        self._index.close()

    def begin(self, camera: str, t0: datetime, clock_source: str, reason: GapReason) -> Path:
        """A path for a new segment of `camera`; ends the gap before it, which has `reason` if none was written down."""
        last_end = self._index.last_end(camera)
        if not self._index.end_gap(camera, t0) and last_end and (t0 - last_end).total_seconds() > JOIN_S:
            self._index.add_gap(camera, Gap(last_end, t0, reason))
        folder = self._folder / camera
        folder.mkdir(exist_ok=True)
        return folder / f"{to_ms(t0)}-{clock_source}{PART}"

    def writing(self, segment: Segment) -> None:
        """`segment` is being written and holds this much by now."""
        with self._lock:
            self._open[segment.camera] = segment

    def seal(self, segment: Segment) -> Segment:
        """The file of `segment` is complete and durable: rename and index it, then overwrite what is too old.

        Raises:
            OSError: the disk refused.
        """
        part = self._folder / segment.path
        path = part.with_name(part.name.removesuffix(".part"))
        part.rename(path)
        _fsync_folder(path.parent)
        sealed = replace(
            segment,
            path=str(path.relative_to(self._folder)),
            size_bytes=path.stat().st_size,
            sha256=_sha256(path),
        )
        with self._lock:
            self._index.add(sealed)
            self._open.pop(segment.camera, None)
        self.sweep()
        return sealed

    def abandon(self, segment: Segment) -> None:
        """Writing failed: keep what is whole."""
        with self._lock:
            self._open.pop(segment.camera, None)
        self._recover_part(self._folder / segment.path)

    def stopped(self, camera: str, at: datetime, reason: GapReason) -> None:
        """Recording of `camera` ended at `at`, because of `reason`, until it begins again."""
        self._index.begin_gap(camera, at, reason)

    def sweep(self) -> bool:
        """End holds whose time is over, then overwrite the oldest until the quota holds. False: it cannot be held."""
        with self._lock:
            self._index.expire_holds(self._clock.now())
            while self._is_over_quota():
                oldest = self._index.oldest_free()
                if oldest is None:
                    return False
                (self._folder / oldest.path).unlink(missing_ok=True)
                self._index.overwritten(oldest)
            return True

    def coverage(self, camera: str, span: Span) -> Coverage:
        """What of `span` is recorded, and why the rest is not; to the millisecond, as the index is."""
        now = from_ms(to_ms(self._clock.now()))
        span = Span(from_ms(to_ms(span.t0)), from_ms(to_ms(span.t1)))
        with self._lock:
            recorded = [segment.span for segment in self.segments(camera, span)]
            gaps = self._index.gaps(camera, span, now=now)
            return cover(span, recorded, gaps, now=now, expired_until=self._index.expired_until(camera))

    def segments(self, camera: str, span: Span) -> list[Segment]:
        """Segments that meet `span`, by time; the one being written is the last."""
        with self._lock:
            found = self._index.segments(camera, span)
            current = self._open.get(camera)
            if current is not None and current.span.meets(span):
                found.append(current)
            return found

    def read(self, segment: Segment) -> bytes:
        """The bytes of a segment; of one being written, its whole fragments.

        Raises:
            ValueError: its digest no longer fits: it is damaged.
            OSError: it is gone.
        """
        path = self._folder / segment.path
        if not segment.sha256:
            if not path.exists():
                path = path.with_name(path.name.removesuffix(".part"))  # sealed since
            with path.open("rb") as file:
                length = fragments.whole_length(file)
                file.seek(0)
                return file.read(length)
        data = path.read_bytes()
        if hashlib.sha256(data).hexdigest() != segment.sha256:
            raise ValueError("the digest of a segment does not fit")
        return data

    def oldest(self, camera: str) -> datetime | None:
        """When the oldest recording of `camera` begins: what an investigator can still ask for."""
        return self._index.first_start(camera)

    def place_hold(self, request_id: str, camera: str, span: Span, *, expires_at: datetime) -> Hold:
        """Keep what is recorded of `span` from being overwritten, at once. Gives nobody access.

        Raises:
            HoldRefusedError: an impossible range or life, or no room within the holds' share.
        """
        now = self._clock.now()
        _check_hold(span, now=now, expires_at=expires_at)
        with self._lock:
            self._index.expire_holds(now)
            for hold in self._index.holds():
                if (hold.request_id, hold.camera, hold.t0, hold.t1) == (request_id, camera, span.t0, span.t1):
                    return hold
            hold = Hold(self._ids.new("hld"), request_id, camera, span.t0, span.t1, now, expires_at)
            if self._index.held_bytes(hold) > HOLD_SHARE * self._quota.cap_bytes:
                raise HoldRefusedError("Holds may keep a tenth of the recording disk, and this one does not fit.")
            self._index.place(hold)
            return hold

    def release_hold(self, hold_id: str) -> bool:
        """End a hold before its time. Whether there was one."""
        return self._index.release(hold_id)

    def holds(self) -> list[Hold]:
        """The holds in force."""
        now = self._clock.now()
        return [hold for hold in self._index.holds() if hold.expires_at > now]

    def usage(self) -> tuple[int, int]:
        """Bytes recorded, and how many of them are held."""
        return self._index.total_bytes(), self._index.held_bytes()

    def _is_over_quota(self) -> bool:
        writing = sum(segment.size_bytes for segment in self._open.values())
        is_full = self._index.total_bytes() + writing > self._quota.cap_bytes
        return is_full or self._free_bytes(self._folder) < self._quota.free_bytes

    def _recover(self, *, is_index_new: bool) -> Recovery:
        known = self._index.paths()
        missing = {path for path in known if not (self._folder / path).exists()}
        for gone in missing:
            self._index.forget(gone)
        outcomes = [self._recover_part(part) for part in sorted(self._folder.glob(f"*/*{PART}"))]
        found = 0
        for path in sorted(self._folder.glob("*/*.mp4")):
            name = str(path.relative_to(self._folder))
            if name not in known and name not in outcomes:
                self._index.add(_probed(self._folder, path, is_recovered=False))
                found += 1
        lost = sum(outcome is None for outcome in outcomes)
        return Recovery(len(outcomes) - lost, lost, len(missing), found, is_index_new)

    def _recover_part(self, part: Path) -> str | None:
        """Cut a torn segment to its whole fragments and index it; None if nothing of it is whole."""
        with part.open("r+b") as file:
            file.truncate(fragments.whole_length(file))
            os.fsync(file.fileno())
        path = part.with_name(part.name.removesuffix(".part"))
        try:
            segment = _probed(self._folder, part, is_recovered=True)
        except ValueError:
            part.unlink()
            return None
        part.rename(path)
        _fsync_folder(path.parent)
        name = str(path.relative_to(self._folder))
        self._index.add(replace(segment, path=name))
        return name


def _check_hold(span: Span, *, now: datetime, expires_at: datetime) -> None:
    length_s = (span.t1 - span.t0).total_seconds()
    if not 0 < length_s <= HOLD_MAX_SPAN_S:
        raise HoldRefusedError("A hold covers more than nothing and at most 24 hours.")
    if span.t1 > now + timedelta(seconds=HOLD_FUTURE_S):
        raise HoldRefusedError("A hold covers the past only.")
    if not 0 < (expires_at - now).total_seconds() <= HOLD_MAX_LIFE_S:
        raise HoldRefusedError("A hold lasts at most seven days.")


def _open_index(path: Path) -> tuple[Index, bool]:
    """The index, and whether it had to be started anew because the file was unusable."""
    try:
        return Index(path), False
    except sqlite3.DatabaseError:
        path.replace(path.with_suffix(".damaged"))
        for suffix in ("-wal", "-shm"):
            path.with_name(path.name + suffix).unlink(missing_ok=True)
        return Index(path), True


def _probed(folder: Path, path: Path, *, is_recovered: bool) -> Segment:
    """What a segment's own bytes and name say.

    Raises:
        ValueError: it holds no picture.
    """
    data = path.read_bytes()
    found = list(fragments.pictures(data))
    if not found:
        raise ValueError("no picture")
    t0_ms, _, clock_source = path.name.partition(".")[0].partition("-")
    t0 = from_ms(int(t0_ms))
    step_90k = found[-1].pts_90k - found[-2].pts_90k if len(found) > 1 else 0
    return Segment(
        camera=path.parent.name,
        path=str(path.relative_to(folder)),
        t0=t0,
        t1=t0 + timedelta(seconds=(found[-1].pts_90k + step_90k) / CLOCK_RATE_HZ),
        size_bytes=len(data),
        frames=len(found),
        keys=sum(picture.is_key for picture in found),
        clock_source=clock_source or "agent",
        clock_offset_ms=None,
        sha256=hashlib.sha256(data).hexdigest(),
        is_recovered=is_recovered,
    )


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _fsync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
