"""A relay that may open no further file: who watches goes on watching, and its gateway finds it again."""

import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import anyio
import msgspec
import pytest
from joserfc.jwk import ECKey

from gateway.kernel.keyring import TicketSigner
from gateway.live.relay import protocol
from gateway.live.relay.child import RelayChild
from gateway.live.relay.client import RelayClient
from gateway.live.relay.config import RelayConfig
from gateway.live.relay.server import TOO_MANY
from gateway.live.tickets import TicketIssuer
from partner_agent.wire.clock import SystemClock
from partner_agent.wire.ids import SystemIds
from tests.support.descriptors import cpu_s, no_further_file
from tests.support.engines import Bench
from tests.support.relays import ISSUER, config_of
from tests.support.waiting import until

pytestmark = [pytest.mark.anyio, pytest.mark.slow]
LOOK_S = 2.0


@dataclass
class Service:
    """A relay that is a service of its own, as `lenspact serve --role relay` starts it, and where it writes."""

    config: RelayConfig
    pid: int
    log: Path
    events: list[protocol.Event] = field(default_factory=list)

    @asynccontextmanager
    async def gateway(self) -> AsyncIterator[RelayClient]:
        """One gateway's hand on it, while inside the block."""

        async def on_event(event: protocol.Event) -> None:
            self.events.append(event)

        async def on_gone() -> None:
            pass

        client = RelayClient(config=self.config, on_event=on_event, clock=SystemClock())
        child = RelayChild(
            config=self.config, client=client, on_gone=on_gone, clock=SystemClock(), is_started_here=False
        )
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(child.run)
            yield client
            tasks.cancel_scope.cancel()


@contextmanager
def service(folder: Path, signer: TicketSigner) -> Iterator[Service]:
    """It runs while inside the block."""
    config = config_of(folder, signer)
    log = folder / "log"
    with log.open("wb") as output:
        command = [sys.executable, "-m", "gateway.app.relay"]
        process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=output, stderr=output)
        assert process.stdin is not None
        try:
            process.stdin.write(msgspec.json.encode(config) + b"\n")
            process.stdin.flush()
            yield Service(config, process.pid, log)
        finally:
            process.stdin.close()
            process.wait(10)


async def test_a_relay_without_descriptors_shows_on_and_its_gateway_finds_it_again(tmp_path: Path):
    """A viewer needs none; a gateway that comes back waits for one, said once and at no cost, and has all views."""
    clock, signer = SystemClock(), TicketSigner(ECKey.generate_key("P-256"))
    tickets = TicketIssuer(key=signer, issuer=ISSUER, clock=clock, ids=SystemIds())
    with service(tmp_path, signer) as relay:
        async with anyio.create_task_group() as tasks:
            async with relay.gateway() as client:
                with anyio.fail_after(20):
                    hello = await client.wait_ready()
                bench = Bench(client, tickets, tasks, "127.0.0.1", hello.fingerprint, events=relay.events)
                await bench.publish()
                assert await bench.admit("ses_1")
                first, _ = await bench.view("ses_1")
                await until(lambda: bench.seen(first), timeout_s=5)
                with no_further_file(relay.pid):
                    assert await bench.admit("ses_2")
                    second, answer = await bench.view("ses_2")
                    assert answer.status == 201
                    await until(lambda: bench.seen(second), timeout_s=5)

            with no_further_file(relay.pid):
                async with relay.gateway() as client:
                    played, before_s = bench.played, cpu_s(relay.pid)
                    await anyio.sleep(LOOK_S)
                    assert cpu_s(relay.pid) - before_s < LOOK_S / 2
                    assert not client.is_ready
                    await until(lambda: min(map(bench.seen, (first, second))) > played + 20, timeout_s=5)

            async with relay.gateway() as client:
                with anyio.fail_after(5):
                    await client.wait_ready()
                assert (await client.figures())["viewers"] == 2
            bench.engine = client
            await bench.close()
            tasks.cancel_scope.cancel()

    assert relay.log.read_text().count(TOO_MANY) == 1
