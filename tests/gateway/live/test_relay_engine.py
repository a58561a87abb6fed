"""What a relay forwards, and when it stops: real connections over loopback, the clock in the test's hand."""

import asyncio
from contextlib import suppress
from typing import Any, cast

import pytest

from gateway.live.relay import peers, protocol
from gateway.live.relay.admission import ANEW_S
from gateway.live.relay.engine import ADMISSION_S
from gateway.live.relay.offers import CallRefusedError
from partner_agent.rtc.hooks import Leg, LegFailedError
from partner_agent.wire.limits import LEASE_VALID_S
from tests.support.legs import ONE, TWO
from tests.support.relay_lab import KEY, lab
from tests.support.waiting import until

pytestmark = pytest.mark.anyio


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
        relay.engine._ports[0].sender.dropped += 3
        shown = relay.engine.figures()
        assert (shown["publications"], shown["viewers"], shown["dropped_datagrams"]) == (1, 1, 3)

        relay.engine.drop(["ses_1"])
        shown = relay.engine.figures()
        assert (shown["publications"], shown["viewers"]) == (1, 0)


async def test_a_publication_that_is_over_keeps_no_pictures():
    """The room for running groups is that of those that run; one that still has viewers waits for its site."""
    async with lab() as relay:
        await relay.publish()
        assert relay.engine.figures()["kept_bytes"] > sum(map(len, KEY))

        relay.engine.end_all("dropped")

        assert relay.engine.figures()["kept_bytes"] == 0


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


async def test_a_second_admission_holds_at_once():
    """A view that runs goes on past its first horizon, without waiting for a lease."""
    async with lab() as relay:
        publisher = await relay.publish()
        viewer = await relay.view()
        relay.admit(valid_s=2)
        await until(lambda: len(viewer.rtp) == len(KEY))

        relay.admit(valid_s=60)
        relay.clock.advance(3)
        await relay.picture(publisher)

        await until(lambda: len(viewer.rtp) == 2 * len(KEY))


async def test_a_second_admission_to_less_holds_at_once():
    """The shorter of two horizons too."""
    async with lab() as relay:
        publisher = await relay.publish()
        viewer = await relay.view()
        relay.admit(valid_s=60)
        await until(lambda: len(viewer.rtp) == len(KEY))

        relay.admit(valid_s=2)
        relay.clock.advance(3)
        await relay.picture(publisher)
        relay.engine.lease(["ses_1"])
        relay.clock.advance(ANEW_S - 1)
        relay.engine.lease(["ses_1"])
        relay.engine.sweep()

        assert relay.reasons() == ["horizon"]
        assert len(viewer.rtp) == len(KEY)


@pytest.mark.parametrize(("publication", "fingerprint"), [("pub_2", ONE.fingerprint), ("pub_1", TWO.fingerprint)])
async def test_an_admission_to_something_else_ends_what_runs(publication, fingerprint):
    """A view never goes on with pictures that its newest admission does not name."""
    async with lab() as relay:
        publisher = await relay.publish()
        viewer = await relay.view()
        relay.admit()
        await until(lambda: len(viewer.rtp) == len(KEY))

        assert not relay.engine.admit("ses_1", publication, fingerprint, 60)

        await relay.picture(publisher)
        assert relay.reasons() == ["replaced"]
        assert len(viewer.rtp) == len(KEY)


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


@pytest.mark.parametrize("end", ["goodbye", "never connects"])
async def test_a_publisher_that_is_gone_keeps_no_place(end: str, monkeypatch: pytest.MonkeyPatch):
    """Its ICE agent, its keys and its tasks go with its goodbye, and not when nobody has answered for half a minute."""
    monkeypatch.setattr("gateway.live.relay.peers.CONNECT_S", 0.2 if end == "never connects" else 5.0)
    async with lab() as relay:
        port, before = relay.engine._ports[0], len(asyncio.all_tasks())
        if end == "goodbye":
            publisher = await relay.publish()
            await publisher.leg.close()
        else:
            publisher = await relay.end(ONE)
            ticket = relay.tickets.for_publication(publication="pub_1", camera="cam", agent="agt", relay="relay-1")
            await relay.engine.whip("pub_1", ticket, relay.offer(publisher, "sendonly"))

        await until(lambda: not port._by_name, timeout_s=2)
        await until(lambda: len(asyncio.all_tasks()) <= before, timeout_s=2)
        assert not relay.engine._tables.streams


async def test_a_relay_that_ends_is_not_disturbed_by_who_leaves_afterwards():
    """Its tasks are over: nothing goes out, and a goodbye that comes now starts nothing."""
    async with lab() as relay:
        publisher = await relay.publish()
        viewer = await relay.view()
        relay.admit()
        await until(lambda: len(viewer.rtp) == len(KEY))
        relay.engine._tasks = cast("Any", None)  # as good as over: whoever begins a task now fails

        relay.engine.halt()
        await relay.picture(publisher)
        await viewer.leg.close()
        await publisher.leg.close()

        await until(lambda: relay.reasons() == ["left"] and relay.told(protocol.PublicationDown))
        assert len(viewer.rtp) == len(KEY)


async def test_a_goodbye_that_fails_ends_nothing_else(caplog: pytest.LogCaptureFixture):
    """It runs in the relay's own task group: what one peer's connection raises is written down."""

    class Broken:
        async def close(self) -> None:
            raise ValueError("unforeseen")

    await peers.close(cast("Leg", Broken()))

    assert "could not be closed in order" in caplog.text
