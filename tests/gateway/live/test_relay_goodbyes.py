"""A goodbye by RTCP ends the call of who says it, at once, and nothing else."""

import struct

import pytest

from gateway.live.relay import protocol
from partner_agent.rtc import rtcp
from tests.support.relay_lab import KEY, Lab, lab, watching
from tests.support.waiting import until

pytestmark = pytest.mark.anyio
SCREEN, SPEAKER, PICTURES = 21, 22, 7


def goodbye(*sources: int) -> bytes:
    """A compound packet as RFC 3550 §6.1 wants it: a report first, be it empty."""
    return struct.pack("!BBHI", 0x80, 201, 1, sources[0]) + struct.pack(
        f"!BBH{len(sources)}I", 0x80 | len(sources), 203, len(sources), *sources
    )


def seen(relay: Lab, by: int = SCREEN) -> bytes:
    """A report on the pictures."""
    return rtcp.receiver_report(by, relay.engine._ssrc, highest=1, lost=0, lost_of_256=0)


async def test_a_viewer_that_says_goodbye_has_left():
    """RFC 3550 §6.6: it is over in the same moment, with its account; the publication goes on."""
    async with lab() as relay:
        viewer = await watching(relay)
        viewer.leg.send_rtcp(seen(relay))

        viewer.leg.send_rtcp(goodbye(SCREEN))

        await until(lambda: relay.reasons() == ["left"])
        assert relay.engine.figures()["viewers"] == 0
        assert relay.engine.figures()["publications"] == 1


async def test_a_viewer_that_puts_another_of_its_sources_away_goes_on():
    """Its sound's, or one that it never reported as: the one who reports on the pictures has not gone."""
    async with lab() as relay:
        viewer = await watching(relay)
        viewer.leg.send_rtcp(goodbye(SPEAKER))
        viewer.leg.send_rtcp(seen(relay))
        viewer.leg.send_rtcp(goodbye(SPEAKER))
        before = relay.engine.viewer_figures("ses_1")["wanted_packets"]
        viewer.leg.send_rtcp(rtcp.loss_report(SCREEN, relay.engine._ssrc, [1]))
        await until(lambda: relay.engine.viewer_figures("ses_1")["wanted_packets"] > before)

        assert relay.reasons() == []
        assert relay.engine.figures()["viewers"] == 1


async def test_a_publisher_whose_pictures_say_goodbye_publishes_no_more():
    """The gateway is told at once, and not after the half minute in which its consent would run out."""
    async with lab() as relay:
        publisher = await relay.publish()

        publisher.leg.send_rtcp(goodbye(PICTURES))

        await until(lambda: relay.told(protocol.PublicationDown))
        (down,) = relay.told(protocol.PublicationDown)
        assert isinstance(down, protocol.PublicationDown)
        assert down.packets == len(KEY)
        assert relay.engine.figures()["publications"] == 0


async def test_a_publisher_whose_sound_says_goodbye_goes_on_with_pictures():
    """And one that says it of a source that never was."""
    async with lab() as relay:
        publisher = await relay.publish()

        publisher.leg.send_rtcp(goodbye(SPEAKER))
        await relay.picture(publisher)

        assert relay.told(protocol.PublicationDown) == []


async def test_a_publisher_that_has_sent_nothing_is_not_ended_by_a_goodbye_of_nobody():
    """Zero is no source of its own."""
    async with lab() as relay:
        publisher = await relay.publish()
        stream = next(iter(relay.engine._tables.streams.values()))
        stream.reception._source = None

        publisher.leg.send_rtcp(goodbye(0))
        await relay.picture(publisher)

        assert relay.told(protocol.PublicationDown) == []
