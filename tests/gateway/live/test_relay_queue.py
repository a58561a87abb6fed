"""What waits for the relay's socket: an order never behind calls, and nothing without end."""

from pathlib import Path

import anyio
import pytest

from gateway.live.relay import protocol
from gateway.live.relay.client import RelayBusyError, RelayClient
from gateway.live.relay.queue import CALLS, ORDERS, Outgoing, QueueFullError

pytestmark = pytest.mark.anyio


async def test_an_order_goes_before_calls_that_came_earlier():
    """A drop takes a picture away; calls ask for one."""
    outgoing = Outgoing()
    outgoing.put(b"call 1", is_call=True)
    outgoing.put(b"call 2", is_call=True)
    outgoing.put(b"drop", is_call=False)

    assert [await outgoing.next() for _ in range(3)] == [b"drop", b"call 1", b"call 2"]


async def test_too_many_calls_are_turned_away_and_orders_are_not():
    """Whoever calls may be anybody."""
    outgoing = Outgoing()
    for _ in range(CALLS):
        outgoing.put(b"call", is_call=True)

    with pytest.raises(QueueFullError):
        outgoing.put(b"call", is_call=True)
    outgoing.put(b"drop", is_call=False)

    assert await outgoing.next() == b"drop"


async def test_goodbyes_wait_behind_calls(tmp_path: Path):
    """Anybody may say one, so they take no place of an order."""

    async def on_event(event: protocol.Event) -> None:
        del event

    client, outgoing = RelayClient(path=tmp_path / "relay.sock", on_event=on_event), Outgoing()
    client._outgoing = outgoing
    for _ in range(CALLS):
        outgoing.put(b"call", is_call=True)

    with pytest.raises(RelayBusyError):
        await client.delete("ses_1", "guess")


async def test_orders_are_bounded_too():
    """A relay that reads nothing more is as good as gone."""
    outgoing = Outgoing()
    for _ in range(ORDERS):
        outgoing.put(b"drop", is_call=False)

    with pytest.raises(QueueFullError):
        outgoing.put(b"drop", is_call=False)


async def test_whoever_writes_waits_for_the_next():
    """And is woken by it."""
    outgoing, came = Outgoing(), []

    async with anyio.create_task_group() as tasks:

        async def write() -> None:
            came.append(await outgoing.next())

        tasks.start_soon(write)
        await anyio.wait_all_tasks_blocked()
        outgoing.put(b"drop", is_call=False)

    assert came == [b"drop"]
