"""An end goes to its end: also where its caller has gone, where nobody asked the site yet, or deciding broke off."""

from collections.abc import Iterator
from contextlib import contextmanager

import anyio
import pytest

from gateway.app.live import follow_rules
from gateway.audit import LeafRef
from gateway.live import EndReason, OpenedView, ViewDeny, ViewPermit, ViewQuestion
from gateway.live.opening import ViewWish
from gateway.live.upkeep import UNSEEN_S
from gateway.sharing import Freshness
from tests.fakes.clock import FakeClock
from tests.fakes.generations import FakeGenerations
from tests.support.live import BROWSER, CAMERA, INCIDENT, OPERATOR, SUPERVISOR, Plane

pytestmark = pytest.mark.anyio


@contextmanager
def stuck(plane: Plane) -> Iterator[None]:
    """Nothing can be written while inside the block, and nothing fails."""
    append = plane.audit.append

    async def never(*_: object) -> LeafRef:
        await anyio.sleep_forever()
        raise AssertionError

    plane.audit.append = never  # type: ignore[method-assign]
    yield
    plane.audit.append = append  # type: ignore[method-assign]


async def ended(plane: Plane, session_id: str) -> tuple[str, int]:
    """How the row stands, and how many entries tell of the end."""
    kinds = await plane.kinds(session_id)
    return (await plane.read(session_id)).state, sum(kind in {"view.ended", "session.stopped"} for kind in kinds)


async def test_an_end_whose_caller_goes_while_the_relay_is_asked_is_an_end(plane: Plane):
    """It is off the board by then, so nobody could end it later: stopped, told to the site, and owed to the log."""
    session = await plane.accepted()

    async def slow() -> None:
        await anyio.sleep(0.1)

    plane.relay.on_drop = slow
    with anyio.move_on_after(0.02) as limit:
        await plane.sessions.live.leave(OPERATOR, session.id)
    assert limit.cancelled_caught
    assert [end.session for end in plane.site.ends] == [session.id]

    await plane.sessions.upkeep.beat()

    assert await ended(plane, session.id) == ("ended", 1)


async def test_an_end_whose_caller_goes_while_it_is_written_is_an_end(plane: Plane):
    """However many times it is tried afterwards, there is one entry."""
    session = await plane.accepted()
    with stuck(plane), anyio.move_on_after(0.05) as limit:
        await plane.sessions.live.leave(OPERATOR, session.id)
    assert limit.cancelled_caught
    assert [end.session for end in plane.site.ends] == [session.id]

    await plane.sessions.upkeep.beat()
    await plane.sessions.upkeep.beat()

    assert await ended(plane, session.id) == ("ended", 1)


async def test_rules_that_end_several_end_all_whoever_goes(plane: Plane):
    """The first cannot be written yet; the second is told to its site all the same."""
    sessions = [await plane.accepted(), await plane.accepted(incident_id="")]
    plane.decider.deny()
    with stuck(plane), anyio.move_on_after(0.1) as limit:
        await plane.sessions.live.rules_changed()
    assert limit.cancelled_caught
    assert {end.session for end in plane.site.ends} == {session.id for session in sessions}

    await plane.sessions.upkeep.beat()

    assert [await ended(plane, session.id) for session in sessions] == [("ended", 1)] * 2


async def test_a_view_that_nobody_asked_for_keeps_no_place(plane: Plane):
    """Whatever broke off between its entry and the question to its site."""
    plane.site.gate = anyio.Event()
    opened = await plane.open()
    plane.clock.advance(UNSEEN_S - 1)
    await plane.sessions.upkeep.beat()
    assert (await plane.read(opened.session_id)).state == "requested"

    plane.clock.advance(1)
    await plane.sessions.upkeep.beat()

    over = await plane.read(opened.session_id)
    assert (over.state, over.end_reason) == ("failed", EndReason.CANNOT_START)


async def test_a_view_that_is_stopped_before_its_site_is_asked_is_not_asked_for(plane: Plane):
    """Something changed while a wall was decided; while its first view is decided again, somebody stops its second."""
    original, stopped = plane.decider.decide, list[str]()

    async def decide(question: ViewQuestion) -> ViewPermit | ViewDeny:
        plane.freshness.stamp += not question.without_session
        if question.without_session and not stopped:
            stopped.extend(one.id for one in plane.sessions.live.running() if one.id != question.without_session)
            await plane.sessions.live.stop(SUPERVISOR, stopped[0])
        return await original(question)

    plane.decider.decide = decide  # type: ignore[method-assign]
    wish = ViewWish(camera_id=CAMERA, purpose="violent_crime", incident_id=INCIDENT, fingerprint=BROWSER)

    first, second = await plane.sessions.live.open_several(OPERATOR, [wish, wish])

    assert isinstance(first, OpenedView)
    await plane.in_state(first.session_id, "accepted")
    assert isinstance(second, OpenedView)
    assert stopped == [second.session_id]
    assert len(plane.site.grants) == 1


async def test_a_view_that_cannot_be_decided_is_over_and_the_next_one_is_looked_at(plane: Plane):
    """Whatever the fault is: who cannot decide does not permit, and one view's fault keeps no other running."""
    sessions = [await plane.accepted(), await plane.accepted(incident_id="")]

    async def breaks(_question: object) -> None:
        raise ZeroDivisionError

    plane.decider.decide = breaks  # type: ignore[method-assign, assignment]

    assert await plane.sessions.live.rules_changed() == 2
    assert {(await plane.read(session.id)).end_reason for session in sessions} == {EndReason.RULES}


async def test_what_changed_while_rules_were_not_followed_is_looked_at_first(plane: Plane):
    """It broke off with a change in its hand, and is started again: no further change has to come."""
    freshness = Freshness(generations=FakeGenerations(), clock=FakeClock())
    await freshness.look()
    session = await plane.accepted()
    plane.decider.deny()
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(follow_rules, plane.sessions.live, freshness)

        await plane.in_state(session.id, "ended")

        tasks.cancel_scope.cancel()
