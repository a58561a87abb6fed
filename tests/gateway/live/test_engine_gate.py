"""The gate before a media server: what the server never hears of, and what ends when it is gone."""

from dataclasses import replace

import anyio
import anyio.abc
import pytest

from gateway.edge.requires import DEADLINE_S
from gateway.live.engines.accounts import UNKNOWN_CIPHER
from gateway.live.engines.gate import CONNECT_S, HELD_S
from gateway.live.engines.ports import Passed
from gateway.live.relay import protocol
from partner_agent.rtc import sdp
from partner_agent.wire.limits import LEASE_VALID_S
from tests.support.gate_lab import ANSWER, DECLINED, lab, offered
from tests.support.legs import TWO
from tests.support.waiting import until

pytestmark = pytest.mark.anyio


async def test_the_server_hears_of_no_call_that_is_not_admitted():
    """It cannot forward by mistake what it does not know of."""
    async with lab() as at:
        await at.publish()
        at.call()
        await anyio.wait_all_tasks_blocked()
        assert at.server.viewed == []

        await at.admit()

        await until(lambda: at.answers)
        assert at.answers[0].status == 201


async def test_a_call_that_is_held_ends_with_its_session():
    """A drop refuses it at once."""
    async with lab() as at:
        await at.publish()
        at.call()
        await anyio.wait_all_tasks_blocked()

        await at.gate.drop(["ses_1"])

        await until(lambda: at.answers)
        assert (at.answers[0].status, at.server.viewed) == (409, [])


async def test_a_call_that_nobody_admits_is_refused():
    """It is not held for ever, and is answered before the route's deadline."""
    assert HELD_S < DEADLINE_S
    async with lab(held_s=0.01) as at:
        at.call()
        await until(lambda: at.answers)
        assert at.answers[0].status == 409
        await until(lambda: at.reasons() == ["unadmitted"])


async def test_a_drop_while_the_server_takes_the_call():
    """The caller gets no answer, and the server's call ends."""
    async with lab() as at:
        at.server.gate = anyio.Event()
        await at.publish()
        await at.admit()
        at.call()
        await anyio.wait_all_tasks_blocked()

        await at.gate.drop(["ses_1"])
        at.server.gate.set()

        await until(lambda: at.answers)
        assert (
            at.answers[0].status,
            at.server.ended,
        ) == (
            409,
            ["leg_2"],
        )
        await until(lambda: at.reasons() == ["dropped"])


async def test_another_publisher_while_the_server_takes_the_call():
    """What was asked for is not what would be seen: the call ends."""
    async with lab() as at:
        at.server.gate = anyio.Event()
        await at.publish()
        await at.admit()
        at.call()
        await anyio.wait_all_tasks_blocked()

        await at.publish(offered("sendonly", TWO.fingerprint))
        at.server.gate.set()

        await until(lambda: at.answers)
        assert at.answers[0].status == 409
        await until(lambda: at.reasons() == ["replaced"])


async def test_a_server_that_refuses_is_no_end_of_the_gate():
    """The caller hears of it, and the session is over."""
    async with lab() as at:
        at.server.is_refusing = True
        await at.watch()
        assert at.answers[0].status == 503
        await until(lambda: at.reasons() == ["failed"])


async def test_another_certificate_than_grants_name_takes_no_publisher():
    """Sites would refuse it anyway, and the log would say less."""
    async with lab() as at:
        at.server.answer = replace(ANSWER, fingerprint=TWO.fingerprint)
        assert (await at.publish()).status == 503
        assert at.server.ended == ["leg_1"]


async def test_what_the_server_reads_we_have_written():
    """No candidate, no section we decline, and the caller as DTLS client; the answer names the caller's sections."""
    async with lab() as at:
        await at.watch()
        (given,), answer = at.server.viewed, sdp.parse(at.answers[0].sdp)
        assert "a=setup:active" in given.splitlines()
        assert "m=audio" not in given
        assert (answer.mid, answer.setup, answer.declined) == ("0", "passive", (DECLINED,))


async def test_a_call_that_comes_after_the_horizon_waits_for_another_decision():
    """What runs is shown a moment longer; nothing begins meanwhile."""
    async with lab() as at:
        await at.publish()
        await at.admit(valid_s=5)
        await at.seconds(6)
        at.call()
        await anyio.wait_all_tasks_blocked()
        assert (at.server.viewed, at.answers) == ([], [])

        await at.admit()

        await until(lambda: at.answers)
        assert at.answers[0].status == 201


async def test_the_seconds_of_a_view_end_with_its_last_packet():
    """A recording that stands still is not sent, by the site's account neither."""
    async with lab() as at:
        await at.watch()
        at.gate.up("leg_2")
        for packets in (10, 20, 30, 30, 30, 30):
            at.server.counts["leg_2"] = Passed(cipher="GCM", packets=packets)
            await at.seconds(1)

        await at.gate.drop(["ses_1"])

        (gone,) = (event for event in at.events if isinstance(event, protocol.ViewerGone))
        assert gone.seconds_ms == pytest.approx(3_000, abs=1_000)


async def test_without_leases_everything_ends():
    """Ten seconds after the last one, whatever the horizon."""
    async with lab() as at:
        await at.watch()
        at.clock.advance(LEASE_VALID_S + 2)
        await until(lambda: at.reasons() == ["lease"])
        assert at.server.ended == ["leg_2"]
        await until(lambda: at.server.kept)


async def test_who_has_an_answer_and_does_not_come_is_let_go():
    """A publisher and a viewer who never connect take up no room for longer than a handshake takes."""
    async with lab() as at:
        await at.watch()
        ticket = at.tickets.for_publication(publication="pub_2", camera="cam", agent="agt", relay="relay-1")
        await at.gate.whip("pub_2", ticket, offered("sendonly", TWO.fingerprint))
        for _ in range(int(CONNECT_S) + 2):
            await at.gate.lease(["ses_1"])
            at.clock.advance(1)
            await anyio.wait_all_tasks_blocked()

        await until(lambda: at.reasons() == ["failed"])
        assert set(at.server.ended) == {"leg_2", "leg_3"}
        assert (await at.gate.figures())["publications"] == 1


async def test_a_server_that_is_gone_takes_every_view_with_it():
    """The gateway is told, and no session begins again."""
    async with lab() as at:
        await at.watch()
        at.server.stopped.set()
        await until(lambda: at.gone == 1)
        assert not await at.admit()
        assert (await at.gate.figures())["publications"] == 0


async def test_whom_the_server_has_lost_is_let_go():
    """Its own word, for who gives no pulse."""
    async with lab() as at:
        await at.watch()
        at.gate.up("leg_2")
        at.server.counts["leg_2"] = Passed("GCM", 5, 500, is_lost=True)
        await at.seconds(2)
        assert at.reasons() == ["silent"]


async def test_what_passed_stands_in_the_account():
    """The cipher when it starts, the last count when it ends."""
    async with lab() as at:
        await at.watch()
        at.server.counts["leg_2"] = Passed("GCM", 5, 500)
        at.gate.up("leg_2")
        await anyio.wait_all_tasks_blocked()
        at.server.counts["leg_2"] = Passed("GCM", 9, 900)

        await at.gate.drop(["ses_1"])
        await anyio.wait_all_tasks_blocked()

        up, gone = at.events[-2:]
        assert up == protocol.ViewerUp(session="ses_1", srtp_profile="GCM")
        assert isinstance(gone, protocol.ViewerGone)
        assert (gone.reason, gone.packets, gone.sent_bytes) == ("dropped", 9, 900)


async def test_no_end_waits_for_a_count():
    """A server that does not say what passed is asked for a quarter of a second; the start is told before the end."""
    async with lab() as at:
        await at.watch()
        at.server.is_mute = True
        at.gate.up("leg_2")

        with anyio.fail_after(2):
            await at.gate.drop(["ses_1"])

        assert at.server.ended == ["leg_2"]
        await anyio.wait_all_tasks_blocked()
        assert [type(event) for event in at.events[-2:]] == [protocol.ViewerUp, protocol.ViewerGone]
        assert at.events[-2] == protocol.ViewerUp(session="ses_1", srtp_profile=UNKNOWN_CIPHER)


async def test_an_end_whose_caller_gives_up_ends_all_the_same():
    """It is on no list any more: whoever did not end it now would leave it to be forwarded."""
    async with lab() as at:
        await at.watch()
        at.server.is_mute = True

        with anyio.move_on_after(0.05):
            await at.gate.drop(["ses_1"])
        with anyio.move_on_after(0.05):
            await at.gate.delete("pub_1", at.publisher)

        assert at.server.ended == ["leg_2", "leg_1"]
