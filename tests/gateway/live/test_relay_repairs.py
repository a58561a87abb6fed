"""What the relay does about loss: key frames from the cache, retransmission, clocks, reports on both ways."""

import pytest

from gateway.live.relay import protocol
from partner_agent.rtc import rtcp, rtx, sdp
from partner_agent.rtc.ring import Packet
from tests.support.legs import TWO
from tests.support.relay_lab import KEY, lab, report
from tests.support.waiting import until

pytestmark = pytest.mark.anyio


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

        def fail(*_: object) -> None:
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
        lost = viewer.rtp[1:3]

        viewer.leg.send_rtcp(rtcp.loss_report(1, lost[0].ssrc, [packet.sequence for packet in lost]))

        await until(lambda: len(viewer.rtp) == len(KEY) + 2)
        again = viewer.rtp[-2:]
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
        lost = plain.rtp[1]
        heard = relay.engine._tables.calls

        plain.leg.send_rtcp(rtcp.loss_report(1, lost.ssrc, [lost.sequence]))
        repairing.leg.send_rtcp(rtcp.loss_report(1, lost.ssrc + 1, [lost.sequence]))
        relay.clock.advance(1)
        plain.leg.send_rtcp(rtcp.receiver_report(1, 2, highest=1, lost=0, lost_of_256=0))
        repairing.leg.send_rtcp(rtcp.receiver_report(1, 2, highest=1, lost=0, lost_of_256=0))
        await until(
            lambda: {heard[name].attention.heard_at for name in ("ses_1", "ses_2")} == {relay.clock.monotonic()}
        )

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
        shown = viewer.rtp[0]
        report = rtcp.read(data).sender
        assert report is not None
        assert (report.ssrc, report.ntp, report.packets) == (shown.ssrc, 6 << 32, len(KEY))
        assert report.timestamp == (shown.timestamp + 3_000 + 90_000) % (1 << 32)
        assert report.octets == sum(len(packet.payload) for packet in viewer.rtp)
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

        ssrc = viewer.rtp[0].ssrc
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
        numbers = sorted(packet.sequence for packet in viewer.rtp)
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
        next(iter(relay.engine._tables.streams.values())).fanout.forget()
        await relay.view()

        relay.admit()

        await until(lambda: publisher.rtcp)
        assert rtcp.read(publisher.rtcp[0]).wants_key_frame


async def test_however_many_wait_for_one_the_site_is_asked_for_a_key_frame_once_a_second():
    """Three pleas by two viewers within the second are one at the publisher; the next goes on when it is over."""
    async with lab() as relay:
        publisher = await relay.publish()
        next(iter(relay.engine._tables.streams.values())).fanout.forget()
        viewer, _ = await relay.view("ses_1"), await relay.view("ses_2")
        relay.admit("ses_1")
        relay.clock.advance(0.4)
        relay.admit("ses_2")
        relay.clock.advance(0.4)
        viewer.leg.send_rtcp(rtcp.key_frame_request(1, 2))
        await report(relay, viewer)
        await until(lambda: publisher.rtcp)
        before = len(publisher.rtcp)
        relay.clock.advance(0.2)

        viewer.leg.send_rtcp(rtcp.key_frame_request(1, 2))

        await until(lambda: len(publisher.rtcp) > before)
        assert [rtcp.read(each).wants_key_frame for each in publisher.rtcp] == [True, True]
