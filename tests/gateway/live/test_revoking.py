"""Running views when something is taken back: pictures first, nothing that began too early escapes, no lease unseen."""

from collections.abc import AsyncIterator
from pathlib import Path

import anyio
import pytest

from gateway.app.live import follow_rules
from gateway.kernel.database import Database
from gateway.kernel.errors import DeniedError, UnavailableError
from gateway.kernel.generations import AGREEMENT, ORDINANCE
from gateway.live import EndReason
from gateway.sharing import NETWORK, Freshness
from tests.fakes.clock import FakeClock
from tests.fakes.generations import FakeGenerations
from tests.support.live import (
    INCIDENT,
    OPERATOR,
    ORGANISATION,
    SITE,
    Plane,
    live_plane,
    made_up,
)
from tests.support.waiting import until

pytestmark = pytest.mark.anyio


@pytest.fixture
async def plane(sqlite_database: Database, tmp_path: Path) -> AsyncIterator[Plane]:
    """Live views; the database is not the question here."""
    async with live_plane(sqlite_database, tmp_path) as running:
        yield running


async def test_every_picture_stops_before_the_first_end_is_written(plane: Plane):
    """A change that ends ten views: few orders to the relay drop all, and only then their ends are written and told."""
    sessions = [await plane.accepted() for _ in range(10)]
    written_at_drop: list[int] = []
    plane.decider.deny()

    async def note() -> None:
        written_at_drop.append(len(plane.site.ends))

    plane.relay.on_drop = note

    assert await plane.sessions.live.rules_changed() == 10

    assert written_at_drop == [0, 0]
    dropped = [order[1:] for order in plane.relay.orders if order[0] == "drop"]
    assert dropped == [tuple(each.id for each in sessions[:8]), tuple(each.id for each in sessions[8:])]
    assert [(await plane.read(each.id)).end_reason for each in sessions] == [EndReason.RULES] * 10
    assert {end.session for end in plane.site.ends} == {each.id for each in sessions}


async def test_the_switch_stops_pictures_without_deciding(plane: Plane):
    """An owner shares nothing any more: one order ends all of theirs before anything is decided about others."""
    sessions = [await plane.accepted() for _ in range(10)]
    asked = len(plane.decider.asked)
    plane.decider.off.add(ORGANISATION)

    assert await plane.sessions.live.rules_changed() == 10

    dropped = [order[1:] for order in plane.relay.orders if order[0] == "drop"]
    assert dropped == [tuple(each.id for each in sessions)]
    assert len(plane.decider.asked) == asked
    assert [(await plane.read(each.id)).end_reason for each in sessions] == [EndReason.RULES] * 10


async def test_somebody_elses_switch_ends_nothing(plane: Plane):
    """Others decide as always."""
    session = await plane.accepted()
    plane.decider.off.add(made_up("org", 77))

    assert await plane.sessions.live.rules_changed() == 0
    assert [each.id for each in plane.sessions.live.running()] == [session.id]


async def test_a_view_that_cannot_be_decided_again_ends(plane: Plane):
    """Something it stands on changed, and nobody can say whether it is still permitted: it is not."""
    session = await plane.accepted()

    async def fails(_question: object) -> None:
        raise UnavailableError("the database is gone")

    plane.decider.decide = fails  # type: ignore[method-assign, assignment]
    assert await plane.sessions.live.rules_changed() == 1

    assert (await plane.read(session.id)).end_reason is EndReason.RULES


async def test_what_changed_between_decision_and_board_is_looked_at_again(plane: Plane):
    """The owner takes it back while the view is being written: nobody asks the site, and the viewer is refused."""
    original = plane.decider.decide

    async def decides_just_before(question):  # type: ignore[no-untyped-def]
        answer = await original(question)
        plane.freshness.stamp += 1
        plane.decider.deny()
        return answer

    plane.decider.decide = decides_just_before  # type: ignore[method-assign]

    with pytest.raises(DeniedError, match=r"^Not available for this purpose\.$"):
        await plane.open()

    assert plane.site.grants == []
    assert plane.sessions.live.running() == []
    assert (await plane.kinds())[-1] in {"view.failed", "view.ended"}


async def test_a_change_of_something_else_does_not_refuse(plane: Plane):
    """Something changed meanwhile that does not matter here: decided once more, and shown."""
    original = plane.decider.decide

    async def decides_just_before(question):  # type: ignore[no-untyped-def]
        plane.freshness.stamp += 1
        return await original(question)

    plane.decider.decide = decides_just_before  # type: ignore[method-assign]

    await plane.accepted()
    assert len(plane.decider.asked) == 2


async def test_a_lease_that_overtakes_the_answer_to_an_admission_names_the_view(plane: Plane):
    """The relay ends whatever a lease leaves out: a view that begins at that very moment must be in it."""
    plane.relay.on_admit = plane.sessions.upkeep.beat
    session = await plane.accepted()
    assert plane.relay.leased == [[session.id]]


async def test_an_unconfirmed_process_renews_no_lease(plane: Plane):
    """Neither relay nor site hears from it, so everything there ends by itself; then it goes on."""
    session = await plane.accepted()
    plane.freshness.is_confirmed = False
    await plane.sessions.upkeep.beat()
    assert plane.relay.leased == []
    assert plane.site.leases == []

    plane.freshness.is_confirmed = True
    await plane.sessions.upkeep.beat()
    assert plane.relay.leased == [[session.id]]


async def test_a_process_that_stood_still_looks_once_more_and_renews(plane: Plane):
    """One slow second on a busy machine costs a look, not everybody's pictures."""
    session = await plane.accepted()
    plane.freshness.is_confirmed, plane.freshness.can_look = False, True

    await plane.sessions.upkeep.beat()
    assert plane.relay.leased == [[session.id]]


async def test_taking_away_works_while_unconfirmed(plane: Plane):
    """A viewer who leaves, and a change of rules that is heard of, end views as always."""
    first, second = await plane.accepted(), await plane.accepted()
    plane.freshness.is_confirmed = False

    await plane.sessions.live.leave(OPERATOR, first.id)
    plane.decider.deny()
    assert await plane.sessions.live.rules_changed() == 1

    assert [order for order in plane.relay.orders if order[0] == "drop"] == [("drop", first.id), ("drop", second.id)]


AGENCY = OPERATOR.organisation_id


@pytest.mark.parametrize(
    "scope", [SITE, ORGANISATION, INCIDENT, OPERATOR.person_id, AGENCY, NETWORK, AGREEMENT, ORDINANCE]
)
async def test_each_scope_of_a_view_decides_it_again(plane: Plane, scope: str):
    """Whatever of it changed, in whichever process: the views that stand on it are decided again, others are not."""
    generations = FakeGenerations()
    freshness = Freshness(generations=generations, clock=FakeClock())
    await freshness.look()
    session = await plane.accepted()
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(follow_rules, plane.sessions.live, freshness)
        await anyio.wait_all_tasks_blocked()
        asked = len(plane.decider.asked)
        plane.decider.deny()
        generations.change(made_up("sit", 77))
        await freshness.look()
        await anyio.wait_all_tasks_blocked()
        assert len(plane.decider.asked) == asked

        generations.change(scope)
        generations.change(scope)  # twice is as good as once
        await freshness.look()
        await until(lambda: not plane.sessions.live.running())
        tasks.cancel_scope.cancel()

    await plane.in_state(session.id, "ended")
