"""Cameras, uplinks and recordings that do what a test says; they implement the agent's ports."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

import anyio
import anyio.abc

from partner_agent.ports import (
    CameraInfo,
    Counts,
    Cut,
    Gap,
    HeldRange,
    Limits,
    LiveOrder,
    MediaError,
    Steer,
    Still,
    Thumbnail,
    Where,
)
from partner_agent.wire.problems import Code
from tests.fakes.clock import START


class FakeCameras:
    """Two cameras that answer."""

    def __init__(self) -> None:
        self.infos = [CameraInfo(id=f"cam_{n}", label=f"Camera {n}", state="ok", recordings=True) for n in (1, 2)]

    def known(self) -> Sequence[CameraInfo]:
        return self.infos

    def wake(self, camera: str) -> None:
        pass

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
        self.fault: Exception | None = None
        self.limits: list[Limits] = []  # of the views that joined
        self.is_stopped = False
        self.lines: list[int] = []  # how high it was said to be looked at
        self.is_heard = False

    def let_hear(self, is_heard: bool) -> None:
        self.is_heard = is_heard

    def show(self, lines: int) -> None:
        self.lines.append(lines)

    def tighten(self, limits: Limits) -> Code | None:
        self.limits.append(limits)
        return None

    def halt(self) -> None:
        self.ended.set()

    async def stop(self) -> None:
        self.halt()
        self.is_stopped = True


class FakePublisher:
    """Takes every order, unless told otherwise; at once, or when the test lets it."""

    fingerprint = ":".join(["AB"] * 32)

    def __init__(self) -> None:
        self.orders: list[LiveOrder] = []
        self.publications: list[FakePublication] = []
        self.code: Code | None = None
        self.failure: MediaError | None = None
        self.gate = anyio.Event()
        self.gate.set()
        self.opening: Sequence[tuple[str, Limits]] = ()  # as last told
        self.meanwhile: Callable[[LiveOrder], object] = lambda _: None  # right before an uplink is handed over

    def refusal(self, camera: str, limits: Limits, opening: Sequence[tuple[str, Limits]] = ()) -> Code | None:
        self.opening = opening
        return self.code

    async def publish(self, order: LiveOrder, *, tasks: anyio.abc.TaskGroup) -> FakePublication:
        self.orders.append(order)
        await self.gate.wait()
        if self.failure:
            raise self.failure
        self.publications.append(FakePublication())
        self.meanwhile(order)
        return self.publications[-1]


class FakePlayer(FakePublication):
    """A view of a recording that does as it is told and writes that down."""

    def __init__(self, span: HeldRange, at: datetime) -> None:
        super().__init__()
        self.span, self.where = span, Where(at, 100, is_paused=False, is_over=False, ticks=0, anchored_at=at)
        self.orders: list[Steer] = []
        self.watched: list[HeldRange] = []

    @property
    def watched_s(self) -> float:
        return sum((one.end - one.start).total_seconds() for one in self.watched)

    async def steer(self, order: Steer) -> Where:
        self.orders.append(order)
        if order.position is not None:
            self.where = replace(self.where, position=order.position, anchored_at=order.position)
        if order.speed_percent is not None:
            self.where = replace(self.where, speed_percent=order.speed_percent)
        if order.is_paused is not None or order.step is not None:
            self.where = replace(self.where, is_paused=bool(order.is_paused) or order.step is not None)
        return self.where

    async def coverage(self) -> tuple[Sequence[HeldRange], Sequence[Gap]]:
        middle = self.span.start + (self.span.end - self.span.start) / 2
        return [HeldRange(self.span.start, middle)], [Gap(middle, self.span.end, "camera_down")]

    async def thumbnails(self, moments: Sequence[datetime]) -> Sequence[Thumbnail]:
        return [Thumbnail(at, b"jpeg") for at in moments if self.span.start <= at < self.span.end]


class FakePlayers:
    """Shows every recording, unless told otherwise."""

    def __init__(self) -> None:
        self.players: list[FakePlayer] = []
        self.orders: list[LiveOrder] = []
        self.code: Code | None = None
        self.failure: MediaError | None = None

    def refusal(self, camera: str, limits: Limits) -> Code | None:
        return self.code

    async def play(self, order: LiveOrder, span: HeldRange, at: datetime, *, tasks: anyio.abc.TaskGroup) -> FakePlayer:
        self.orders.append(order)
        if self.failure:
            raise self.failure
        self.players.append(FakePlayer(span, at))
        return self.players[-1]


@dataclass(frozen=True)
class SentStill:
    """What a site handed over."""

    still: Still
    url: str
    token: str
    statement: str


class FakeStills:
    """Takes every picture, unless told otherwise; hands it over at once, or when the test lets it."""

    def __init__(self) -> None:
        self.gate = anyio.Event()
        self.gate.set()
        self.taken: list[tuple[str, Limits, tuple[str, ...]]] = []
        self.sent: list[SentStill] = []
        self.drawn: frozenset[str] = frozenset()
        self.failure: MediaError | None = None

    def refusal(self, camera: str, limits: Limits) -> Code | None:
        return None if limits.masks <= self.drawn else Code.OBLIGATION_UNKNOWN

    async def take(self, camera: str, limits: Limits, words: Sequence[str]) -> Still:
        if self.failure:
            raise self.failure
        self.taken.append((camera, limits, tuple(words)))
        return Still(b"\xff\xd8 a picture", START, 1280, 720)

    async def send(self, still: Still, *, url: str, token: str, statement: str) -> None:
        await self.gate.wait()
        self.sent.append(SentStill(still, url, token, statement))


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
