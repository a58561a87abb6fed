"""A wall of views: one question, one transaction, an answer for each; and steps that are written together."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import anyio
import pytest
from sqlalchemy.exc import OperationalError

from gateway.audit import Kind, LeafDraft
from gateway.kernel.database import UnitOfWork
from gateway.kernel.errors import (
    ConflictError,
    DeniedError,
    InvalidError,
    LimitedError,
    NotFoundError,
    UnavailableError,
)
from gateway.live import OpenedView, SessionState, ViewDeny, ViewPermit, ViewQuestion
from gateway.live.model import step
from gateway.live.opening import MAX_OPEN_PER_PERSON, MOST_AT_ONCE, Opened, ViewWish
from gateway.live.steps import Step, Steps
from gateway.live.store import SqlSessions
from tests.support.live import BROWSER, CAMERA, INCIDENT, OPERATOR, ORGANISATION, SITE, Plane, made_up

pytestmark = pytest.mark.anyio
WALL = tuple(made_up("cam", 100 + number) for number in range(9))


def wish(camera: str, **changes: Any) -> ViewWish:
    """A wish for one camera."""
    values: dict[str, Any] = {"camera_id": camera, "purpose": "violent_crime", "fingerprint": BROWSER}
    return ViewWish(**(values | {"incident_id": INCIDENT} | changes))


async def open_wall(plane: Plane, *wishes: ViewWish) -> list[Opened]:
    """Ask for all of them."""
    return await plane.sessions.live.open_several(OPERATOR, wishes)


def answers(plane: Plane, by_camera: dict[str, ViewDeny | Exception]) -> None:
    """Let the decider answer some cameras otherwise."""
    usual = plane.decider.decide

    async def decide(question: ViewQuestion) -> ViewPermit | ViewDeny:
        match by_camera.get(question.camera_id):
            case Exception() as error:
                raise error
            case ViewDeny() as deny:
                return deny
        permit = await usual(question)
        return replace(permit, camera_id=question.camera_id) if isinstance(permit, ViewPermit) else permit

    plane.decider.decide = decide  # type: ignore[method-assign]


async def test_a_denial_takes_nothing_from_the_others(plane: Plane):
    """One is denied and is a leaf, one is not there and leaves no trace; the seven others are opened."""
    deny = ViewDeny(reason="not_shared", layer="sharing", remedies=(), site_id=SITE, organisation_id=ORGANISATION)
    answers(plane, {WALL[2]: deny, WALL[5]: NotFoundError("There is no such camera.")})

    opened = await open_wall(plane, *map(wish, WALL))

    assert isinstance(opened[2], DeniedError)
    assert isinstance(opened[5], NotFoundError)
    views = [one for one in opened if isinstance(one, OpenedView)]
    assert len(views) == 7
    assert len({one.ticket for one in views}) == 7
    assert await plane.kinds(WALL[2]) == ["view.denied"]
    assert await plane.kinds(WALL[5]) == []
    for one in views:
        await plane.in_state(one.session_id, "accepted")
        assert (await plane.kinds(one.session_id))[:2] == ["view.requested", "grant.issued"]
    assert len({read.grant.jti for read in plane.site.grants}) == 7


async def test_the_views_of_a_wall_are_decided_together_and_the_next_wall_by_itself(plane: Plane):
    """What they have in common is good for one moment."""
    before = plane.decider.walls
    await open_wall(plane, *map(wish, WALL))
    assert plane.decider.walls == before + 1
    await open_wall(plane, wish(CAMERA))
    assert plane.decider.walls == before + 2


async def test_all_of_a_wall_is_one_transaction(plane: Plane):
    """A wall whose last leaf cannot be written opens nothing: no session, no grant, no seat."""
    answers(plane, {})
    whole = plane.audit.append_all
    written: list[LeafDraft] = []

    async def fails_late(unit: UnitOfWork, drafts: Sequence[LeafDraft]) -> Any:
        written.extend(drafts)
        if len(written) == 2 * len(WALL):
            raise OperationalError("disk full", None, Exception())
        return await whole(unit, drafts)

    plane.audit.append_all = fails_late  # type: ignore[method-assign]
    with pytest.raises((OperationalError, UnavailableError)):
        await open_wall(plane, *map(wish, WALL))

    assert await plane.kinds() == []
    assert plane.sessions.live.running() == []
    assert plane.site.grants == []


async def test_a_word_that_was_used_up_costs_only_its_own_view(plane: Plane):
    """A view on a second person's word is written by itself: its conflict leaves the others as they are."""
    answers(plane, {})
    plane.decider.second_id = made_up("per", 7)
    plane.consequences.is_used_up = False
    whole = plane.consequences.of_view

    async def used_up(unit: UnitOfWork, session: Any, permit: ViewPermit, *, confirmation_id: str) -> None:
        if confirmation_id:
            raise ConflictError("This is over.")
        await whole(unit, session, permit, confirmation_id=confirmation_id)

    plane.consequences.of_view = used_up  # type: ignore[method-assign]
    opened = await open_wall(plane, wish(WALL[0], confirmation_id="word"), wish(WALL[1]))

    assert isinstance(opened[0], ConflictError)
    assert isinstance(opened[1], OpenedView)
    assert await plane.kinds(WALL[0]) == []


async def test_a_wall_that_is_too_large_is_cut_where_the_person_s_limit_is(plane: Plane):
    """What fits is opened; the rest is not even decided."""
    for _ in range(MAX_OPEN_PER_PERSON - 2):
        await plane.open()
    plane.decider.asked.clear()

    opened = await open_wall(plane, *map(wish, WALL[:4]))

    assert [type(one) for one in opened] == [OpenedView, OpenedView, LimitedError, LimitedError]
    assert len(plane.decider.asked) == 2


async def test_walls_that_are_opened_at_once_share_the_person_s_limit(plane: Plane):
    """Whoever asks while another wall is being decided finds its places taken; a refusal gives them back."""
    opened: list[Opened] = []

    async def one() -> None:
        opened.extend(await open_wall(plane, *[wish(CAMERA)] * MOST_AT_ONCE))

    async with anyio.create_task_group() as tasks:
        for _ in range(3):
            tasks.start_soon(one)

    assert sum(isinstance(each, OpenedView) for each in opened) == MAX_OPEN_PER_PERSON
    for each in opened:
        if isinstance(each, OpenedView):
            await plane.sessions.live.leave(OPERATOR, each.session_id)
    assert [type(each) for each in await open_wall(plane, wish(CAMERA))] == [OpenedView]


async def test_one_certificate_that_is_none_is_refused_alone(plane: Plane):
    """The others are opened; no ticket that binds no browser is made."""
    opened = await open_wall(plane, wish(WALL[0], fingerprint="AB:CD"), wish(CAMERA))

    assert [type(one) for one in opened] == [InvalidError, OpenedView]


@pytest.fixture
def steps(plane: Plane) -> Steps:
    """The writer of steps over the plane's log."""
    return Steps(database=plane.database, store=SqlSessions(plane.database), audit=plane.audit)


def acceptance(session_id: str, plane: Plane) -> Step:
    """The step a site's yes makes."""
    leaf = LeafDraft(kind=Kind.VIEW_ACCEPTED, streams=frozenset({session_id}), once=f"test {session_id}")
    return Step(session_id, step(SessionState.ACCEPTED, accepted_at=plane.clock.now()), leaf)


async def waiting_sessions(plane: Plane, count: int) -> list[str]:
    """Sessions that wait for their site."""
    plane.site.gate = anyio.Event()
    return [(await plane.open()).session_id for _ in range(count)]


async def test_steps_that_wait_are_one_transaction(plane: Plane, steps: Steps):
    """Five acceptances at once take two transactions: the first, and all that gathered meanwhile."""
    sessions = await waiting_sessions(plane, 5)
    whole, commits = plane.database.unit_of_work, []
    plane.database.unit_of_work = lambda: (commits.append(1), whole())[1]  # type: ignore[method-assign]

    async with anyio.create_task_group() as tasks:
        for session in sessions:
            tasks.start_soon(steps.take, acceptance(session, plane))

    plane.database.unit_of_work = whole  # type: ignore[method-assign]
    assert len(commits) <= 2
    assert {(await plane.read(session)).state for session in sessions} == {SessionState.ACCEPTED}
    assert all([(await plane.kinds(session))[-1] == "view.accepted" for session in sessions])


async def test_a_step_that_cannot_be_written_is_its_own_concern(plane: Plane, steps: Steps):
    """The shared transaction fails; each is tried alone, and only the one with the used leaf fails."""
    first, second, third = await waiting_sessions(plane, 3)
    await steps.take(acceptance(first, plane))
    again = Step(second, acceptance(second, plane).change, acceptance(first, plane).leaf)  # its leaf is there already
    failed: list[Exception] = []

    async def take(one: Step) -> None:
        try:
            await steps.take(one)
        except ConflictError as error:
            failed.append(error)

    async with anyio.create_task_group() as tasks:
        for one in (acceptance(third, plane), again):
            tasks.start_soon(take, one)

    assert len(failed) == 1
    assert (await plane.read(third)).state is SessionState.ACCEPTED
    assert (await plane.read(second)).state is SessionState.REQUESTED


async def test_a_step_from_a_state_that_is_over_writes_nothing(plane: Plane, steps: Steps):
    """A late acceptance reopens nothing and is no leaf."""
    (session,) = await waiting_sessions(plane, 1)
    await plane.sessions.live.leave(OPERATOR, session)

    assert await steps.take(acceptance(session, plane)) is False
    assert "view.accepted" not in await plane.kinds(session)
