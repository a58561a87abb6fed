"""What waits for the relay's socket: an order never behind calls, a ticket never behind strangers, nothing for ever."""

from pathlib import Path

import anyio
import pytest
from joserfc.jwk import ECKey

from gateway.kernel.keyring import TicketSigner
from gateway.live.relay import protocol
from gateway.live.relay.client import RelayBusyError, RelayClient
from gateway.live.relay.queue import CALLS, ORDERS, Outgoing, QueueFullError
from partner_agent.wire.clock import SystemClock
from tests.support.relays import config_of, viewer_ticket

pytestmark = pytest.mark.anyio
SIGNER, FOREIGN = (TicketSigner(ECKey.generate_key("P-256")) for _ in range(2))


@pytest.fixture
def client(tmp_path: Path) -> RelayClient:
    """A hand on a relay that reads nothing: what it is asked waits."""

    async def on_event(event: protocol.Event) -> None:
        del event

    made = RelayClient(config=config_of(tmp_path, SIGNER), on_event=on_event, clock=SystemClock())
    made._outgoing = Outgoing()
    return made


def waiting(client: RelayClient) -> int:
    """How many calls with a good ticket wait."""
    assert client._outgoing is not None
    return len(client._outgoing._waiting["call"])


async def test_an_order_goes_before_calls_that_came_earlier():
    """A drop takes a picture away; calls ask for one."""
    outgoing = Outgoing()
    outgoing.put(b"call 1", "call")
    outgoing.put(b"call 2", "call")
    outgoing.put(b"drop", "order")

    assert [await outgoing.next() for _ in range(3)] == [b"drop", b"call 1", b"call 2"]


async def test_too_many_calls_are_turned_away_and_orders_are_not():
    """Whoever calls may be anybody."""
    outgoing = Outgoing()
    for _ in range(CALLS):
        outgoing.put(b"call", "call")

    with pytest.raises(QueueFullError):
        outgoing.put(b"call", "call")
    outgoing.put(b"drop", "order")

    assert await outgoing.next() == b"drop"


async def test_a_call_goes_before_strangers_who_came_earlier_and_takes_its_own_place():
    """As many patches and goodbyes as may wait keep nobody out who has a ticket."""
    outgoing = Outgoing()
    for _ in range(CALLS):
        outgoing.put(b"stranger", "stranger")
    with pytest.raises(QueueFullError):
        outgoing.put(b"stranger", "stranger")

    outgoing.put(b"call", "call")

    assert [await outgoing.next() for _ in range(2)] == [b"call", b"stranger"]


async def test_whoever_has_shown_nothing_waits_as_a_stranger(client: RelayClient):
    """Patches, goodbyes and tunnels name a call by a word that may be guessed: they fill their own places alone."""
    assert client._outgoing is not None
    for _ in range(CALLS):
        client._outgoing.put(b"guess", "stranger")

    for ask in (
        lambda: client.delete("ses_1", "guess"),
        lambda: client.patch("ses_1", "guess", [], "a=mid:0"),
        lambda: client.tunnel_end("pub_1", "guess"),
    ):
        with pytest.raises(RelayBusyError):
            await ask()


@pytest.mark.parametrize("bad", ["no.ticket.atall", "", viewer_ticket(FOREIGN), viewer_ticket(SIGNER, relay="relay-2")])
async def test_a_call_without_a_good_ticket_is_answered_at_once_and_takes_no_place(client: RelayClient, bad: str):
    """No form, another key, another relay: 401 from the gateway, and the relay hears nothing of it."""
    assert (await client.whep("ses_1", bad, "offer")).status == 401
    assert (await client.whip("ses_1", bad, "offer")).status == 401
    assert (await client.whip("ses_1", viewer_ticket(SIGNER), "offer")).status == 401  # a viewer's, at the other door

    assert waiting(client) == 0
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(client.whep, "ses_1", viewer_ticket(SIGNER), "offer")
        await anyio.wait_all_tasks_blocked()
        assert waiting(client) == 1
        tasks.cancel_scope.cancel()


async def test_orders_are_bounded_too():
    """A relay that reads nothing more is as good as gone."""
    outgoing = Outgoing()
    for _ in range(ORDERS):
        outgoing.put(b"drop", "order")

    with pytest.raises(QueueFullError):
        outgoing.put(b"drop", "order")


async def test_whoever_writes_waits_for_the_next():
    """And is woken by it."""
    outgoing, came = Outgoing(), []

    async with anyio.create_task_group() as tasks:

        async def write() -> None:
            came.append(await outgoing.next())

        tasks.start_soon(write)
        await anyio.wait_all_tasks_blocked()
        outgoing.put(b"drop", "order")

    assert came == [b"drop"]
