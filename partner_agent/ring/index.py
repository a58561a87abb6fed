"""The index of the ring in SQLite: segments, gaps, holds and how far overwriting got. Blocking; one thread at a time.

Times are integer milliseconds since 1970, UTC. The index can be lost: `store` rebuilds segments from their files; gaps
and holds are then gone, which the store reports.
"""

import sqlite3
import threading
from collections.abc import Iterable, Sequence
from contextlib import closing
from datetime import datetime
from pathlib import Path
from typing import Any, Final

from partner_agent.ring.model import Gap, GapReason, Hold, Segment, Span
from partner_agent.wire.clock import from_ms, to_ms

_SCHEMA: Final = """
CREATE TABLE IF NOT EXISTS segment (
  path TEXT PRIMARY KEY,            -- below the ring's folder
  camera TEXT NOT NULL,
  t0_ms INTEGER NOT NULL,
  t1_ms INTEGER NOT NULL CHECK (t1_ms >= t0_ms),
  size_bytes INTEGER NOT NULL,
  frames INTEGER NOT NULL,
  keys INTEGER NOT NULL,
  clock_source TEXT NOT NULL,
  clock_offset_ms INTEGER,
  sha256 TEXT NOT NULL,
  is_recovered INTEGER NOT NULL
);
CREATE INDEX IF NOT EXISTS segment_by_time ON segment (camera, t0_ms);
CREATE INDEX IF NOT EXISTS segment_by_age ON segment (t0_ms);
CREATE TABLE IF NOT EXISTS gap (
  camera TEXT NOT NULL,
  t0_ms INTEGER NOT NULL,
  t1_ms INTEGER,                    -- NULL: goes on
  reason TEXT NOT NULL,
  PRIMARY KEY (camera, t0_ms)
);
CREATE TABLE IF NOT EXISTS hold (
  id TEXT PRIMARY KEY,
  request_id TEXT NOT NULL,
  camera TEXT NOT NULL,
  t0_ms INTEGER NOT NULL,
  t1_ms INTEGER NOT NULL CHECK (t1_ms > t0_ms),
  placed_ms INTEGER NOT NULL,
  expires_ms INTEGER NOT NULL
);
CREATE TABLE IF NOT EXISTS expired (camera TEXT PRIMARY KEY, until_ms INTEGER NOT NULL);
"""
_HELD: Final = "EXISTS (SELECT 1 FROM hold h WHERE h.camera = s.camera AND h.t0_ms < s.t1_ms AND s.t0_ms < h.t1_ms)"
_SEGMENT: Final = (
    "s.camera, s.path, s.t0_ms, s.t1_ms, s.size_bytes, s.frames, s.keys, s.clock_source, s.clock_offset_ms, s.sha256, "
    "s.is_recovered"
)


class Index:
    """Rows in, values of `model` out."""

    def __init__(self, path: Path) -> None:
        """Open or create.

        Raises:
            sqlite3.DatabaseError: the file is not a usable database.
        """
        self._lock = threading.RLock()
        self._db = sqlite3.connect(path, check_same_thread=False, isolation_level=None)
        with self._lock:
            self._db.execute("PRAGMA journal_mode=WAL")
            self._db.execute("PRAGMA synchronous=NORMAL")
            self._db.executescript(_SCHEMA)

    def close(self) -> None:
        """Close the database."""
        with self._lock:
            self._db.close()

    def add(self, segment: Segment) -> None:
        """Write down a finished segment."""
        self._do(
            "INSERT OR REPLACE INTO segment VALUES (?,?,?,?,?,?,?,?,?,?,?)",
            segment.path,
            segment.camera,
            to_ms(segment.t0),
            to_ms(segment.t1),
            segment.size_bytes,
            segment.frames,
            segment.keys,
            segment.clock_source,
            segment.clock_offset_ms,
            segment.sha256,
            int(segment.is_recovered),
        )

    def segments(self, camera: str, span: Span) -> list[Segment]:
        """Finished segments that meet `span`, by time."""
        rows = self._all(
            f"SELECT {_SEGMENT} FROM segment s WHERE camera = ? AND t0_ms < ? AND t1_ms > ? ORDER BY t0_ms",  # noqa: S608
            camera,
            to_ms(span.t1),
            to_ms(span.t0),
        )
        return [_segment(row) for row in rows]

    def paths(self) -> set[str]:
        """The paths of all finished segments."""
        return {row[0] for row in self._all("SELECT path FROM segment")}

    def last_end(self, camera: str) -> datetime | None:
        """Where the newest recording of `camera` ends."""
        return _moment(self._one("SELECT MAX(t1_ms) FROM segment WHERE camera = ?", camera))

    def first_start(self, camera: str) -> datetime | None:
        """Where the oldest recording of `camera` begins."""
        return _moment(self._one("SELECT MIN(t0_ms) FROM segment WHERE camera = ?", camera))

    def total_bytes(self) -> int:
        """The size of all finished segments."""
        return int(self._one("SELECT COALESCE(SUM(size_bytes), 0) FROM segment") or 0)

    def held_bytes(self, also: Hold | None = None) -> int:
        """The size of all segments under a hold, counting `also` as placed."""
        held = _HELD
        values: Sequence[object] = ()
        if also is not None:
            held = f"({_HELD} OR (s.camera = ? AND s.t0_ms < ? AND s.t1_ms > ?))"
            values = (also.camera, to_ms(also.t1), to_ms(also.t0))
        return int(self._one(f"SELECT COALESCE(SUM(size_bytes), 0) FROM segment s WHERE {held}", *values) or 0)  # noqa: S608

    def oldest_free(self) -> Segment | None:
        """The oldest segment under no hold."""
        rows = self._all(f"SELECT {_SEGMENT} FROM segment s WHERE NOT {_HELD} ORDER BY t0_ms LIMIT 1")  # noqa: S608
        return _segment(rows[0]) if rows else None

    def overwritten(self, segment: Segment) -> None:
        """Forget a segment whose file is gone, and how far overwriting got."""
        with self._lock:
            self._do("DELETE FROM segment WHERE path = ?", segment.path)
            self._do(
                "INSERT INTO expired VALUES (?, ?) ON CONFLICT (camera) DO UPDATE SET "
                "until_ms = MAX(until_ms, excluded.until_ms)",
                segment.camera,
                to_ms(segment.t1),
            )
            self._do("DELETE FROM gap WHERE camera = ? AND t1_ms <= ?", segment.camera, to_ms(segment.t0))

    def forget(self, path: str) -> None:
        """Drop the row of a segment whose file is missing."""
        self._do("DELETE FROM segment WHERE path = ?", path)

    def expired_until(self, camera: str) -> datetime | None:
        """How far overwriting got."""
        return _moment(self._one("SELECT until_ms FROM expired WHERE camera = ?", camera))

    def begin_gap(self, camera: str, t0: datetime, reason: GapReason) -> None:
        """Recording stopped at `t0`; ignored if a gap is open already."""
        with self._lock:
            if self._one("SELECT COUNT(*) FROM gap WHERE camera = ? AND t1_ms IS NULL", camera) == 0:
                self._do("INSERT OR REPLACE INTO gap VALUES (?, ?, NULL, ?)", camera, to_ms(t0), reason.value)

    def end_gap(self, camera: str, t1: datetime) -> bool:
        """Recording goes on at `t1`. Whether a gap was open."""
        with self._lock:
            ended = self._do(
                "UPDATE gap SET t1_ms = MAX(t0_ms, ?) WHERE camera = ? AND t1_ms IS NULL", to_ms(t1), camera
            )
            return ended > 0

    def add_gap(self, camera: str, gap: Gap) -> None:
        """Write down a gap that is over."""
        self._do("INSERT OR REPLACE INTO gap VALUES (?,?,?,?)", camera, to_ms(gap.t0), to_ms(gap.t1), gap.reason.value)

    def gaps(self, camera: str, span: Span, *, now: datetime) -> list[Gap]:
        """Known gaps that meet `span`; one that goes on ends now."""
        rows = self._all(
            "SELECT t0_ms, COALESCE(t1_ms, ?) AS t1, reason FROM gap WHERE camera = ? AND t0_ms < ? AND t1 > ? "
            "ORDER BY t0_ms",
            to_ms(now),
            camera,
            to_ms(span.t1),
            to_ms(span.t0),
        )
        return [Gap(from_ms(t0), from_ms(t1), GapReason(reason)) for t0, t1, reason in rows]

    def place(self, hold: Hold) -> None:
        """Write down a hold; the same id again changes nothing."""
        times = (hold.t0, hold.t1, hold.placed_at, hold.expires_at)
        self._do(
            "INSERT OR IGNORE INTO hold VALUES (?,?,?,?,?,?,?)",
            hold.id,
            hold.request_id,
            hold.camera,
            *map(to_ms, times),
        )

    def release(self, hold_id: str) -> bool:
        """End a hold. Whether there was one."""
        return self._do("DELETE FROM hold WHERE id = ?", hold_id) > 0

    def expire_holds(self, now: datetime) -> list[Hold]:
        """End and return the holds whose time is over."""
        with self._lock:
            over = [hold for hold in self.holds() if hold.expires_at <= now]
            self._do("DELETE FROM hold WHERE expires_ms <= ?", to_ms(now))
            return over

    def holds(self) -> list[Hold]:
        """All holds, oldest first."""
        rows = self._all(
            "SELECT id, request_id, camera, t0_ms, t1_ms, placed_ms, expires_ms FROM hold ORDER BY placed_ms"
        )
        return [Hold(row[0], row[1], row[2], *(from_ms(value) for value in row[3:])) for row in rows]

    def _do(self, sql: str, *values: object) -> int:
        with self._lock, closing(self._db.execute(sql, values)) as cursor:
            return cursor.rowcount

    def _all(self, sql: str, *values: object) -> list[Any]:
        with self._lock, closing(self._db.execute(sql, values)) as cursor:
            return cursor.fetchall()

    def _one(self, sql: str, *values: object) -> Any:
        rows: Iterable[Any] = self._all(sql, *values)
        return next((row[0] for row in rows), None)


def _moment(value: int | None) -> datetime | None:
    return None if value is None else from_ms(value)


def _segment(row: Sequence[Any]) -> Segment:
    camera, path, t0, t1, size, frames, keys, source, offset, sha256, is_recovered = row
    return Segment(
        camera, path, from_ms(t0), from_ms(t1), size, frames, keys, source, offset, sha256, bool(is_recovered)
    )
