"""Sound at a relay, over real connections: who is granted it hears it, and nobody else gets one packet of it."""

from dataclasses import replace

import pytest

from gateway.live.relay import protocol
from partner_agent.rtc import rtcp, rtp, sdp
from partner_agent.rtc.sdp_sound import OFFERED, Sound
from tests.support.legs import ONE, TWO, End
from tests.support.relay_lab import KEY, Lab, lab
from tests.support.waiting import until

pytestmark = pytest.mark.anyio
SOUND_SSRC = 8
WORDS = b"mulaw" * 32


class Concert:
    """A publisher with sound, and viewers who may or may not hear."""

    def __init__(self, relay: Lab) -> None:
        self.relay, self.index = relay, 0

    async def publish(self) -> End:
        relay = self.relay
        end = await relay.end(ONE)
        ticket = relay.tickets.for_publication(publication="pub_1", camera="cam", agent="agt", relay="relay-1")
        answer, _ = await relay.engine.whip("pub_1", ticket, self.offer(end, "sendonly"))
        taken = sdp.parse(answer).offered_sound
        assert taken is not None
        assert taken.direction == "recvonly"
        await relay.join(end, answer)
        relay._protector = end.leg.protector(7)
        await until(lambda: bool(relay.told(protocol.PublicationUp)))
        await relay.picture(end)
        return end

    def offer(self, end: End, direction: sdp.Direction) -> str:
        call = sdp.parse(self.relay.offer(end, direction))
        return sdp.write(replace(call, sound=Sound(OFFERED, direction=direction)))

    async def view(self, session: str, *, has_ticket: bool = True) -> tuple[End, Sound | None]:
        """A viewer whose call is connected, and what its answer says of sound."""
        relay = self.relay
        end = await relay.end(TWO)
        ticket = relay.tickets.for_viewer(
            session=session, camera="cam", fingerprint=TWO.fingerprint, relay="relay-1", sound=has_ticket
        )
        answer, _ = await relay.engine.whep(session, ticket, self.offer(end, "recvonly"))
        await relay.join(end, answer)
        await until(lambda: relay.engine._tables.calls[session].is_open)
        return end, sdp.parse(answer).offered_sound

    def admit(self, session: str, *, sound: bool) -> None:
        assert self.relay.engine.admit(session, "pub_1", ONE.fingerprint, 60, sound=sound)

    async def say(self, publisher: End) -> None:
        """One packet of G.711, then a picture, so that who gets the picture has had all before it."""
        head = rtp.header(
            is_last=False, payload_type=0, sequence=self.index, timestamp=160 * self.index, ssrc=SOUND_SSRC
        )
        publisher.leg.send([publisher.leg.protector(SOUND_SSRC).protect(head, WORDS, self.index)])
        self.index += 1
        await self.relay.picture(publisher)


def heard(end: End) -> list[rtp.RtpPacket]:
    """Everything that arrived at an end, decrypted, but its pictures."""
    return [packet for packet in end.rtp if packet.payload_type != 96]


async def test_who_is_granted_sound_hears_the_camera_s_bytes_and_nobody_else_a_packet():
    """Ticket and admission both say so, or nothing comes; pictures come to all."""
    async with lab() as relay:
        concert = Concert(relay)
        publisher = await concert.publish()
        ends = {}
        for name, has_ticket, is_admitted in (
            ("ses_both", True, True),
            ("ses_ticket", True, False),
            ("ses_admission", False, True),
            ("ses_neither", False, False),
        ):
            ends[name], answered = await concert.view(name, has_ticket=has_ticket)
            assert (answered is not None) == has_ticket  # without the ticket the section is declined
            concert.admit(name, sound=is_admitted)
            await until(lambda name=name: len(ends[name].rtp) == len(KEY))

        for _ in range(3):
            await concert.say(publisher)

        await until(lambda: all(sum(p.payload_type == 96 for p in end.rtp) == 4 * len(KEY) for end in ends.values()))
        assert [packet.payload for packet in heard(ends["ses_both"])] == [WORDS] * 3
        assert {name: heard(end) for name, end in ends.items() if name != "ses_both"} == {
            "ses_ticket": [],
            "ses_admission": [],
            "ses_neither": [],
        }


async def test_nothing_is_heard_after_a_drop_or_the_end_of_a_lease():
    """When `drop` returns, not a packet more; what was heard stands in the account."""
    async with lab() as relay:
        concert = Concert(relay)
        publisher = await concert.publish()
        dropped, _ = await concert.view("ses_1")
        left, _ = await concert.view("ses_2")
        for session in ("ses_1", "ses_2"):
            concert.admit(session, sound=True)
        await concert.say(publisher)
        await until(lambda: len(heard(dropped)) == len(heard(left)) == 1)

        relay.engine.drop(["ses_1"])
        relay.engine.lease([])
        await concert.say(publisher)

        assert len(heard(dropped)) == len(heard(left)) == 1
        gone = relay.told(protocol.ViewerGone)[0]
        assert isinstance(gone, protocol.ViewerGone)
        assert gone.packets == 2 * len(KEY) + 1


async def test_an_admission_that_says_so_no_longer_ends_the_sound_alone():
    """The pictures go on."""
    async with lab() as relay:
        concert = Concert(relay)
        publisher = await concert.publish()
        viewer, _ = await concert.view("ses_1")
        concert.admit("ses_1", sound=True)
        await concert.say(publisher)
        await until(lambda: len(heard(viewer)) == 1)

        concert.admit("ses_1", sound=False)
        await concert.say(publisher)

        await until(lambda: sum(p.payload_type == 96 for p in viewer.rtp) == 3 * len(KEY))
        assert len(heard(viewer)) == 1


async def test_the_reports_of_pictures_and_sound_are_on_one_clock_and_of_one_name():
    """Both moments are the publisher's, so that a player can put lips and words together."""
    async with lab() as relay:
        concert = Concert(relay)
        publisher = await concert.publish()
        viewer, _ = await concert.view("ses_1")
        concert.admit("ses_1", sound=True)
        await concert.say(publisher)
        await until(lambda: len(heard(viewer)) == 1)
        for ssrc in (7, SOUND_SSRC):
            said = rtcp.SenderReport(ssrc, ntp=9 << 32, timestamp=0, packets=1, octets=1)
            publisher.leg.send_rtcp(rtcp.sender_report(said) + rtcp.description(ssrc, sdp.CNAME))
        stream = relay.engine._tables.streams["pub_1"]
        await until(lambda: stream.listening.sender_report("ses_1", relay.clock.monotonic()) is not None)

        relay.engine.sweep()

        await until(lambda: len([data for data in viewer.rtcp if rtcp.read(data).sender]) == 2)
        reports = [rtcp.read(data).sender for data in viewer.rtcp]
        assert {report.ntp for report in reports if report} == {9 << 32}
        assert len({report.ssrc for report in reports if report}) == 2
        assert all(b"\x01\x04live" in data for data in viewer.rtcp)


async def test_a_publisher_is_told_how_its_sound_arrives_beside_its_pictures():
    """A block for each source that was heard since the last report, in one packet (RFC 3550 §6.4)."""
    async with lab() as relay:
        concert = Concert(relay)
        publisher = await concert.publish()
        await concert.say(publisher)
        concert.index += 1  # lost on its way
        await concert.say(publisher)
        said = rtcp.SenderReport(SOUND_SSRC, ntp=9 << 32, timestamp=0, packets=2, octets=1)
        publisher.leg.send_rtcp(rtcp.sender_report(said))
        await until(lambda: relay.engine._tables.streams["pub_1"].listening._source.told)  # type: ignore[union-attr]
        relay.clock.advance(0.5)

        relay.engine.sweep()
        await until(lambda: publisher.rtcp)
        relay.engine.sweep()
        await until(lambda: len(publisher.rtcp) == 2)

        first, second = (rtcp.read(data).blocks for data in publisher.rtcp)
        assert [block.ssrc for block in first] == [7, SOUND_SSRC]
        assert (first[1].highest, first[1].lost, first[1].lost_of_256) == (2, 1, 256 // 3)
        assert (first[1].last_report, first[1].delay_65536) == (9 << 16, 32_768)
        assert [block.ssrc for block in second] == [7]
