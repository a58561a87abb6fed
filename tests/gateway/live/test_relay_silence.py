"""Who has fallen silent in the relay: a viewer that vanished is let go, one that reads in its own way is not."""

import asyncio

import pytest

from gateway.live.relay.silence import ASK_S, REPORT_S, SILENCE_S, SWEEP_S
from tests.support.relay_lab import lab, pass_time, report, watching
from tests.support.waiting import until

pytestmark = pytest.mark.anyio


async def test_a_viewer_that_vanished_is_closed_within_five_seconds():
    """Nothing is read any more where it was, and nobody answers."""
    assert SILENCE_S + SWEEP_S <= 5
    async with lab() as relay:
        viewer = await watching(relay)
        pass_time(relay, SILENCE_S - 1)
        await report(relay, viewer)
        viewer.port.close()

        pass_time(relay, SILENCE_S - 1)
        assert relay.reasons() == []
        pass_time(relay, 1)
        assert relay.reasons() == ["silent"]


async def test_a_viewer_that_never_reads_is_closed_like_one_that_vanished():
    """Its machine is there, and its socket; the check that asks lies unread behind the pictures."""
    async with lab() as relay:
        viewer = await watching(relay)
        asyncio.get_running_loop().remove_reader(viewer.port.socket)

        pass_time(relay, SILENCE_S)

        assert relay.reasons() == ["silent"]


async def test_a_viewer_may_report_at_its_own_pace():
    """RFC 3550 lets five seconds and more pass; asked, it shows that it reads."""
    async with lab() as relay:
        viewer = await watching(relay)
        attention = relay.engine._tables.calls["ses_1"].attention
        for _ in range(5):
            for _ in range(3):
                pass_time(relay, ASK_S)
                await until(lambda: attention.heard_at == relay.clock.monotonic())
            await report(relay, viewer)

        assert relay.reasons() == []


async def test_a_viewer_that_never_reports_is_closed_in_the_end():
    """It answers when asked, and that is all it does."""
    async with lab() as relay:
        await watching(relay)
        attention = relay.engine._tables.calls["ses_1"].attention
        for _ in range(int(REPORT_S / ASK_S) - 1):
            pass_time(relay, ASK_S)
            await until(lambda: attention.heard_at == relay.clock.monotonic())
        assert relay.reasons() == []

        pass_time(relay, ASK_S)

        assert relay.reasons() == ["silent"]


async def test_a_relay_that_stood_still_takes_nobody_for_silent():
    """What came meanwhile waits unread; the viewers are looked at again once it had time to read it."""
    async with lab() as relay:
        viewer = await watching(relay)
        for _ in range(3):
            relay.clock.advance(2 * SILENCE_S)
            relay.engine.lease(["ses_1"])
            relay.engine.sweep()
            assert relay.reasons() == []
            await report(relay, viewer)
