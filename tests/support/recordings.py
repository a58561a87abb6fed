"""Recordings for tests: units of a small camera at stated times, a ring of their own folder, and a disk that fills."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path

from partner_agent.ring.recorder import SegmentWriter
from partner_agent.ring.store import Quota, RecordingStore
from partner_agent.rtc import nal
from partner_agent.rtc.units import AccessUnit
from partner_agent.simulator.camera import Stream
from tests.fakes.clock import FakeClock
from tests.fakes.ids import SequentialIds

STEP_90K = 6000  # 15 fps
MIB = 1024 * 1024


def units_of(stream: Stream, start: datetime, seconds: float, *, first_90k: int = 0) -> list[AccessUnit]:
    """`seconds` of the camera's loop from `start` on; the first is a key picture."""
    units = []
    for number in range(round(seconds * 15)):
        picture = stream.pictures[number % len(stream.pictures)]
        at = start + timedelta(seconds=number / 15)
        units.append(AccessUnit(nal.join(picture.nals), first_90k + number * STEP_90K, picture.is_key, at))
    return units


@dataclass
class Ring:
    """A store with the parts a test wants to turn."""

    folder: Path
    clock: FakeClock
    ids: SequentialIds
    cap_bytes: int = 100 * MIB
    free: list[int] = field(default_factory=lambda: [1000 * MIB])

    def __post_init__(self) -> None:
        self.store = self.open()

    def open(self) -> RecordingStore:
        """Open the folder, as after a restart."""
        return RecordingStore(
            self.folder,
            quota=Quota(self.cap_bytes, free_bytes=MIB),
            clock=self.clock,
            ids=self.ids,
            free_bytes=lambda _path: self.free[0],
        )

    def writer(self, camera: str = "cam1") -> SegmentWriter:
        """A writer for one camera."""
        return SegmentWriter(self.store, camera, self.folder)

    def record(self, units: list[AccessUnit], *, camera: str = "cam1") -> None:
        """Write and seal `units`."""
        writer = self.writer(camera)
        writer.add(units, clock_source="camera", clock_offset_ms=40)
        writer.close()

    def files(self) -> list[Path]:
        """The ring's files."""
        return sorted(self.folder.glob("*/*"))


def batches(units: list[AccessUnit], size: int = 5) -> Iterator[list[AccessUnit]]:
    """`units` in small batches, as the recorder hands them on."""
    for begin in range(0, len(units), size):
        yield units[begin : begin + size]
