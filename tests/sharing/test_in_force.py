"""An approved ordinance pack counts at once: in each process, for decisions, lists, views and what sites are sent."""

import dataclasses
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import anyio
import pytest
from sqlalchemy import text

from gateway.kernel.database import Database
from gateway.kernel.errors import UnavailableError
from gateway.kernel.principal import Principal, Role
from gateway.sharing import EVERYTHING, Decisions, Freshness, InForce, LawSpreader, Layering, Search
from gateway.sharing.freshness import UNCONFIRMED_S
from gateway.sharing.ordinance_store import SqlOrdinances
from gateway.sharing.ordinances import Ordinances
from policies.fields import PolicyError
from policies.request import Deny, Permit
from policies.vocabulary import Layer
from tests.policies.build import PACK, PACK_DOCUMENT
from tests.sharing.test_freshness import ask
from tests.support.ordinances import enact
from tests.support.sharing import SharingWorld, incident, operator, sharing_world, usual

pytestmark = pytest.mark.anyio

CITE = "Ordinance 2026-20, section 1: nobody watches."


def pack_without(act: str, **limits: object) -> dict[str, Any]:
    """The pack of the tests, with one more act forbidden."""
    no = {"id": "no_more", "scope": "any", "acts": [act], "purposes": "any", "technologies": "any",
          "condition": "always", "cite": CITE}  # fmt: skip
    old = PACK_DOCUMENT
    rules = sorted([*old["rules"], {**no, "purposes": ["any"], "technologies": ["any"]}], key=lambda one: one["id"])
    return {**old, "rules": rules, "limits": {**old["limits"], **limits}}


BLIND = json.dumps(pack_without("live.view"))
OPEN = json.dumps(PACK_DOCUMENT)


@pytest.fixture
def w(database, clock, ids) -> SharingWorld:
    """A gateway's process, on each database."""
    return sharing_world(database, clock=clock, ids=ids)


@pytest.fixture
def ordinances(w, ids) -> Ordinances:
    """The ordinance's use cases, in that process."""
    return Ordinances(
        database=w.base.database, rows=SqlOrdinances(w.base.database), log=w.base.audit, clock=w.clock, ids=ids
    )


@pytest.fixture
def spreader(w) -> LawSpreader:
    """What brings a pack to the sites, in that process."""
    law = w.book.ordinance
    made = LawSpreader(freshness=w.freshness, ordinance=law, rows=w.rows, outbox=w.outbox, clock=w.clock)
    made.begin()
    return made


async def shared(w: SharingWorld) -> tuple[str, Any]:
    """A shop that shares its cameras; its agent, and a camera."""
    owner, site, cameras = await w.shop()
    agent = w.pair(site, cameras)
    await w.answer(owner, site, usual(*cameras))
    await w.deliver(agent)
    return agent, cameras[0]


@asynccontextmanager
async def another_process(w: SharingWorld) -> AsyncIterator[SharingWorld]:
    """A second gateway process over the same database."""
    database = Database(w.base.database.url)
    law = InForce(start=PACK_DOCUMENT, rows=SqlOrdinances(database))
    freshness = Freshness(generations=database, clock=w.clock, take_over=law.take_over)
    layering = Layering(rows=w.rows, book=w.book, ordinance=law, agency=w.layering.agency, freshness=freshness)
    decisions = Decisions(cameras=w.base.cameras, layering=layering, freshness=freshness, clock=w.clock)
    try:
        yield dataclasses.replace(w, layering=layering, decisions=decisions, freshness=freshness)
    finally:
        await database.close()


async def test_what_it_forbids_is_refused_from_the_next_decision_on(w, ordinances):
    """A person, the list, and what the answer stood on; then the pack of before is approved again, and permits."""
    _, camera = await shared(w)
    assert isinstance(await ask(w, camera), Permit)
    await enact(ordinances, BLIND)

    denied = await ask(w, camera)
    assert isinstance(denied, Deny)
    assert (denied.layer, denied.rule) == (Layer.GUARDRAIL, "no_more")

    await enact(ordinances, OPEN)
    assert isinstance(await ask(w, camera), Permit)


async def test_lists_go_by_it_at_once_and_marks_stay(w, ordinances):
    """Marked cameras are listed by the new pack without being marked again."""
    _, camera = await shared(w)
    await w.marker.mark_all()
    marks = await w.base.cameras.marks()
    search = Search(principal=operator(), purpose="violent_crime", incident=incident(w.clock))
    for pack, is_open in ((BLIND, False), (OPEN, True)):
        await enact(ordinances, pack)
        near = await w.listing.list_near(
            search.principal, search.incident, purpose="violent_crime", radius_m=500, most=10
        )
        assert {one.availability.value == "available" for one in near if one.camera.id == camera.id} == {is_open}
    assert await w.base.cameras.marks() == marks


async def test_a_second_process_takes_it_over_before_it_decides_anything_newer(w, ordinances):
    """Not told, it decides by the old one for less than a second; then its look brings the pack, and it denies."""
    _, camera = await shared(w)
    async with another_process(w) as there:
        assert isinstance(await ask(there, camera), Permit)
        await enact(ordinances, BLIND)

        w.clock.advance(UNCONFIRMED_S)
        assert isinstance(await ask(there, camera), Deny)
        await enact(ordinances, OPEN)
        await there.freshness.look()
        assert isinstance(await ask(there, camera), Permit)


async def test_a_process_that_cannot_read_it_permits_nothing_and_says_so(w, ordinances):
    """Approved by a newer program: this one is unconfirmed from the look on, until another pack is approved."""
    _, camera = await shared(w)
    async with another_process(w) as there:
        assert isinstance(await ask(there, camera), Permit)
        await enact(ordinances, BLIND)
        await alter(w, "any", "anything")

        with there.freshness.changes() as changes:
            with pytest.raises(PolicyError):
                await there.freshness.look()
            assert await changes.get() == {EVERYTHING}  # whoever holds views decides them again, and ends them
        assert not there.freshness.is_confirmed
        with pytest.raises(UnavailableError):
            await ask(there, camera)
        law = there.layering._ordinance
        with pytest.raises(UnavailableError):
            await law.demand()

        w.clock.advance(0.1)
        await alter(w, "anything", "any")
        await enact(ordinances, OPEN)
        assert isinstance(await ask(there, camera), Permit)
        await law.demand()


async def alter(w: SharingWorld, old: str, new: str) -> None:
    """Change a word of every kept pack, as another version of the program would have written it."""
    async with w.base.database.unit_of_work() as unit:
        statement = text("UPDATE sharing_ordinance SET body = replace(body, :old, :new)")
        await unit.session.execute(statement, {"old": f'"{old}"', "new": f'"{new}"'})
        await unit.commit(unaudited="a test")


async def test_whoever_approves_last_decides_whatever_the_clocks_say(w, ordinances, clock):
    """A process whose clock is behind approves after another: its pack counts."""
    await enact(ordinances, BLIND)
    clock.advance(-3600)
    await enact(ordinances, OPEN)
    await w.freshness.look()

    assert w.book.guardrail == PACK


async def test_a_stricter_pack_reaches_the_sites_and_a_looser_one_waits_for_the_owner(w, ordinances, spreader):
    """The narrowing goes with the pack it names, also after the next change; the widening is proposed."""
    agent, _ = await shared(w)
    strict = await enact(ordinances, BLIND)
    await w.freshness.look()
    await spreader.spread()
    assert (await w.rows.answers((await w.book.agents.agent(agent)).site_id)).pending["guardrail"] == strict.pack.digest

    assert await w.deliver(agent) == ["ack"]
    assert (await w.policy_at(agent)).guardrail == strict.pack.digest
    await enact(ordinances, OPEN)
    await w.freshness.look()
    await spreader.spread()
    due = await w.outbox.due(agent, w.agents.held[agent])
    assert [(one.document["approve_by"] is not None, one.pack) for one in due] == [(True, PACK_DOCUMENT)]
    assert await w.deliver(agent, approves=False) == ["proposed"]
    assert (await w.policy_at(agent)).guardrail == strict.pack.digest


async def test_a_narrowing_on_its_way_travels_with_the_pack_that_it_names(w, ordinances, spreader):
    """A stricter pack was written down for a site, and a looser one approved before it could be told."""
    agent, _ = await shared(w)
    strict = await enact(ordinances, BLIND)
    await w.freshness.look()
    await spreader.spread()
    await enact(ordinances, OPEN)
    await w.freshness.look()
    await spreader.spread()

    (due,) = await w.outbox.due(agent, w.agents.held[agent])
    assert due.document["guardrail"] == strict.pack.digest
    assert due.pack == strict.document


async def test_sites_are_told_in_every_process_that_hears_of_it(w, ordinances, spreader):
    """The background work follows the change by itself; a site that could not be looked at is tried again."""
    agent, _ = await shared(w)
    w.agents.nudged.clear()
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(spreader.run)
        tasks.start_soon(w.freshness.run)
        await enact(ordinances, BLIND)
        with anyio.fail_after(5):
            while agent not in w.agents.nudged:
                await anyio.lowlevel.checkpoint()
        tasks.cancel_scope.cancel()


async def test_the_rank_that_a_pack_names_counts_for_the_next_second_person(w, ordinances):
    """A supervisor confirms, until a captain is asked for; a supervisor who is marked as one still does."""

    def supervisor(*marks: Role) -> Principal:
        roles = frozenset({Role.SUPERVISOR, *marks})
        return dataclasses.replace(operator(), person_id="per_" + "8" * 26, roles=roles)

    assert w.decisions.may_second(operator(), supervisor())
    limits = {**PACK_DOCUMENT["limits"], "second_person": "captain"}
    await enact(ordinances, json.dumps({**PACK_DOCUMENT, "limits": limits}))
    await w.freshness.look()

    assert not w.decisions.may_second(operator(), supervisor())
    assert w.decisions.may_second(operator(), supervisor(Role.CAPTAIN))


async def test_a_start_looks_at_no_site_again(w, ordinances):
    """The pack that was approved before the start is nothing new to sites, which are looked at when they connect."""
    agent, _ = await shared(w)
    await enact(ordinances, BLIND)
    await w.freshness.look()
    w.agents.nudged.clear()
    started = LawSpreader(
        freshness=w.freshness, ordinance=w.book.ordinance, rows=w.rows, outbox=w.outbox, clock=w.clock
    )
    started.begin()

    await started.spread()
    assert agent not in w.agents.nudged
