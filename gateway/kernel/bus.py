"""News inside one gateway: a bounded publish-subscribe that is only ever a wake-up.

A message may be lost (a slow subscriber's oldest is dropped), so it carries ids and subscribers re-read from the
database by cursor. Durable work never travels here.
"""

from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Final, Protocol, runtime_checkable

import anyio

QUEUE_LENGTH: Final = 256


@dataclass(frozen=True, slots=True)
class News:
    """Something happened: `topic` such as `audit.partner.org_…`, `ref` the id to re-read from."""

    topic: str
    ref: str = ""


class Subscription:
    """What one listener has not read yet; oldest dropped when full."""

    def __init__(self) -> None:
        self._waiting: list[News] = []
        self._event = anyio.Event()

    def put(self, news: News) -> None:
        """Add, dropping the oldest when `QUEUE_LENGTH` wait."""
        if len(self._waiting) >= QUEUE_LENGTH:
            del self._waiting[0]
        self._waiting.append(news)
        self._event.set()

    async def get(self) -> News:
        """The oldest unread news; waits for one."""
        while not self._waiting:
            self._event = anyio.Event()
            await self._event.wait()
        return self._waiting.pop(0)

    def clear(self) -> None:
        """Forget what waits: for a reader who reads everything again anyway."""
        self._waiting.clear()

    async def __aiter__(self) -> AsyncIterator[News]:
        while True:
            yield await self.get()


@runtime_checkable
class BusBetweenProcesses(Protocol):
    """A bus that needs a task of its own to reach the other processes."""

    async def run(self) -> None:
        """Carry news until the connection is lost."""


class MemoryBus:
    """The embedded bus (`memory:`): every listener lives in this process."""

    def __init__(self) -> None:
        self._listeners: list[tuple[str, Subscription]] = []

    def publish(self, topic: str, ref: str = "") -> None:
        """Tell every listener whose prefix matches; never waits, never fails."""
        for prefix, subscription in self._listeners:
            if topic == prefix or topic.startswith(prefix + "."):
                subscription.put(News(topic, ref))

    @contextmanager
    def subscribe(self, *prefixes: str) -> Iterator[Subscription]:
        """Listen to topics equal to, or below, any of `prefixes` while inside the block."""
        subscription = Subscription()
        entries = [(prefix, subscription) for prefix in prefixes]
        self._listeners.extend(entries)
        try:
            yield subscription
        finally:
            self._listeners = [entry for entry in self._listeners if entry[1] is not subscription]
