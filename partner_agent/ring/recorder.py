"""Records one camera into the ring: takes units from its source, cuts segments at key pictures, writes gaps down.

A segment ends at the first key picture after ten seconds, at a step of the capture clock, at a change of the encoder's
parameters, and whenever the camera goes silent. History is never rewritten after a clock step: a new segment says it.
"""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Final

import anyio
import anyio.to_thread

from partner_agent.ring.fragments import FragmentWriter
from partner_agent.ring.model import GapReason, Segment
from partner_agent.ring.store import RecordingStore
from partner_agent.rtc import nal
from partner_agent.rtc.units import CLOCK_RATE_HZ, AccessUnit
from partner_agent.rtsp import CameraSource, SourceState
from partner_agent.wire.clock import Clock

SEGMENT_S: Final = 10.0
STEP_S: Final = 0.25  # capture time and time line apart by more than this: the clock stepped
SILENCE_S: Final = 2.0  # no picture for this long ends a segment
BATCH_S: Final = 0.25  # units are written in batches of this: one hop to the disk thread, not one per unit
DISK_RETRY_S: Final = 10.0


class SegmentWriter:
    """Cuts units of one camera into segments of a store. Blocking; at most one segment is open."""

    def __init__(self, store: RecordingStore, camera: str, folder: Path) -> None:
        """`folder` is the store's."""
        self._store = store
        self._camera = camera
        self._folder = folder
        self._writer: FragmentWriter | None = None
        self._segment: Segment | None = None
        self._first_90k = 0
        self._last_90k = 0
        self._gap_reason = GapReason.AGENT_DOWN  # why there is a gap before the first segment, if there is one

    def add(self, units: Sequence[AccessUnit], *, clock_source: str, clock_offset_ms: int | None) -> None:
        """Write `units`; those before a first key picture are passed over.

        Raises:
            OSError: the disk refused; the open segment is abandoned to what is whole of it.
        """
        try:
            for unit in units:
                if unit.captured_at is None:
                    continue
                if self._writer is not None and (reason := self._cut(unit, unit.captured_at)) is not None:
                    self.close()
                    self._gap_reason = reason
                if self._writer is None and unit.is_key:
                    self._begin(unit, unit.captured_at, clock_source, clock_offset_ms)
                if self._writer is not None:
                    self._writer.write(unit)
                    self._last_90k = unit.pts_90k
            self._report()
        except OSError:
            self._abandon()
            raise

    def close(self) -> datetime | None:
        """Seal the open segment; when it ended, if there was one.

        Raises:
            OSError: the disk refused.
        """
        if self._writer is None or self._segment is None:
            return None
        self._report()
        writer, segment = self._writer, self._segment
        try:
            writer.close()
            self._store.seal(segment)
        except OSError:
            self._abandon()
            raise
        self._writer = self._segment = None
        return segment.t1

    def _begin(self, unit: AccessUnit, t0: datetime, clock_source: str, clock_offset_ms: int | None) -> None:
        path = self._store.begin(self._camera, t0, clock_source, self._gap_reason)
        self._writer = FragmentWriter(path, unit)
        self._first_90k = self._last_90k = unit.pts_90k
        name = str(path.relative_to(self._folder))
        self._segment = Segment(self._camera, name, t0, t0, 0, 0, 0, clock_source, clock_offset_ms, sha256="")

    def _cut(self, unit: AccessUnit, captured_at: datetime) -> GapReason | None:
        """Whether the open segment ends before `unit`: the reason of the gap there, should there be one."""
        assert self._segment is not None
        assert self._writer is not None
        if (unit.pts_90k - self._last_90k) / CLOCK_RATE_HZ > SILENCE_S:
            return GapReason.CAMERA_DOWN
        if not unit.is_key:
            return None
        elapsed_s = (unit.pts_90k - self._first_90k) / CLOCK_RATE_HZ
        step_s = (captured_at - self._segment.t0).total_seconds() - elapsed_s
        is_new_encoding = nal.parameter_sets(unit.data) != self._writer.parameter_sets
        is_over = elapsed_s >= SEGMENT_S or abs(step_s) > STEP_S or is_new_encoding
        return GapReason.CLOCK_STEP if is_over else None

    def _report(self) -> None:
        """Tell the store how far the open segment reaches."""
        if self._writer is None or self._segment is None:
            return
        self._segment = replace(
            self._segment,
            t1=self._segment.t0 + timedelta(seconds=self._writer.duration_90k / CLOCK_RATE_HZ),
            size_bytes=(self._folder / self._segment.path).stat().st_size,
            frames=self._writer.frames,
            keys=self._writer.keys,
        )
        self._store.writing(self._segment)

    def _abandon(self) -> None:
        writer, segment = self._writer, self._segment
        self._writer = self._segment = None
        if writer is not None:
            writer.abort()
        if segment is not None:
            self._store.abandon(segment)


class Recorder:
    """The recording of one camera, running as long as its task does."""

    def __init__(
        self, source: CameraSource, writer: SegmentWriter, store: RecordingStore, camera: str, clock: Clock
    ) -> None:
        self._source = source
        self._writer = writer
        self._store = store
        self._camera = camera
        self._clock = clock
        self._end_reason = GapReason.AGENT_DOWN

    def pause(self) -> None:
        """The owner pauses: say so in the gap that begins when this task is cancelled."""
        self._end_reason = GapReason.PAUSED

    async def run(self) -> None:
        """Record until cancelled; the composition root owns this task."""
        try:
            while True:
                await self._source.until(*(state for state in SourceState if state is not SourceState.STOPPED))
                await self._record_until_stopped()
                await self._stop(GapReason.CAMERA_DOWN)
                await self._clock.sleep(BATCH_S)
        finally:
            with anyio.CancelScope(shield=True):
                await self._stop(self._end_reason)

    async def _record_until_stopped(self) -> None:
        """Record until the source stops for good."""
        with self._source.subscribe() as subscription:
            while True:
                unit: AccessUnit | None = None
                with anyio.move_on_after(SILENCE_S):
                    try:
                        unit = await anext(subscription)
                    except StopAsyncIteration:
                        return
                if unit is None:
                    await self._stop(GapReason.CAMERA_DOWN)
                    continue
                await self._clock.sleep(BATCH_S)
                await self._write([unit, *subscription.waiting()])

    async def _write(self, units: list[AccessUnit]) -> None:
        status = self._source.status
        try:
            await anyio.to_thread.run_sync(
                lambda: self._writer.add(
                    units, clock_source=status.clock_source.value, clock_offset_ms=status.clock_offset_ms
                )
            )
        except OSError:
            self._store.stopped(self._camera, units[0].captured_at or self._clock.now(), GapReason.DISK_FULL)
            await self._clock.sleep(DISK_RETRY_S)

    async def _stop(self, reason: GapReason) -> None:
        """Seal what is open and write the gap down that begins with its end."""
        try:
            ended_at = await anyio.to_thread.run_sync(self._writer.close)
        except OSError:
            ended_at, reason = self._clock.now(), GapReason.DISK_FULL
        if ended_at is not None:
            self._store.stopped(self._camera, ended_at, reason)
