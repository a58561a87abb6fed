"""A clock that moves only when told to; sleeping moves it."""

from datetime import UTC, datetime, timedelta

import anyio

START = datetime(2026, 11, 23, 15, 0, tzinfo=UTC)  # a Monday, 09:00 in Chicago


class FakeClock:
    """Wall and monotonic time advance together by `advance`, or apart by `step_wall`."""

    def __init__(self, start: datetime = START) -> None:
        self._now = start
        self._monotonic = 1000.0

    def now(self) -> datetime:
        return self._now

    def monotonic(self) -> float:
        return self._monotonic

    async def sleep(self, duration_s: float) -> None:
        self.advance(duration_s)
        await anyio.lowlevel.checkpoint()

    def advance(self, duration_s: float) -> None:
        self._now += timedelta(seconds=duration_s)
        self._monotonic += duration_s

    def step_wall(self, duration_s: float) -> None:
        """Move wall time only, as a wrong clock or an NTP step does."""
        self._now += timedelta(seconds=duration_s)


class HeldClock(FakeClock):
    """Whoever sleeps waits until a test lets time pass."""

    def __init__(self) -> None:
        super().__init__()
        self._moved = anyio.Event()

    async def sleep(self, duration_s: float) -> None:
        until_s = self.monotonic() + duration_s
        while self.monotonic() < until_s:
            await self._moved.wait()

    def advance(self, duration_s: float) -> None:
        super().advance(duration_s)
        moved, self._moved = self._moved, anyio.Event()
        moved.set()
