"""Cameras, uplinks and recordings that do what a test says; they implement the agent's ports."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import datetime

import anyio
import anyio.abc

from partner_agent.ports import CameraInfo, Counts, Cut, HeldRange, Limits, LiveOrder, MediaError
from partner_agent.wire.problems import Code


class FakeCameras:
    """Two cameras that answer."""

    def __init__(self) -> None:
        self.infos = [CameraInfo(id=f"cam_{n}", label=f"Camera {n}", state="ok", recordings=True) for n in (1, 2)]

    def known(self) -> Sequence[CameraInfo]:
        return self.infos

    def become(self, camera: str, state: str, sentence: str = "") -> None:
        self.infos = [
            replace(info, state=state, sentence=sentence) if info.id == camera else info for info in self.infos
        ]


class FakePublication:
    """An uplink whose account the test writes."""

    def __init__(self) -> None:
        self.ended = anyio.Event()
        self.counts = Counts()
        self.code: Code | None = None
        self.limits: list[Limits] = []  # of the views that joined
        self.is_stopped = False

    def tighten(self, limits: Limits) -> Code | None:
        self.limits.append(limits)
        return None

    def halt(self) -> None:
        self.ended.set()

    async def stop(self) -> None:
        self.halt()
        self.is_stopped = True


class FakePublisher:
    """Takes every order, unless told otherwise."""

    fingerprint = ":".join(["AB"] * 32)

    def __init__(self) -> None:
        self.orders: list[LiveOrder] = []
        self.publications: list[FakePublication] = []
        self.code: Code | None = None
        self.failure: MediaError | None = None

    def refusal(self, camera: str, limits: Limits) -> Code | None:
        return self.code

    async def publish(self, order: LiveOrder, *, tasks: anyio.abc.TaskGroup) -> FakePublication:
        self.orders.append(order)
        if self.failure:
            raise self.failure
        self.publications.append(FakePublication())
        return self.publications[-1]


class FakeRecordings:
    """Has everything that is asked for, unless told otherwise."""

    def __init__(self) -> None:
        self.holds: dict[str, HeldRange] = {}
        self.cuts: list[Cut] = []
        self.discarded: list[Cut] = []
        self.failure: MediaError | None = None

    def hold(self, hold_id: str, camera: str, start: datetime, end: datetime, until: datetime) -> Sequence[HeldRange]:
        if self.failure:
            raise self.failure
        self.holds[hold_id] = HeldRange(start, end)
        return [self.holds[hold_id]]

    def release(self, hold_id: str) -> None:
        self.holds.pop(hold_id, None)

    async def cut(self, camera: str, start: datetime, end: datetime) -> Cut:
        if self.failure:
            raise self.failure
        self.cuts.append(Cut(id=f"cut{len(self.cuts)}", size_bytes=1000, capture={"sha256": "0" * 64}))
        return self.cuts[-1]

    def discard(self, cut: Cut) -> None:
        self.discarded.append(cut)


class FakeUploader:
    """Sends at once, or waits until the test lets it."""

    def __init__(self) -> None:
        self.gate = anyio.Event()
        self.gate.set()
        self.sent: list[str] = []

    async def upload(self, cut: Cut, *, url: str, token: str, on_progress: Callable[[int], None]) -> int:
        on_progress(cut.size_bytes // 2)
        await self.gate.wait()
        self.sent.append(url)
        on_progress(cut.size_bytes)
        return cut.size_bytes
