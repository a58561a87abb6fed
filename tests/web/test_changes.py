"""A page's stream of changes: wakes, keeps quiet in between, and ends by itself."""

import re
from pathlib import Path

import anyio
import pytest

from gateway.kernel.bus import MemoryBus
from gateway.web import changes as streams
from gateway.web.changes import HEARTBEAT_S, changes

pytestmark = pytest.mark.anyio


async def test_news_is_told_and_a_burst_is_told_twice_at_most():
    """Ten pieces of news at once are one `changed` and one more after the gap, so that the last is never missed."""
    bus, heard = MemoryBus(), []

    async def listen() -> None:
        async for message in changes(bus, "audit.all", heartbeat_s=5, gap_s=0.01, life_s=0.1):
            heard.append(message.event or message.comment)
            if message.comment == "open":
                for _ in range(10):
                    bus.publish("audit.all", "evt_1")
                bus.publish("audit.other")

    with anyio.move_on_after(5.5):
        async with anyio.create_task_group() as group:
            group.start_soon(listen)
            await anyio.sleep(0.3)
            group.cancel_scope.cancel()

    assert heard == ["open", "changed", "changed"]
    assert bus._listeners == []


async def test_quiet_stream_beats_and_ends():
    """Without news there are beats only, which the page hears, and after its life the stream is over."""
    bus = MemoryBus()
    with anyio.fail_after(5):
        heard = [m async for m in changes(bus, "audit.all", heartbeat_s=0.01, gap_s=0, life_s=0.05)]

    assert heard[0].comment == "open"
    assert {m.event for m in heard[1:]} == {"beat"}
    assert bus._listeners == []


def test_a_page_waits_longer_than_two_beats():
    """One that comes late is no lost connection; the two numbers stand in two languages."""
    news = Path(streams.__file__).parent / "static/js/news.js"
    silent_ms = re.search(r"SILENT_MS = ([\d_]+);", news.read_text(encoding="utf-8"))
    assert silent_ms
    assert int(silent_ms[1]) / 1000 > 2 * HEARTBEAT_S
