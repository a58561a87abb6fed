"""A relay's engine alone, the clock in the test's hand, with publishers and viewers that call it."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace

import anyio
import anyio.abc
from joserfc.jwk import ECKey

from gateway.kernel.keyring import TicketSigner
from gateway.live.relay import protocol
from gateway.live.relay.engine import RelayEngine
from gateway.live.relay.silence import SWEEP_S
from gateway.live.tickets import TicketIssuer, TicketReader
from partner_agent.rtc import certificate, h264, rtcp, rtp, sdp
from partner_agent.rtc.mux import UdpPort
from partner_agent.rtc.srtp import Protector
from tests.fakes.clock import FakeClock
from tests.fakes.ids import SequentialIds
from tests.support.legs import NOW, ONE, TWO, End
from tests.support.waiting import until

KEY = h264.packetise([b"\x67s", b"\x68p", b"\x65" + b"\x88" * 3000])
RELAY_IDENTITY = certificate.generate(NOW)
SIGNER = TicketSigner(ECKey.generate_key("P-256"))


@dataclass
class Lab:
    """An engine, and ends that call it."""

    engine: RelayEngine
    tickets: TicketIssuer
    clock: FakeClock
    events: list[protocol.Event]
    ends: list[End] = field(default_factory=list)
    _protector: Protector | None = None
    _sequence: int = 0

    async def end(self, identity: certificate.DtlsIdentity) -> End:
        end = End(await UdpPort.open("127.0.0.1"), identity, is_controlling=True)
        self.ends.append(end)
        return end

    def offer(self, end: End, direction: sdp.Direction, *, fingerprint: str = "", is_repairing: bool = False) -> str:
        fingerprint = fingerprint or end.identity.fingerprint
        leg = end.leg
        call = sdp.Call(leg.user_fragment, leg.password, fingerprint, "actpass", direction, 96, "42e01f")
        return sdp.write(replace(call, has_nack=is_repairing, rtx_payload_type=97 if is_repairing else 0))

    async def join(self, end: End, answer: str) -> None:
        call = sdp.parse(answer)
        assert call.setup == "passive"
        await end.leg.add_candidate(call.candidates[0])
        with anyio.fail_after(5):
            await end.leg.connect(
                user_fragment=call.user_fragment, password=call.password, fingerprint=call.fingerprint, role="client"
            )

    async def publish(
        self, publication: str = "pub_1", *, is_repairing: bool = False, identity: certificate.DtlsIdentity = ONE
    ) -> End:
        """Start a publication that has sent one key frame."""
        end = await self.end(identity)
        before = len(self.told(protocol.PublicationUp))
        ticket = self.tickets.for_publication(publication=publication, camera="cam", agent="agt", relay="relay-1")
        answer, _ = await self.engine.whip(publication, ticket, self.offer(end, "sendonly", is_repairing=is_repairing))
        await self.join(end, answer)
        self._protector = end.leg.protector(7)
        await until(lambda: len(self.told(protocol.PublicationUp)) == before + 1)
        await self.picture(end)
        return end

    async def picture(self, end: End, *, without: int | None = None) -> rtp.RtpPacket | None:
        """Send one key picture, and wait until the relay has it; the packet that is left out is returned."""
        assert self._protector is not None
        at, left_out = self._sequence * 3000, None
        stream = next(iter(self.engine._tables.streams.values()))
        before = stream.fanout.packets
        for number, payload in enumerate(KEY, 1):
            head = rtp.header(
                is_last=number == len(KEY),
                payload_type=96,
                sequence=self._sequence,
                timestamp=at,
                ssrc=7,
            )
            if number == without:
                left_out = rtp.parse(head + payload)
            else:
                end.leg.send([self._protector.protect(head, payload, self._sequence)])
            self._sequence += 1
        await until(lambda: stream.fanout.packets == before + len(KEY) - (left_out is not None))
        return left_out

    async def view(self, session: str = "ses_1", *, is_repairing: bool = False) -> End:
        """Call as a browser; connected when this returns."""
        end = await self.end(TWO)
        offer = self.offer(end, "recvonly", is_repairing=is_repairing)
        answer, _ = await self.engine.whep(session, self.ticket(session), offer)
        await self.join(end, answer)
        await until(lambda: self.engine._tables.calls[session].is_open)
        return end

    def ticket(self, session: str = "ses_1") -> str:
        return self.tickets.for_viewer(session=session, camera="cam", fingerprint=TWO.fingerprint, relay="relay-1")

    def admit(self, session: str = "ses_1", *, valid_s: float = 60, fingerprint: str = ONE.fingerprint) -> bool:
        return self.engine.admit(session, "pub_1", fingerprint, valid_s)

    def told(self, kind: type[protocol.Event]) -> list[protocol.Event]:
        return [event for event in self.events if isinstance(event, kind)]

    def reasons(self) -> list[str]:
        return [event.reason for event in self.events if isinstance(event, protocol.ViewerGone)]


@asynccontextmanager
async def lab() -> AsyncIterator[Lab]:
    """A relay engine on loopback."""
    clock, ids, events = FakeClock(), SequentialIds(), []
    reader = TicketReader(public_jwk=dict(SIGNER.public.jwk), issuer="gw", relay="relay-1", clock=clock)
    port = await UdpPort.open("127.0.0.1")
    async with anyio.create_task_group() as tasks:
        engine = RelayEngine(
            port=port, identity=RELAY_IDENTITY, tickets=reader, tell=events.append, tasks=tasks, clock=clock, ids=ids
        )
        running = Lab(engine, TicketIssuer(key=SIGNER, issuer="gw", clock=clock, ids=ids), clock, events)
        yield running
        engine.end_all("dropped")
        for end in running.ends:
            await end.leg.close()
            end.port.close()
    port.close()


async def watching(relay: Lab) -> End:
    """A viewer that gets pictures."""
    await relay.publish()
    viewer = await relay.view()
    relay.admit(valid_s=600)
    await until(lambda: viewer.rtp)
    return viewer


def pass_time(relay: Lab, seconds: float) -> None:
    """The relay looks once a second, and the gateway is there."""
    for _ in range(int(seconds)):
        relay.clock.advance(SWEEP_S)
        relay.engine.lease(["ses_1"])
        relay.engine.sweep()


async def report(relay: Lab, viewer: End) -> None:
    """The viewer's report, taken."""
    viewer.leg.send_rtcp(rtcp.receiver_report(1, 2, highest=1, lost=0, lost_of_256=0))
    await until(lambda: relay.engine._tables.calls["ses_1"].attention.reported_at == relay.clock.monotonic())
