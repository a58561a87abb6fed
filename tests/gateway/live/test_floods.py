"""Who has no ticket can cost the relay some work, and neither a place nor anybody's picture."""

from functools import partial
from pathlib import Path

import anyio
import pytest

from partner_agent.rtc import sdp
from partner_agent.rtc.mux import UdpPort
from tests.support.floods import Flood, flood, media_address
from tests.support.legs import TWO, End
from tests.support.relays import RELAY, RunningRelay, running_relay
from tests.support.waiting import until

pytestmark = [pytest.mark.anyio, pytest.mark.slow]
CHECKS_A_SECOND = 5_000
START_S = 10.0  # `make bench-live` measures it; here it is only known to happen


async def test_a_viewer_with_a_ticket_starts_while_strangers_flood_the_relay(tmp_path: Path):
    """Five thousand checks a second at its port and offers without end at its door: refused, counted, kept nowhere."""
    async with running_relay(tmp_path) as relay:
        sent, client = Flood(), relay.client
        address = await media_address(relay)
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(partial(flood, client, address, checks_a_second=CHECKS_A_SECOND, into=sent))
            await until(lambda: sent.checks > CHECKS_A_SECOND / 2 and sent.offers > 50, timeout_s=START_S)

            await _start(relay)

            figures = await client.figures()
            tasks.cancel_scope.cancel()
        assert sent.statuses == {401}
        assert figures["calls"] <= 2  # the viewer's, and the one that told us the port
        assert figures["unknown_datagrams"] > 0


async def test_an_order_is_carried_out_while_strangers_call_and_after_they_gave_up(tmp_path: Path):
    """Calls that are given up half-way leave nothing on the socket that the next order would have to suffer from."""
    async with running_relay(tmp_path) as relay:
        client, sent = relay.client, Flood()
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(partial(flood, client, await media_address(relay), checks_a_second=0, into=sent))
            await until(lambda: sent.offers > 50, timeout_s=START_S)
            assert await client.admit(session="ses_1", publication="pub", fingerprint="", valid_s=60)
            await client.drop(["ses_1"])
            tasks.cancel_scope.cancel()

        assert not await client.admit(session="ses_1", publication="pub", fingerprint="", valid_s=60)


async def _start(relay: RunningRelay) -> None:
    """A viewer with a ticket calls, connects and is admitted, within `START_S`."""
    viewer = End(await UdpPort.open("127.0.0.1"), TWO, is_controlling=True)
    leg, client = viewer.leg, relay.client
    ticket = relay.tickets.for_viewer(session="ses_x", camera="cam", fingerprint=TWO.fingerprint, relay=RELAY)
    offer = sdp.Call(leg.user_fragment, leg.password, TWO.fingerprint, "actpass", "recvonly", 96, "42e01f")
    with anyio.fail_after(START_S):
        call = sdp.parse((await client.whep("ses_x", ticket, sdp.write(offer))).sdp)
        await leg.add_candidate(call.candidates[0])
        await leg.connect(
            user_fragment=call.user_fragment, password=call.password, fingerprint=call.fingerprint, role="client"
        )
        assert await client.admit(session="ses_x", publication="pub", fingerprint="", valid_s=60)
    await leg.close()
    viewer.port.close()
