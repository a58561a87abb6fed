"""Generations in memory, which can be away, hang, or be told of to nobody."""

from collections.abc import Iterator
from contextlib import contextmanager

import anyio

from gateway.kernel.bus import MemoryBus, Subscription
from gateway.kernel.errors import UnavailableError
from gateway.kernel.generations import TOPIC, Reading


class FakeGenerations:
    """Counts as the database does."""

    def __init__(self) -> None:
        self.platform = 0
        self.stamps: dict[str, int] = {}
        self.looks = 0
        self.is_away = False
        self.is_hanging = False
        self._bus = MemoryBus()

    @property
    def own_generation(self) -> int:
        return 0  # every change is somebody else's

    def change(self, *scopes: str, is_heard: bool = True) -> None:
        """Somebody, anywhere, commits a change; the news of it may be lost."""
        self.platform += 1
        self.stamps |= dict.fromkeys(scopes, self.platform)
        if is_heard:
            self._bus.publish(TOPIC)

    async def generations_since(self, seen: int) -> Reading:
        self.looks += 1
        if self.is_hanging:
            await anyio.sleep_forever()
        if self.is_away:
            raise UnavailableError("gone")
        return Reading(self.platform, frozenset(scope for scope, stamp in self.stamps.items() if stamp > seen))

    @contextmanager
    def generation_news(self) -> Iterator[Subscription]:
        with self._bus.subscribe(TOPIC) as news:
            yield news
