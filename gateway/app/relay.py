"""The relay process: one UDP port, no database, no web framework.

Started by the gateway (or by `lenspact serve --role relay`) with its settings on standard input. When that input
closes, its parent is gone and it ends; before that the lease has already stopped every picture.
"""

import logging
import os
import sys
from pathlib import Path
from typing import Final

import anyio
import anyio.abc
import msgspec

from gateway.live.relay import protocol
from gateway.live.relay.config import RelayConfig, media_address
from gateway.live.relay.engine import RelayEngine
from gateway.live.relay.server import Outbox, RelayServer
from gateway.live.tickets import TicketReader
from partner_agent.rtc import aead, buffers, certificate
from partner_agent.rtc.expected import check_hooks
from partner_agent.rtc.mux import UdpPort
from partner_agent.wire.clock import SystemClock
from partner_agent.wire.ids import SystemIds
from partner_agent.wire.steady import put_aside

_LOG: Final = logging.getLogger(__name__)


async def run(config: RelayConfig) -> None:
    """Be a relay until cancelled."""
    check_hooks()
    clock, ids, outbox = SystemClock(), SystemIds(), Outbox()
    identity = certificate.load_or_generate(Path(config.certificate), clock.now())
    tickets = TicketReader(
        public_jwk=config.ticket_jwk, issuer=config.issuer, relay=config.relay, clock=clock, begun_at=config.begun_at
    )
    port, *beside = [
        await UdpPort.open(own, config.media_port, reached=reached)
        for reached, own in map(media_address, config.media_addresses)
    ]
    if too_little := buffers.shortage(port.buffer_bytes):
        _LOG.warning("%s: %s", too_little, buffers.CURE)
    if not aead.is_quick():
        _LOG.warning("each viewer costs more processor time than it need: install qh3 as requirements.lock has it")
    addresses = [f"{host}:{number}" for host, number in (each.address for each in (port, *beside))]
    hello = protocol.Hello(relay=config.relay, fingerprint=identity.fingerprint, addresses=addresses)
    # Whoever hears our hello may issue tickets, and every one from then on must open: the second must be full.
    await clock.sleep(max(0.0, tickets.since - clock.now().timestamp()))
    async with anyio.create_task_group() as tasks:
        engine = RelayEngine(
            port=port,
            beside=beside,
            identity=identity,
            tickets=tickets,
            tell=outbox.put,
            tasks=tasks,
            clock=clock,
            ids=ids,
        )
        try:
            await RelayServer(engine=engine, hello=hello, outbox=outbox).serve(Path(config.socket))
        finally:
            engine.halt()


async def _run_as_child(config: RelayConfig) -> None:
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(run, config)
        await anyio.wait_readable(sys.stdin.fileno())  # nothing more is ever written: readable means closed
        tasks.cancel_scope.cancel()


def main() -> None:
    """Read the settings, then serve."""
    logging.basicConfig(level=logging.WARNING, format="relay %(levelname)s %(message)s")
    line = bytearray()
    while not line.endswith(b"\n"):
        more = os.read(sys.stdin.fileno(), 1)
        if not more:
            return
        line += more
    put_aside()
    anyio.run(_run_as_child, msgspec.json.decode(bytes(line), type=RelayConfig), backend_options={"use_uvloop": True})


if __name__ == "__main__":
    main()
