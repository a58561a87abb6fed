"""A relay process of the test's own, its gateway's hand, tickets for it, and a camera that plays in real time."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import anyio
from joserfc.jwk import ECKey

from gateway.kernel.keyring import TicketSigner
from gateway.live.relay import protocol
from gateway.live.relay.child import RelayChild
from gateway.live.relay.client import RelayClient
from gateway.live.relay.config import RelayConfig
from gateway.live.tickets import TicketIssuer
from partner_agent.rtc import nal
from partner_agent.rtc.units import CLOCK_RATE_HZ, AccessUnit
from partner_agent.simulator.camera import Stream
from partner_agent.wire.clock import SystemClock
from partner_agent.wire.ids import SystemIds
from tests.support.legs import TWO

ISSUER = "http://localhost"
RELAY = "relay-1"


@dataclass
class RunningRelay:
    """A relay and what it has told."""

    client: RelayClient
    child: RelayChild
    tickets: TicketIssuer
    hello: protocol.Hello
    events: list[protocol.Event] = field(default_factory=list)
    gone: int = 0

    async def event(self, kind: type[protocol.Event], timeout_s: float = 10) -> protocol.Event:
        """The first event of a kind; waits for it."""
        with anyio.fail_after(timeout_s):
            while True:
                for event in self.events:
                    if isinstance(event, kind):
                        return event
                await anyio.sleep(0.01)


def config_of(
    folder: Path, signer: TicketSigner, *, media_address: str = "127.0.0.1", name: str = RELAY, beside: str = ""
) -> RelayConfig:
    """What a relay in `folder` is told."""
    return RelayConfig(
        relay=name,
        socket=str(folder / ("relay.sock" if name == RELAY else f"{name}.sock")),
        certificate=str(folder / "relay.pem"),
        media_addresses=(media_address, *beside.split()),
        media_port=0,
        issuer=ISSUER,
        ticket_jwk=dict(signer.public.jwk),
    )


def viewer_ticket(signer: TicketSigner, *, session: str = "ses_1", relay: str = RELAY) -> str:
    """For `TWO`, by this key."""
    issuer = TicketIssuer(key=signer, issuer=ISSUER, clock=SystemClock(), ids=SystemIds())
    return issuer.for_viewer(session=session, camera="cam", fingerprint=TWO.fingerprint, relay=relay)


@asynccontextmanager
async def running_relay(
    folder: Path,
    *,
    media_address: str = "127.0.0.1",
    name: str = RELAY,
    signer: TicketSigner | None = None,
    beside: str = "",
) -> AsyncIterator[RunningRelay]:
    """Start a relay on loopback and wait until it is ready; `beside`: further addresses of its own."""
    clock, ids = SystemClock(), SystemIds()
    signer = signer or TicketSigner(ECKey.generate_key("P-256"))
    config = config_of(folder, signer, media_address=media_address, name=name, beside=beside)
    running: RunningRelay | None = None

    async def on_event(event: protocol.Event) -> None:
        assert running is not None
        running.events.append(event)

    async def on_gone() -> None:
        if running is not None:  # on a busy machine a relay may need a second start before it is ready
            running.gone += 1

    client = RelayClient(config=config, on_event=on_event, clock=clock)
    child = RelayChild(config=config, client=client, on_gone=on_gone, clock=clock)
    issuer = TicketIssuer(key=signer, issuer=ISSUER, clock=clock, ids=ids)
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(child.run)
        with anyio.fail_after(20):
            hello = await client.wait_ready()
        running = RunningRelay(client, child, issuer, hello)
        yield running
        tasks.cancel_scope.cancel()


async def play(stream: Stream, *, turns: int = 1_000) -> AsyncIterator[AccessUnit]:
    """The pictures of `stream`, over and over, at its own pace; begins with a key picture."""
    clock = SystemClock()
    start = clock.monotonic()
    for number in range(turns * len(stream.pictures)):
        picture = stream.pictures[number % len(stream.pictures)]
        await anyio.sleep(max(0.0, start + number / stream.fps - clock.monotonic()))
        yield AccessUnit(nal.join(picture.nals), number * CLOCK_RATE_HZ // stream.fps, picture.is_key, None)
