"""Recordings for the core: holds, cuts and spool files over the ring of each camera."""

from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

import anyio.to_thread

from partner_agent import export
from partner_agent.export import ClipFile, NothingRecordedError
from partner_agent.ports import Cut, HeldRange, MediaError
from partner_agent.ring.model import Span
from partner_agent.ring.store import HoldRefusedError, RecordingStore
from partner_agent.wire.clock import to_rfc3339
from partner_agent.wire.ids import IdSource
from partner_agent.wire.manifest import CAPTURE, Statement
from partner_agent.wire.problems import Code


class Archive:
    """The ring as the core's `Recordings`."""

    def __init__(self, ring: RecordingStore, spool: Path, *, ids: IdSource, software: str) -> None:
        self._ring, self._spool, self._ids, self._software = ring, spool, ids, software
        spool.mkdir(mode=0o700, parents=True, exist_ok=True)
        for leftover in spool.iterdir():
            if not (leftover.with_suffix(".mp4").exists() and leftover.with_suffix(".job").exists()):
                leftover.unlink()  # a cut nobody announced; an announced one is uploaded (`tus`)

    def hold(self, hold_id: str, camera: str, start: datetime, end: datetime, until: datetime) -> Sequence[HeldRange]:
        """Keep what is recorded of [start, end).

        Raises:
            MediaError: `limit`: an impossible range, or no room within the holds' share.
        """
        span = Span(start, end)
        try:
            self._ring.place_hold(hold_id, camera, span, expires_at=until)
        except HoldRefusedError as error:
            raise MediaError(Code.LIMIT, error.sentence) from error
        return [HeldRange(found.t0, found.t1) for found in self._ring.coverage(camera, span).spans]

    def release(self, hold_id: str) -> None:
        """Let go of a hold."""
        for hold in self._ring.holds():
            if hold.request_id == hold_id:
                self._ring.release_hold(hold.id)

    async def cut(self, camera: str, start: datetime, end: datetime) -> Cut:
        """Cut [start, end) into the spool.

        Raises:
            MediaError: nothing of it is recorded, the range is impossible, or the disk refused.
        """
        path = self.path_of(self._ids.new("clp"))
        try:
            clip = await anyio.to_thread.run_sync(export.cut, self._ring, camera, Span(start, end), path)
        except NothingRecordedError as error:
            raise MediaError(Code.CAMERA_UNREACHABLE, str(error)) from error
        except (OSError, ValueError) as error:
            raise MediaError(Code.LIMIT, str(error)) from error
        return Cut(id=path.stem, size_bytes=clip.size_bytes, capture=self._capture(camera, clip))

    def path_of(self, cut_id: str) -> Path:
        """Where a cut lies until it is discarded."""
        return self._spool / f"{cut_id}.mp4"

    def discard(self, cut: Cut) -> None:
        """Delete a cut file, and what is still to be done with it."""
        for suffix in (".mp4", ".job"):
            self.path_of(cut.id).with_suffix(suffix).unlink(missing_ok=True)

    def _capture(self, camera: str, clip: ClipFile) -> dict[str, Any]:
        """What was cut, as an in-toto statement about the file."""
        predicate = {
            "camera": camera,
            "size_bytes": clip.size_bytes,
            "first_at": to_rfc3339(clip.first_at),
            "last_at": to_rfc3339(clip.last_at),
            "frames": clip.frames,
            "keys": clip.keys,
            "width": clip.width,
            "height": clip.height,
            "gaps": [
                {"t0": to_rfc3339(gap.t0), "t1": to_rfc3339(gap.t1), "reason": str(gap.reason)} for gap in clip.gaps
            ],
            "clock_sources": list(clip.clock_sources),
            "clock_offsets_ms": list(clip.clock_offsets_ms) if clip.clock_offsets_ms else None,
            "parts": list(clip.parts),
            "software": self._software,
        }
        return Statement(CAPTURE, clip.path.name, clip.sha256, predicate).to_json()


class NoRecordings:
    """A site without a recorder: nothing can be held or cut."""

    def hold(self, hold_id: str, camera: str, start: datetime, end: datetime, until: datetime) -> Sequence[HeldRange]:
        """Refuse.

        Raises:
            MediaError: always.
        """
        del hold_id, camera, start, end, until
        raise MediaError(Code.LIMIT, "this site records nothing")

    def release(self, hold_id: str) -> None:
        """Nothing is held."""

    async def cut(self, camera: str, start: datetime, end: datetime) -> Cut:
        """Refuse.

        Raises:
            MediaError: always.
        """
        del camera, start, end
        raise MediaError(Code.LIMIT, "this site records nothing")

    def discard(self, cut: Cut) -> None:
        """Nothing is there."""
