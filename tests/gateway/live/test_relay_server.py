"""The relay's end of the conversation: what goes wrong with one caller's call is that caller's."""

from pathlib import Path
from typing import Any

import anyio
import pytest
from joserfc.jwk import ECKey

from gateway.kernel.keyring import TicketSigner
from gateway.live.relay import protocol
from gateway.live.relay.client import RelayClient
from gateway.live.relay.server import Outbox, RelayServer
from partner_agent.wire.clock import SystemClock
from tests.support.relays import RELAY, config_of, viewer_ticket

pytestmark = pytest.mark.anyio


class Broken:
    """An engine with a fault that somebody's bytes lead to."""

    def __init__(self) -> None:
        self.dropped: list[str] = []
        self.first_pictures = self

    async def whep(self, *_: object) -> tuple[str, str]:
        """As it is met."""
        raise IndexError("no such line")

    async def give(self, _session: str) -> bytes:
        """The same, of a first picture."""
        raise IndexError("no such byte")

    def sweep(self) -> None:
        """Nobody is silent."""

    def drop(self, sessions: list[str]) -> None:
        """An order that comes afterwards."""
        self.dropped += sessions


async def test_a_fault_that_one_caller_leads_to_ends_no_other_picture(tmp_path: Path):
    """It is answered as if there were no room, and the next order is done."""
    signer = TicketSigner(ECKey.generate_key("P-256"))
    config, clock = config_of(tmp_path, signer), SystemClock()
    engine: Any = Broken()
    hello = protocol.Hello(relay=RELAY, fingerprint="", addresses=[])
    client = RelayClient(config=config, on_event=_unheard, clock=clock)
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(RelayServer(engine=engine, hello=hello, outbox=Outbox()).serve, Path(config.socket))
        tasks.start_soon(client.run)
        with anyio.fail_after(10):
            await client.wait_ready()

            assert (await client.whep("ses_1", viewer_ticket(signer), "v=0")).status == 503
            assert (await client.first_picture(session="ses_1", publication="pub_1")).status == 503
            await client.drop(["ses_2"])

        assert engine.dropped == ["ses_2"]
        tasks.cancel_scope.cancel()


async def _unheard(_: protocol.Event) -> None:
    """Nothing is told here."""
