"""The recorder follows a living camera: what it sends is recorded, and when it goes silent the gap says so."""

from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import anyio
import pytest

from partner_agent.demux import CameraAddress
from partner_agent.export import cut
from partner_agent.ring.model import GapReason, Span
from partner_agent.ring.recorder import Recorder, SegmentWriter
from partner_agent.ring.store import Quota, RecordingStore
from partner_agent.rtsp import CameraSource, SourceState
from partner_agent.simulator.camera import Camera
from partner_agent.wire.clock import SystemClock
from partner_agent.wire.ids import SystemIds
from tests.support.cameras import PASSWORD, USER, camera_server

pytestmark = [pytest.mark.anyio, pytest.mark.slow]


async def until(condition: Callable[[], bool]) -> None:
    """Wait for a condition that another task brings about."""
    with anyio.fail_after(20):
        while not condition():  # noqa: ASYNC110  (the condition is in files; nobody signals it)
            await anyio.sleep(0.05)


async def test_a_camera_that_goes_silent_leaves_a_named_gap(camera: Camera, tmp_path: Path):
    """Pictures before and after a freeze are recorded; the time between is a gap of the camera's; both can be cut."""
    clock, ids = SystemClock(), SystemIds()
    store = RecordingStore(tmp_path / "ring", quota=Quota(10**9), clock=clock, ids=ids)
    began = clock.now()

    def recorded_s() -> float:
        spans = store.coverage("cam1", Span(began, clock.now())).spans
        return sum((span.t1 - span.t0).total_seconds() for span in spans)

    async with camera_server(camera) as port:
        source = CameraSource(CameraAddress(f"rtsp://127.0.0.1:{port}/cam1/main", USER, PASSWORD), clock=clock, ids=ids)
        recorder = Recorder(source, SegmentWriter(store, "cam1", tmp_path / "ring"), store, "cam1", clock)
        async with anyio.create_task_group() as group:
            group.start_soon(source.run)
            group.start_soon(recorder.run)
            await until(lambda: recorded_s() > 1)
            camera.is_frozen = True
            await source.until(SourceState.WAITING)
            camera.is_frozen = False
            before = recorded_s()
            await until(lambda: recorded_s() > before + 1)
            recorder.pause()
            group.cancel_scope.cancel()

    coverage = store.coverage("cam1", Span(began, clock.now()))
    reasons = [gap.reason for gap in coverage.gaps if gap.t1 - gap.t0 > timedelta(seconds=1)]
    assert reasons[0] is GapReason.CAMERA_DOWN
    assert coverage.gaps[-1].reason is GapReason.PAUSED
    assert len(coverage.spans) == 2
    clip = cut(store, "cam1", Span(began, clock.now()), tmp_path / "clip.mp4")
    assert clip.frames > 15
    assert clip.clock_sources == ("camera",)
