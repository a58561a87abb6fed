"""Media engines under one contract: each running, with a camera and viewers that call it as sites and browsers do."""

from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass, field, replace
from pathlib import Path

import anyio
import anyio.abc
from joserfc.jwk import ECKey

from gateway.kernel.keyring import TicketSigner
from gateway.live.engines.gate import GatedEngine
from gateway.live.engines.ports import MediaServer
from gateway.live.ports import MediaEngine
from gateway.live.relay import protocol
from gateway.live.relay.client import RelayGoneError
from gateway.live.relay.protocol import Answer
from gateway.live.relays import Relays, owner
from gateway.live.tickets import TicketIssuer, TicketReader
from partner_agent.rtc import certificate, fragment, h264, rtp, sdp
from partner_agent.rtc.fragment import Fragment
from partner_agent.rtc.mux import UdpPort
from partner_agent.wire.clock import SystemClock
from partner_agent.wire.ids import SystemIds
from tests.support import janus
from tests.support.legs import ONE, TWO, End
from tests.support.relays import ISSUER, RELAY, RunningRelay, running_relay
from tests.support.waiting import until

MARK = b"\x68mark"
PICTURES_S = 0.02
SSRC = 7
STEP_90K = 1_800


@dataclass
class Bench:
    """One running engine, and whoever calls it.

    Attributes:
        gone: how often the engine was gone.
        relay_of: the name of a publication's relay.
    """

    engine: MediaEngine
    tickets: TicketIssuer
    tasks: anyio.abc.TaskGroup
    address: str
    fingerprint: str
    events: list[protocol.Event] = field(default_factory=list)
    ends: list[End] = field(default_factory=list)
    gone: int = 0
    played: int = 0
    relay_of: Callable[[str], str] = lambda _: RELAY

    async def end(self, identity: certificate.DtlsIdentity) -> End:
        """Somebody who calls."""
        end = End(await UdpPort.open(self.address), identity, is_controlling=True)
        self.ends.append(end)
        return end

    def offer(self, end: End, direction: sdp.Direction, **changes: object) -> str:
        """What they offer."""
        leg = end.leg
        pictures, again = (96, 97) if direction == "sendonly" else (109, 114)
        call = sdp.Call(
            leg.user_fragment, leg.password, end.identity.fingerprint, "actpass", direction, pictures, "42e01f"
        )
        ssrc = SSRC if direction == "sendonly" else 0
        call = replace(call, has_nack=True, rtx_payload_type=again, ssrc=ssrc, rtx_ssrc=ssrc and ssrc + 1)
        return sdp.write(replace(call, **changes))  # type: ignore[arg-type]

    async def join(self, end: End, answer: str) -> None:
        """Meet whom the answer describes."""
        call = sdp.parse(answer)
        assert call.setup == "passive"
        await end.leg.add_candidate(call.candidates[0])
        with anyio.fail_after(5):
            await end.leg.connect(
                user_fragment=call.user_fragment, password=call.password, fingerprint=call.fingerprint, role="client"
            )

    def publishing(self, publication: str = "pub_1") -> str:
        """A publisher's ticket."""
        return self.tickets.for_publication(
            publication=publication, camera="cam", agent="agt", relay=self.relay_of(publication)
        )

    def viewing(self, session: str = "ses_1", publication: str = "pub_1") -> str:
        """A viewer's ticket."""
        relay = self.relay_of(publication)
        return self.tickets.for_viewer(session=session, camera="cam", fingerprint=TWO.fingerprint, relay=relay)

    async def publish(self, publication: str = "pub_1", identity: certificate.DtlsIdentity = ONE) -> tuple[End, Answer]:
        """A camera that sends key pictures from now on."""
        end = await self.end(identity)
        before = len(self.told(protocol.PublicationUp))
        answer = await self.engine.whip(publication, self.publishing(publication), self.offer(end, "sendonly"))
        assert answer.status == 201
        await self.join(end, answer.sdp)
        self.tasks.start_soon(self._play, end)
        await until(lambda: len(self.told(protocol.PublicationUp)) > before, timeout_s=5)
        return end, answer

    async def view(self, session: str = "ses_1", publication: str = "pub_1") -> tuple[End, Answer]:
        """A viewer's call, connected if it was taken."""
        end = await self.end(TWO)
        answer = await self.engine.whep(session, self.viewing(session, publication), self.offer(end, "recvonly"))
        if answer.status == 201:
            await self.join(end, answer.sdp)
            self.tasks.start_soon(end.report)
            if answer.pulse_s:
                self.tasks.start_soon(self._pulse, session, answer, end)
        return end, answer

    async def _pulse(self, session: str, answer: Answer, end: End) -> None:
        """Say that the viewer is there as our player does, for as long as it is one of `ends`."""
        while end in self.ends:
            with suppress(RelayGoneError):
                await self.engine.patch(session, answer.resource, ["*"], "a=end-of-candidates")
            await anyio.sleep(answer.pulse_s)

    async def restart(self, subject: str, answer: Answer, end: End) -> Answer:
        """Another ICE session of a call, as somebody does whose network changed."""
        session = end.leg.restart("unknown")
        mine = fragment.write(Fragment(session.user_fragment, session.password), mid="0")
        taken = await self.engine.patch(subject, answer.resource, ["*"], mine)
        if taken.status == 200:
            said = fragment.parse(taken.sdp)
            session.peer_fragment = said.user_fragment
            await end.leg.add_candidate(said.candidates[0])
            with anyio.fail_after(5):
                await end.leg.follow(session, said.password)
        return taken

    async def admit(
        self,
        session: str = "ses_1",
        *,
        publication: str = "pub_1",
        valid_s: float = 60,
        fingerprint: str = ONE.fingerprint,
    ) -> bool:
        """The site has accepted."""
        return await self.engine.admit(
            session=session, publication=publication, fingerprint=fingerprint, valid_s=valid_s
        )

    def told(self, kind: type[protocol.Event]) -> list[protocol.Event]:
        """Its news of a kind."""
        return [event for event in self.events if isinstance(event, kind)]

    def reasons(self) -> dict[str, str]:
        """Why which session ended."""
        return {event.session: event.reason for event in self.events if isinstance(event, protocol.ViewerGone)}

    def seen(self, end: End) -> int:
        """The number of the last picture that reached somebody; 0 for none."""
        payloads = [bytes(packet.payload) for packet in end.rtp]
        marks = [payload.partition(MARK)[2][:8] for payload in payloads if MARK in payload]
        return max(map(int, marks), default=0)

    async def _play(self, end: End) -> None:
        """Send numbered key pictures until cancelled."""
        protector, number = end.leg.protector(SSRC), 0
        while True:
            self.played += 1
            picture = h264.packetise([b"\x67\x42\xe0\x1fs", MARK + b"%08d" % self.played, b"\x65" + b"\x88" * 3000])
            at, datagrams = self.played * STEP_90K, []
            for place, payload in enumerate(picture, 1):
                head = rtp.header(
                    is_last=place == len(picture), payload_type=96, sequence=number & 0xFFFF, timestamp=at, ssrc=SSRC
                )
                datagrams.append(protector.protect(head, payload, number))
                number += 1
            end.leg.send(datagrams)
            await anyio.sleep(PICTURES_S)

    async def close(self) -> None:
        """Nobody calls any more."""
        for end in self.ends:
            with anyio.move_on_after(1):
                await end.leg.close()
            end.port.close()


@asynccontextmanager
async def embedded(folder: Path) -> AsyncIterator[Bench]:
    """The relay, as a process."""
    async with running_relay(folder) as relay, anyio.create_task_group() as tasks:
        bench = Bench(relay.client, relay.tickets, tasks, "127.0.0.1", relay.hello.fingerprint, events=relay.events)
        yield bench
        await bench.close()
        tasks.cancel_scope.cancel()


@asynccontextmanager
async def several(folder: Path) -> AsyncIterator[tuple[Bench, dict[str, RunningRelay]]]:
    """Two relays as one engine, and each by its name."""
    signer, names = TicketSigner(ECKey.generate_key("P-256")), ("relay-1", "relay-2")
    async with AsyncExitStack() as stack:
        running = {
            name: await stack.enter_async_context(running_relay(folder, name=name, signer=signer)) for name in names
        }
        one, two = running.values()
        two.events = one.events
        tasks = await stack.enter_async_context(anyio.create_task_group())
        engine = Relays({name: relay.client for name, relay in running.items()})
        bench = Bench(engine, one.tickets, tasks, "127.0.0.1", one.hello.fingerprint, events=one.events)
        bench.relay_of = lambda publication: owner(names, publication)
        yield bench, running
        await bench.close()
        tasks.cancel_scope.cancel()


@asynccontextmanager
async def of_several(folder: Path) -> AsyncIterator[Bench]:
    """Two relays as one engine."""
    async with several(folder) as (bench, _):
        yield bench


@asynccontextmanager
async def behind_janus(folder: Path) -> AsyncIterator[Bench]:
    """The gate before a real Janus."""
    path = folder / "relay-1.pem"
    identity = certificate.load_or_generate(path, SystemClock().now())
    async with (
        janus.running_janus(folder, certificate=path) as ports,
        gated(janus.server(ports), janus.address(), identity.fingerprint) as bench,
    ):
        yield bench


@asynccontextmanager
async def gated(server: MediaServer, address: str, fingerprint: str) -> AsyncIterator[Bench]:
    """The gate before a media server."""
    clock, ids, signer = SystemClock(), SystemIds(), TicketSigner(ECKey.generate_key("P-256"))
    reader = TicketReader(public_jwk=dict(signer.public.jwk), issuer=ISSUER, relay=RELAY, clock=clock)
    benches: list[Bench] = []

    async def on_event(event: protocol.Event) -> None:
        benches[0].events.append(event)

    async def on_gone() -> None:
        benches[0].gone += 1

    engine = GatedEngine(
        server=server, fingerprint=fingerprint, tickets=reader, on_event=on_event, on_gone=on_gone, clock=clock, ids=ids
    )
    issuer = TicketIssuer(key=signer, issuer=ISSUER, clock=clock, ids=ids)
    async with anyio.create_task_group() as tasks:
        benches.append(Bench(engine, issuer, tasks, address, fingerprint))
        tasks.start_soon(engine.run)
        await until(lambda: engine.is_ready, timeout_s=10)
        yield benches[0]
        await benches[0].close()
        tasks.cancel_scope.cancel()
