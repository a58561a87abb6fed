"""What a relay forwards, and when it stops: real connections over loopback, the clock in the test's hand."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field, replace

import anyio
import anyio.abc
import pytest
from joserfc.jwk import ECKey

from gateway.kernel.keyring import TicketSigner
from gateway.live.relay import protocol
from gateway.live.relay.engine import ADMISSION_S, SILENCE_S, RelayEngine
from gateway.live.relay.peers import CallRefusedError
from gateway.live.relay.server import SWEEP_S
from gateway.live.tickets import TicketIssuer, TicketReader
from partner_agent.rtc import certificate, h264, rtcp, rtp, rtx, sdp
from partner_agent.rtc.hooks import LegFailedError
from partner_agent.rtc.mux import UdpPort
from partner_agent.rtc.ring import Packet
from partner_agent.rtc.srtp import Protector
from partner_agent.wire.limits import LEASE_VALID_S
from tests.fakes.clock import FakeClock
from tests.fakes.ids import SequentialIds
from tests.support.legs import NOW, ONE, TWO, End
from tests.support.waiting import until

pytestmark = pytest.mark.anyio
KEY = h264.packetise([b"\x67s", b"\x68p", b"\x65" + b"i" * 3000])
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


async def test_nobody_sees_without_an_admission():
    """A call with a good ticket connects, and gets nothing until the site has accepted."""
    async with lab() as relay:
        publisher = await relay.publish()
        viewer = await relay.view()
        await relay.picture(publisher)
        assert viewer.rtp == []

        assert relay.admit()

        await until(lambda: len(viewer.rtp) == len(KEY))
        assert relay.told(protocol.ViewerUp)


async def test_the_figures_are_what_runs():
    """Publications, viewers and lost datagrams as they are at the moment; nothing is counted that is over."""
    async with lab() as relay:
        await relay.publish()
        await relay.view()
        relay.admit()
        relay.engine._port.sender.dropped += 3
        shown = relay.engine.figures()
        assert (shown["publications"], shown["viewers"], shown["dropped_datagrams"]) == (1, 1, 3)

        relay.engine.drop(["ses_1"])
        shown = relay.engine.figures()
        assert (shown["publications"], shown["viewers"]) == (1, 0)


async def test_an_admission_may_come_before_the_call():
    """The site may be faster than the browser."""
    async with lab() as relay:
        relay.admit()
        await relay.publish()

        viewer = await relay.view()

        await until(lambda: viewer.rtp)


async def test_a_viewer_may_come_before_the_publisher():
    """Pictures begin with the publisher's first key frame."""
    async with lab() as relay:
        viewer = await relay.view()
        relay.admit()

        await relay.publish()

        await until(lambda: len(viewer.rtp) == len(KEY) > 1)
        assert relay.told(protocol.ViewerUp)


async def test_another_publisher_than_the_accepted_one_is_not_forwarded():
    """What a stranger with a ticket publishes reaches nobody."""
    async with lab() as relay:
        publisher = await relay.publish()
        viewer = await relay.view()

        relay.admit(fingerprint=TWO.fingerprint)
        await relay.picture(publisher)

        assert viewer.rtp == []
        assert relay.engine.figures()["viewers"] == 0


async def test_who_watches_does_not_go_on_with_another_publisher_than_the_accepted_one():
    """An agent that came back has another certificate, and its word for this view is gone; the same one goes on."""
    async with lab() as relay:
        await relay.publish()
        viewer = await relay.view()
        relay.admit()
        await until(lambda: len(viewer.rtp) == len(KEY))
        await relay.publish()
        await until(lambda: len(viewer.rtp) == 2 * len(KEY))

        await relay.publish(identity=TWO)

        assert relay.reasons() == ["replaced"]
        assert len(viewer.rtp) == 2 * len(KEY)


async def test_a_drop_stops_at_once_and_for_good():
    """After the drop nothing is sent; the session can neither be admitted nor called again."""
    async with lab() as relay:
        publisher = await relay.publish()
        viewer = await relay.view()
        relay.admit()
        await until(lambda: viewer.rtp)
        count = len(viewer.rtp)

        relay.engine.drop(["ses_1"])
        await relay.picture(publisher)

        assert len(viewer.rtp) == count
        assert relay.reasons() == ["dropped"]
        assert not relay.admit()
        with pytest.raises(CallRefusedError) as refused:
            await relay.engine.whep("ses_1", relay.ticket(), relay.offer(await relay.end(TWO), "recvonly"))
        assert refused.value.status == 409


async def test_a_session_missing_from_a_lease_ends():
    """What the gateway no longer names is over; what it names goes on."""
    async with lab() as relay:
        relay.admit("ses_1")
        relay.admit("ses_2")

        relay.engine.lease(["ses_2"])

        assert relay.reasons() == ["lease"]
        assert relay.engine.figures()["admissions"] == 1


async def test_without_the_gateway_everything_ends():
    """Ten seconds without a word, and neither viewer nor publisher is left."""
    async with lab() as relay:
        await relay.publish()
        viewer = await relay.view()
        relay.admit()
        await until(lambda: viewer.rtp)

        relay.clock.advance(LEASE_VALID_S)
        relay.engine.sweep()

        assert relay.reasons() == ["lease"]
        assert relay.told(protocol.PublicationDown)
        assert relay.engine.figures()["calls"] == 0
        assert relay.engine.figures()["publications"] == 0


async def test_a_session_ends_at_its_horizon_however_often_it_is_leased():
    """The end that was decided at the start stands."""
    async with lab() as relay:
        relay.admit(valid_s=8)
        relay.clock.advance(5)
        relay.engine.lease(["ses_1"])

        relay.clock.advance(3)
        relay.engine.sweep()

        assert relay.reasons() == ["horizon"]


async def test_forwarding_ends_before_the_sweep():
    """The lease is looked at for every batch, not only once a second."""
    async with lab() as relay:
        publisher = await relay.publish()
        viewer = await relay.view()
        relay.admit()
        await until(lambda: viewer.rtp)
        count = len(viewer.rtp)
        relay.clock.advance(LEASE_VALID_S)

        await relay.picture(publisher)

        assert len(viewer.rtp) == count


async def test_a_call_nobody_admits_is_closed():
    """A place on the port is not kept for ever."""
    async with lab() as relay:
        await relay.view()
        for _ in range(int(ADMISSION_S)):
            relay.clock.advance(1)
            relay.engine.lease([])
            relay.engine.sweep()

        assert relay.reasons() == ["unadmitted"]


async def test_a_silent_viewer_is_closed():
    """A browser that stopped reporting is gone within five seconds, whatever ICE still believes."""
    assert SILENCE_S + SWEEP_S <= 5
    async with lab() as relay:
        await relay.publish()
        viewer = await relay.view()
        relay.admit()
        for _ in range(int(SILENCE_S) - 1):
            relay.clock.advance(1)
            relay.engine.lease(["ses_1"])
            relay.engine.sweep()
        assert relay.reasons() == []

        viewer.leg.send_rtcp(rtcp.receiver_report(1, 2, highest=1, lost=0, lost_of_256=0))
        await until(lambda: relay.engine._tables.calls["ses_1"].heard_at == relay.clock.monotonic())
        for _ in range(int(SILENCE_S)):
            relay.clock.advance(1)
            relay.engine.lease(["ses_1"])
            relay.engine.sweep()

        assert relay.reasons() == ["silent"]


async def test_a_plea_is_answered_from_the_cache():
    """A viewer's PLI brings the key frame again, and the site is not bothered."""
    async with lab() as relay:
        publisher = await relay.publish()
        viewer = await relay.view()
        relay.admit()
        await until(lambda: len(viewer.rtp) == len(KEY))
        relay.clock.advance(2)

        viewer.leg.send_rtcp(rtcp.key_frame_request(1, 2))

        await until(lambda: len(viewer.rtp) == 2 * len(KEY))
        assert publisher.rtcp == []


async def test_a_viewer_whose_packets_cannot_be_sent_ends_alone():
    """Its session ends as failed, with its account; the other one goes on."""
    async with lab() as relay:
        publisher = await relay.publish()
        await relay.view("ses_1")
        other = await relay.view("ses_2")
        relay.admit("ses_1")
        relay.admit("ses_2")
        await until(lambda: len(other.rtp) == len(KEY))

        def fail(_: object) -> None:
            raise OSError("no buffer space")

        viewer = next(iter(relay.engine._tables.streams.values())).fanout.viewers["ses_1"]
        viewer.send = viewer.send_runs = fail
        await relay.picture(publisher)

        await until(lambda: len(other.rtp) == 2 * len(KEY))
        assert relay.reasons() == ["failed"]
        (ended,) = relay.told(protocol.ViewerGone)
        assert isinstance(ended, protocol.ViewerGone)
        assert ended.packets == len(KEY)


async def test_what_a_viewer_lost_comes_again_by_rtx_and_is_in_its_account():
    """Asked for by its own numbers, under a source, payload type and key stream of its own; it opens as any packet."""
    async with lab() as relay:
        await relay.publish()
        viewer = await relay.view(is_repairing=True)
        relay.admit()
        await until(lambda: len(viewer.rtp) == len(KEY))
        lost = [rtp.parse(data) for data in viewer.rtp[1:3]]

        viewer.leg.send_rtcp(rtcp.loss_report(1, lost[0].ssrc, [packet.sequence for packet in lost]))

        await until(lambda: len(viewer.rtp) == len(KEY) + 2)
        again = [rtp.parse(data) for data in viewer.rtp[-2:]]
        assert {packet.payload_type for packet in again} == {97}
        assert {packet.ssrc for packet in again}.isdisjoint({lost[0].ssrc})
        assert [rtx.original(packet, ssrc=lost[0].ssrc, payload_type=96) for packet in again] == lost
        relay.engine.drop(["ses_1"])
        (gone,) = relay.told(protocol.ViewerGone)
        assert isinstance(gone, protocol.ViewerGone)
        assert gone.packets == len(KEY) + 2


async def test_a_viewer_without_rtx_is_sent_nothing_twice():
    """Its losses stay; so does what it lost of another source, and after its end everything."""
    async with lab() as relay:
        await relay.publish()
        plain = await relay.view("ses_1")
        repairing = await relay.view("ses_2", is_repairing=True)
        relay.admit("ses_1")
        relay.admit("ses_2")
        await until(lambda: len(plain.rtp) == len(repairing.rtp) == len(KEY))
        lost = rtp.parse(plain.rtp[1])
        heard = relay.engine._tables.calls

        plain.leg.send_rtcp(rtcp.loss_report(1, lost.ssrc, [lost.sequence]))
        repairing.leg.send_rtcp(rtcp.loss_report(1, lost.ssrc + 1, [lost.sequence]))
        relay.clock.advance(1)
        plain.leg.send_rtcp(rtcp.receiver_report(1, 2, highest=1, lost=0, lost_of_256=0))
        repairing.leg.send_rtcp(rtcp.receiver_report(1, 2, highest=1, lost=0, lost_of_256=0))
        await until(lambda: {heard[name].heard_at for name in ("ses_1", "ses_2")} == {relay.clock.monotonic()})

        assert (len(plain.rtp), len(repairing.rtp)) == (len(KEY), len(KEY))


async def test_the_answer_repeats_only_what_was_offered():
    """RTX with its pair and both sources for who offered it; nothing of it for who did not."""
    async with lab() as relay:
        await relay.publish()
        answers = {}
        for session, is_repairing in (("ses_1", True), ("ses_2", False)):
            offer = relay.offer(await relay.end(TWO), "recvonly", is_repairing=is_repairing)
            answers[is_repairing], _ = await relay.engine.whep(session, relay.ticket(session), offer)

        repairing = sdp.parse(answers[True])
        assert repairing.rtx_payload_type == 97
        assert 0 < repairing.rtx_ssrc != repairing.ssrc
        assert "rtx" not in answers[False]
        assert "FID" not in answers[False]


async def test_viewers_are_told_the_publisher_s_clock_once_it_has_told_it():
    """A sweep sends a report and the name of the SDP to each viewer; none before the publisher's first."""
    async with lab() as relay:
        publisher = await relay.publish()
        viewer = await relay.view()
        relay.admit()
        await until(lambda: len(viewer.rtp) == len(KEY))
        relay.engine.sweep()

        publisher.leg.send_rtcp(rtcp.sender_report(rtcp.SenderReport(7, 5 << 32, 3_000, 3, 4)))
        await until(lambda: next(iter(relay.engine._tables.streams.values())).fanout._source.told)
        relay.clock.advance(1)
        relay.engine.sweep()

        await until(lambda: viewer.rtcp)
        (data,) = viewer.rtcp
        shown = rtp.parse(viewer.rtp[0])
        report = rtcp.read(data).sender
        assert report is not None
        assert (report.ssrc, report.ntp, report.packets) == (shown.ssrc, 6 << 32, len(KEY))
        assert report.timestamp == (shown.timestamp + 3_000 + 90_000) % (1 << 32)
        assert report.octets == sum(len(rtp.parse(packet).payload) for packet in viewer.rtp)
        assert data.endswith(rtcp.description(shown.ssrc, "live"))


async def test_a_viewer_s_reports_are_its_figures():
    """Losses and the round trip, by session; of a stranger nothing."""
    async with lab() as relay:
        publisher = await relay.publish()
        viewer = await relay.view()
        relay.admit()
        await until(lambda: len(viewer.rtp) == len(KEY))
        publisher.leg.send_rtcp(rtcp.sender_report(rtcp.SenderReport(7, 5 << 32, 3_000, 3, 4)))
        await until(lambda: next(iter(relay.engine._tables.streams.values())).fanout._source.told)
        relay.engine.sweep()
        relay.clock.advance(0.5)

        ssrc = rtp.parse(viewer.rtp[0]).ssrc
        viewer.leg.send_rtcp(
            rtcp.receiver_report(
                1, ssrc, highest=1, lost=4, lost_of_256=128, last_report=5 << 16, delay_65536=65_536 // 4
            )
        )

        await until(lambda: relay.engine.viewer_figures("ses_1").get("rtt_ms") == 250)
        figures = relay.engine.viewer_figures("ses_1")
        assert (figures["lost_permille"], figures["lost_packets"]) == (500, 4)
        assert relay.engine.viewer_figures("ses_2") == {}
        assert relay.engine.figures()["losing_viewers"] == 1


async def test_what_was_lost_on_the_way_here_is_asked_for_and_reaches_viewers_in_its_place():
    """The publisher is asked once, repeats by RTX, and viewers get the packet under the number they miss."""
    async with lab() as relay:
        publisher = await relay.publish(is_repairing=True)
        viewer = await relay.view()
        relay.admit()
        await until(lambda: len(viewer.rtp) == len(KEY))
        lost = await relay.picture(publisher, without=2)
        assert lost is not None
        relay.clock.advance(0.02)
        stream = next(iter(relay.engine._tables.streams.values()))
        relay.engine._reports.ask_lost(stream, relay.clock.monotonic())
        await until(lambda: publisher.rtcp)
        assert rtcp.read(publisher.rtcp[-1]).wanted == [(7, lost.sequence)]

        again = rtx.Retransmitter(ssrc=8, payload_type=97, protector=publisher.leg.protector(8))
        packet = Packet(lost.sequence, lost.is_last, lost.timestamp, lost.payload)
        for _ in range(2):
            publisher.leg.send(again.repeat([(packet, lost.sequence)], 0.0))

        await until(lambda: len(viewer.rtp) == 2 * len(KEY))
        numbers = sorted(rtp.parse(data).sequence for data in viewer.rtp)
        assert numbers == list(range(numbers[0], numbers[0] + 2 * len(KEY)))
        await relay.picture(publisher)
        await until(lambda: len(viewer.rtp) == 3 * len(KEY))
        shown = relay.engine.figures()
        assert (shown["asked_packets"], shown["repaired_packets"], shown["lost_packets"]) == (1, 1, 0)


async def test_a_publisher_is_told_each_second_how_its_packets_arrive():
    """Losses before repair, the highest number, and its own report by name."""
    async with lab() as relay:
        publisher = await relay.publish()
        await relay.picture(publisher, without=2)
        publisher.leg.send_rtcp(rtcp.sender_report(rtcp.SenderReport(7, 5 << 32, 0, 0, 0)))
        await until(lambda: next(iter(relay.engine._tables.streams.values())).fanout._source.told)
        relay.clock.advance(0.5)

        relay.engine.sweep()

        await until(lambda: publisher.rtcp)
        (block,) = rtcp.read(publisher.rtcp[-1]).blocks
        total = 2 * len(KEY)
        assert (block.ssrc, block.highest, block.lost, block.lost_of_256) == (7, total - 1, 1, 256 // total)
        assert (block.last_report, block.delay_65536) == (5 << 16, 32_768)


async def test_a_publisher_that_negotiated_no_nack_is_not_asked():
    """Its losses stay gaps, which the viewer sees."""
    async with lab() as relay:
        publisher = await relay.publish()

        await relay.picture(publisher, without=2)
        relay.clock.advance(0.5)
        await relay.picture(publisher)

        assert relay.engine.figures()["asked_packets"] == 0
        assert publisher.rtcp == []


async def test_without_a_cache_the_site_is_asked_for_a_key_frame():
    """Nothing to start with: the plea goes on to the publisher."""
    async with lab() as relay:
        publisher = await relay.publish()
        next(iter(relay.engine._tables.streams.values())).fanout._forget()
        await relay.view()

        relay.admit()

        await until(lambda: publisher.rtcp)
        assert rtcp.asks_for_key_frame(publisher.rtcp[0])


async def test_a_ticket_for_another_browser_is_refused():
    """The offer must show the certificate the ticket names."""
    async with lab() as relay:
        offer = relay.offer(await relay.end(ONE), "recvonly")

        with pytest.raises(CallRefusedError) as refused:
            await relay.engine.whep("ses_1", relay.ticket(), offer)

        assert refused.value.status == 403


async def test_a_handshake_with_another_certificate_than_the_offer_s_sees_nothing():
    """Whoever stole ticket and offer, but not the browser's key, fails in the handshake, and nothing is forwarded."""
    async with lab() as relay:
        publisher = await relay.publish()
        thief = await relay.end(ONE)
        offer = relay.offer(thief, "recvonly", fingerprint=TWO.fingerprint)
        answer, _ = await relay.engine.whep("ses_1", relay.ticket(), offer)
        relay.admit()
        with suppress(LegFailedError):  # the thief may hear of it only by silence
            await relay.join(thief, answer)
        await until(lambda: relay.reasons() == ["failed"], timeout_s=15)
        await relay.picture(publisher)

        assert thief.rtp == []
        assert relay.engine.figures()["viewers"] == 0


async def test_the_ticket_is_checked_before_the_offer_is_read():
    """Without one, even an offer that is none gets only the ticket's refusal."""
    async with lab() as relay:
        with pytest.raises(CallRefusedError) as refused:
            await relay.engine.whep("ses_1", "no ticket", "no offer")
        assert refused.value.status == 401
        with pytest.raises(CallRefusedError) as unread:
            await relay.engine.whep("ses_1", relay.ticket(), "no offer")
        assert unread.value.status == 422


async def test_a_viewer_cannot_send_and_a_publisher_cannot_view():
    """Each door has one direction."""
    async with lab() as relay:
        end = await relay.end(TWO)
        with pytest.raises(CallRefusedError):
            await relay.engine.whep("ses_1", relay.ticket(), relay.offer(end, "sendonly"))
        ticket = relay.tickets.for_publication(publication="pub_1", camera="cam", agent="agt", relay="relay-1")
        with pytest.raises(CallRefusedError):
            await relay.engine.whip("pub_1", ticket, relay.offer(end, "recvonly"))


async def test_only_who_knows_its_name_ends_a_call():
    """DELETE needs the resource's secret name."""
    async with lab() as relay:
        await relay.view()
        resource = relay.engine._tables.calls["ses_1"].resource

        assert not relay.engine.leave("ses_1", "guess")
        assert relay.engine.patches.tag("ses_1", resource)
        assert relay.engine.leave("ses_1", resource)
        assert relay.reasons() == ["left"]


async def test_a_publisher_s_goodbye_is_told():
    """When the uplink closes, the gateway hears how much came."""
    async with lab() as relay:
        publisher = await relay.publish()

        await publisher.leg.close()

        await until(lambda: relay.told(protocol.PublicationDown))
        down = relay.told(protocol.PublicationDown)[0]
        assert isinstance(down, protocol.PublicationDown)
        assert down.packets == len(KEY)
