"""The moment at which an answer may change by itself: the gateway decides again, and the relay waits for that."""

from datetime import datetime, timedelta

import anyio
import pytest

from gateway.live import EndReason, Words, words_of
from gateway.live.ports import ViewDeny, ViewPermit, ViewQuestion
from gateway.live.relay import protocol
from gateway.live.relay.admission import ANEW_S
from gateway.live.upkeep import PASS_S
from partner_agent.wire.limits import LEASE_PERIOD_S
from tests.support.live import OPERATOR, Plane
from tests.support.relay_lab import KEY, lab
from tests.support.waiting import until

pytestmark = pytest.mark.anyio


async def test_at_its_horizon_a_view_is_decided_again(plane: Plane):
    """Still permitted: it goes on to the next horizon, but its seconds are never extended."""
    plane.decider.horizon_s, plane.decider.seconds = 60, 100
    session = await plane.accepted()
    await plane.sessions.upkeep.relay_said(protocol.ViewerUp(session=session.id, srtp_profile="GCM"))
    plane.clock.advance(60)

    await plane.sessions.upkeep.beat()

    assert (await plane.read(session.id)).is_open
    assert plane.relay.admitted[session.id] == pytest.approx(40)
    shown = await plane.sessions.live.view(OPERATOR, session.id)  # by it the page reckons the time that is left
    assert shown.horizon_at == session.horizon_at + timedelta(seconds=40)
    plane.clock.advance(40)
    await plane.sessions.upkeep.beat()
    ended = await plane.read(session.id)
    assert (ended.end_reason, words_of(ended)) == (EndReason.TIME, Words.ENDED_BY_RULES)


async def test_a_view_is_decided_again_as_its_horizon_comes_and_not_at_the_next_lease(plane: Plane):
    """From then on the relay shows nothing: between two beats it would be seconds, and a view might be given up."""
    plane.decider.horizon_s, plane.decider.seconds = 60, 600
    session = await plane.accepted()
    await plane.sessions.upkeep.relay_said(protocol.ViewerUp(session=session.id, srtp_profile="GCM"))
    plane.clock.advance((session.horizon_at - plane.clock.now()).total_seconds() - LEASE_PERIOD_S / 2)
    decided_at: list[datetime] = []
    decide = plane.decider.decide

    async def noted(question: ViewQuestion) -> ViewPermit | ViewDeny:
        decided_at.append(plane.clock.now())
        return await decide(question)

    plane.decider.decide = noted  # type: ignore[method-assign]

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(plane.sessions.upkeep.run)
        await until(lambda: decided_at)
        tasks.cancel_scope.cancel()

    assert decided_at[0] - session.horizon_at < timedelta(milliseconds=10)


async def test_many_that_are_decided_again_at_once_do_not_keep_leases_waiting(plane: Plane):
    """What a pass has no time for is done at the next look."""
    plane.decider.horizon_s, plane.decider.seconds = 60, 600
    sessions = [await plane.accepted() for _ in range(3)]
    for session in sessions:
        await plane.sessions.upkeep.relay_said(protocol.ViewerUp(session=session.id, srtp_profile="GCM"))
    plane.clock.advance(60)
    decide = plane.decider.decide

    async def slow(question: ViewQuestion) -> ViewPermit | ViewDeny:
        plane.clock.advance(PASS_S * 0.75)
        return await decide(question)

    plane.decider.decide = slow  # type: ignore[method-assign]

    decided = []
    for _ in range(2):
        await plane.sessions.upkeep.beat()
        seen = [await plane.sessions.live.view(OPERATOR, session.id) for session in sessions]
        decided.append(sum(one.horizon_at > plane.clock.now() for one in seen if one))

    assert decided == [2, 3]


async def test_a_horizon_that_a_change_brings_nearer_meanwhile_stands(plane: Plane):
    """The answer that was on its way knew nothing of it."""
    plane.decider.horizon_s, plane.decider.seconds = 60, 600
    session = await plane.accepted()
    await plane.sessions.upkeep.relay_said(protocol.ViewerUp(session=session.id, srtp_profile="GCM"))
    plane.clock.advance(60)
    nearer = plane.clock.now() + timedelta(seconds=5)
    decide = plane.decider.decide

    async def overtaken(question: ViewQuestion) -> ViewPermit | ViewDeny:
        answer = await decide(question)
        seat = plane.sessions.upkeep._board.get(session.id)
        assert seat is not None
        seat.follow(horizon_at=nearer)
        return answer

    plane.decider.decide = overtaken  # type: ignore[method-assign]
    await plane.sessions.upkeep.beat()

    shown = await plane.sessions.live.view(OPERATOR, session.id)
    assert shown is not None
    assert shown.horizon_at == nearer


async def test_at_its_horizon_a_view_that_is_no_longer_permitted_ends(plane: Plane):
    """A window that closed, an end date reached: ended by the sharing rules."""
    plane.decider.horizon_s = 60
    session = await plane.accepted()
    plane.decider.deny()
    plane.clock.advance(60)

    await plane.sessions.upkeep.beat()

    assert words_of(await plane.read(session.id)) is Words.ENDED_BY_RULES


async def test_a_session_ends_at_its_horizon_however_often_it_is_leased():
    """The end that was decided at the start stands."""
    async with lab() as relay:
        relay.admit(valid_s=8)
        relay.clock.advance(5)
        relay.engine.lease(["ses_1"])

        relay.clock.advance(3)
        for _ in range(int(ANEW_S)):
            relay.engine.lease(["ses_1"])
            relay.engine.sweep()
            assert relay.reasons() == []
            relay.clock.advance(1)
        relay.engine.sweep()

        assert relay.reasons() == ["horizon"]


async def test_at_its_horizon_a_session_waits_for_another_decision_and_shows_nothing_meanwhile():
    """However long that takes, up to its limit: then it goes on as it was."""
    async with lab() as relay:
        publisher = await relay.publish()
        viewer = await relay.view()
        relay.admit(valid_s=8)
        await until(lambda: len(viewer.rtp) == len(KEY))
        for _ in range(2):  # few looks: whoever reads answers them in a time that does not pass here
            relay.clock.advance(8)
            relay.engine.lease(["ses_1"])
            relay.engine.sweep()
            await relay.picture(publisher)
        assert len(viewer.rtp) == len(KEY)

        assert relay.admit(valid_s=60)
        await relay.picture(publisher)

        await until(lambda: len(viewer.rtp) == 2 * len(KEY))
        assert relay.reasons() == []
