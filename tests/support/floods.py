"""Floods by people without a ticket: connectivity checks at the media port, and offers at the relay's door."""

from dataclasses import dataclass
from socket import AF_INET, SOCK_DGRAM, socket

import anyio
from aioice import stun

from gateway.live.relay.client import RelayClient, RelayGoneError
from partner_agent.rtc import sdp
from partner_agent.wire.clock import SystemClock
from tests.support.legs import TWO
from tests.support.relays import RELAY, RunningRelay

BATCH_S = 0.01
OFFERS_AT_ONCE = 20
OFFER = "v=0\r\n" + "a=x\r\n" * 3_000  # as long as an offer may be


@dataclass
class Flood:
    """How much of it has been sent, and how the offers were answered.

    Attributes:
        statuses: every answer there was.
    """

    checks: int = 0
    offers: int = 0
    statuses: frozenset[int] = frozenset()


async def media_address(relay: RunningRelay) -> tuple[str, int]:
    """Where the relay's media port is, as its answer to a call says; that call connects to nothing."""
    ticket = relay.tickets.for_viewer(session="probe", camera="cam", fingerprint=TWO.fingerprint, relay=RELAY)
    call = sdp.Call("ufrag", "p" * 24, TWO.fingerprint, "actpass", "recvonly", 96, "42e01f")
    answer = await relay.client.whep("probe", ticket, sdp.write(call))
    fields = sdp.parse(answer.sdp).candidates[0].split()
    return fields[4], int(fields[5])


async def flood(client: RelayClient, address: tuple[str, int], *, checks_a_second: int, into: Flood) -> None:
    """Until cancelled: so many checks a second, and offers as fast as they are refused."""
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(_checks, address, checks_a_second, into)
        for _ in range(OFFERS_AT_ONCE):
            tasks.start_soon(_offers, client, into)


async def _checks(address: tuple[str, int], a_second: int, into: Flood) -> None:
    request = stun.Message(message_method=stun.Method.BINDING, message_class=stun.Class.REQUEST)
    request.attributes["USERNAME"] = "nobody:here"
    request.attributes["PRIORITY"] = 1
    request.attributes["ICE-CONTROLLING"] = 7
    request.add_message_integrity(b"guess")
    data, clock = bytes(request), SystemClock()
    with socket(AF_INET, SOCK_DGRAM) as out:
        out.setblocking(False)
        began = clock.monotonic()
        while True:
            for _ in range(round((clock.monotonic() - began) * a_second) - into.checks):
                try:
                    out.sendto(data, address)
                except BlockingIOError:
                    break
                into.checks += 1
            await anyio.sleep(BATCH_S)


async def _offers(client: RelayClient, into: Flood) -> None:
    while True:
        try:
            answer = await client.whep(f"ses_{into.offers}", "no.ticket.atall", OFFER)
        except RelayGoneError:
            continue
        into.offers += 1
        into.statuses |= {answer.status}
