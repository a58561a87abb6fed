"""A site that gives all it may: the one denial whose cause an operator is told, and only of a camera they may watch."""

import dataclasses
from types import SimpleNamespace
from typing import Any

import pytest

from gateway.app.live import SharingDecider
from gateway.kernel.database import Database
from gateway.kernel.principal import Principal
from gateway.live import ViewDeny, ViewPermit, ViewQuestion
from policies.clauses import Live
from policies.request import Usage
from tests.fakes.clock import FakeClock
from tests.fakes.ids import SequentialIds
from tests.support.sharing import incident, operator, sharing_world, usual

pytestmark = pytest.mark.anyio


class OneIncident:
    """Everybody's."""

    def __init__(self, one: Any) -> None:
        self.one = one
        self.reads = 0

    async def incident(self, principal: Principal, incident_id: str) -> Any:
        del principal, incident_id
        self.reads += 1
        return self.one


class NobodyElse:
    """No second person stands beside anybody."""

    async def second_of(self, *_asked: Any, **_of: Any) -> str:
        return ""


async def decided(database: Database, clock: FakeClock, ids: SequentialIds, *, live: Live, usage: Usage) -> Any:
    """What the centre says of a camera shared like that, at a site that gives this much."""
    w = sharing_world(database, clock=clock, ids=ids)
    owner, site, cameras = await w.shop()
    agent = w.pair(site, cameras)
    await w.answer(owner, site, dataclasses.replace(usual(*cameras), live=live, emergency=False))
    await w.deliver(agent)
    w.given.by_site[site.id] = usage
    one = incident(clock)
    decider: Any = SharingDecider(
        decisions=w.decisions,
        incidents=OneIncident(one),
        people=SimpleNamespace(),  # type: ignore[arg-type]
        emergency=SimpleNamespace(emergencies=NobodyElse()),  # type: ignore[arg-type]
    )
    question = ViewQuestion(principal=operator(), camera_id=cameras[0].id, purpose="violent_crime", incident_id=one.id)
    return await decider.decide(question)


FULL = Usage(views_now=256)


async def test_a_camera_that_is_not_shared_never_reads_like_a_full_site(sqlite_database, clock, ids):
    """Its denial is the owner's, however much the site gives: the cause stays untold."""
    answer = await decided(sqlite_database, clock, ids, live=Live.NEVER, usage=FULL)

    assert isinstance(answer, ViewDeny)
    assert not answer.is_full


async def test_a_full_site_denies_as_full_what_it_would_permit(sqlite_database, clock, ids):
    """The same camera for the same person: denied as full, and permitted once the site gives less."""
    denied = await decided(sqlite_database, clock, ids, live=Live.NEARBY, usage=FULL)

    assert isinstance(denied, ViewDeny)
    assert denied.is_full
    assert denied.reason == "totals"


async def test_a_site_with_room_permits(sqlite_database, clock, ids):
    """What it gives already is no reason while it may give more."""
    answer = await decided(sqlite_database, clock, ids, live=Live.NEARBY, usage=Usage(views_now=1))

    assert isinstance(answer, ViewPermit)


async def test_a_wall_reads_once_what_its_views_have_in_common(sqlite_database, clock, ids):
    """The incident and what the site gives; the next wall, and a view that is opened alone, read anew."""
    w = sharing_world(sqlite_database, clock=clock, ids=ids)
    owner, site, cameras = await w.shop()
    agent = w.pair(site, cameras)
    await w.answer(owner, site, dataclasses.replace(usual(*cameras), live=Live.NEARBY, emergency=False))
    await w.deliver(agent)
    reason = OneIncident(incident(clock))
    decider = SharingDecider(
        decisions=w.decisions,
        incidents=reason,
        people=SimpleNamespace(),  # type: ignore[arg-type]
        emergency=SimpleNamespace(emergencies=NobodyElse()),  # type: ignore[arg-type]
    )
    questions = [
        ViewQuestion(principal=operator(), camera_id=one.id, purpose="violent_crime", incident_id=reason.one.id)
        for one in cameras
    ]
    wall = decider.together()
    permitted = [isinstance(await wall.decide(question), ViewPermit) for question in questions]
    of_the_wall = reason.reads, w.given.reads
    w.given.by_site[site.id] = FULL
    later = [await decider.together().decide(questions[0]), await decider.decide(questions[0])]

    assert len(cameras) > 1
    assert all(permitted)
    assert of_the_wall == (1, 1)
    assert all(isinstance(one, ViewDeny) and one.is_full for one in later)
