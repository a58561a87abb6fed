"""Every bus keeps one contract: news reaches who listens below its topic, never waits, drops the oldest when full."""

from collections.abc import AsyncIterator
from typing import Any

import anyio
import pytest

from gateway.kernel.bus import QUEUE_LENGTH, MemoryBus, News
from gateway.kernel.postgres_bus import PostgresBus

pytestmark = pytest.mark.anyio


@pytest.fixture(params=["memory", pytest.param("postgres", marks=pytest.mark.postgres)])
async def ends(request: Any) -> AsyncIterator[tuple[MemoryBus, MemoryBus]]:
    """Where news is published and where it is heard: one bus, or two processes' ends of one."""
    if request.param == "memory":
        bus = MemoryBus()
        yield bus, bus
        return
    dsn = request.getfixturevalue("postgres")
    here, there = PostgresBus(dsn), PostgresBus(dsn)
    async with anyio.create_task_group() as group:
        group.start_soon(here.run)
        group.start_soon(there.run)
        with there.subscribe("hello") as news, anyio.fail_after(10):
            heard = False
            while not heard:  # both are connected once a word arrives
                here.publish("hello")
                with anyio.move_on_after(0.1):
                    await news.get()
                    heard = True
        yield here, there
        group.cancel_scope.cancel()


async def test_news_reaches_its_listeners(ends: tuple[MemoryBus, MemoryBus]):
    """Equal topics and those below are heard, in order, with their reference; others are not."""
    here, there = ends
    with there.subscribe("audit.org_1", "site") as news, anyio.fail_after(10):
        for topic in ("audit.org_1", "audit.org_10", "audit.org_1.x", "site", "sites"):
            here.publish(topic, "évt_1")
        heard = [await news.get() for _ in range(3)]

    assert heard == [News("audit.org_1", "évt_1"), News("audit.org_1.x", "évt_1"), News("site", "évt_1")]


async def test_news_is_heard_once_where_it_was_told(ends: tuple[MemoryBus, MemoryBus]):
    """The process that publishes hears itself once, at once."""
    here, _ = ends
    with here.subscribe("a") as news:
        here.publish("a", "1")
        here.publish("a", "2")
        with anyio.fail_after(1):
            assert [(await news.get()).ref, (await news.get()).ref] == ["1", "2"]
        with anyio.move_on_after(0.3) as waited:
            await news.get()

    assert waited.cancelled_caught


async def test_full_listener_loses_the_oldest(ends: tuple[MemoryBus, MemoryBus]):
    """A listener that does not read holds nobody up and keeps the newest."""
    here, _ = ends
    with here.subscribe("a") as news:
        for number in range(QUEUE_LENGTH + 5):
            here.publish("a", str(number))

        assert (await news.get()).ref == "5"
