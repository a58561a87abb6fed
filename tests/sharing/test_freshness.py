"""A process permits only while it knows how things stand: what it hears, what it misses, and how it comes back."""

import dataclasses

import anyio
import pytest
from sqlalchemy import text

from gateway.kernel.database import Database
from gateway.kernel.errors import NotFoundError, UnavailableError
from gateway.kernel.generations import Reading
from gateway.sharing import EVERYTHING, Decisions, Freshness, Layering, Question
from gateway.sharing.freshness import MAX_WAITING, UNCONFIRMED_S, Changes
from gateway.sharing.store import SqlSharing
from policies.request import Deny, Permit
from policies.vocabulary import Act
from tests.fakes.generations import FakeGenerations
from tests.support.sharing import incident, operator, sharing_world, usual
from tests.support.waiting import until

pytestmark = pytest.mark.anyio


@pytest.fixture
def generations():
    """Counters that do what a test tells them."""
    return FakeGenerations()


@pytest.fixture
def freshness(generations, clock):
    """One process."""
    return Freshness(generations=generations, clock=clock)


async def demanded(freshness):
    """Whether anything may be permitted."""
    try:
        await freshness.demand()
    except UnavailableError:
        return False
    return True


async def test_a_process_that_never_looked_knows_nothing(freshness, generations):
    """Before the first look nothing is permitted, and with the database away nothing ever is."""
    generations.is_away = True

    assert not freshness.is_confirmed
    assert not await demanded(freshness)


async def test_unconfirmed_for_a_second_permits_nothing(freshness, generations, clock):
    """Up to a second after the last look it permits; then no more, and the sentence says what to do."""
    await freshness.look()
    generations.is_away = True
    clock.advance(UNCONFIRMED_S - 0.01)
    assert await demanded(freshness)

    clock.advance(0.02)
    with pytest.raises(UnavailableError, match=r"cannot see whether anything was taken back.*Try again"):
        await freshness.demand()


async def test_age_counts_from_the_question(freshness, generations, clock):
    """An answer that took long confirms how things stood when it was asked for, not when it came."""
    original = generations.generations_since

    async def slowly(seen):
        clock.advance(UNCONFIRMED_S + 0.1)
        return await original(seen)

    generations.generations_since = slowly
    await freshness.look()

    assert not freshness.is_confirmed


async def test_a_database_that_does_not_answer_is_not_waited_for(freshness, generations, clock):
    """A look that hangs ends by its deadline and permits nothing."""
    await freshness.look()
    generations.is_hanging = True
    clock.advance(UNCONFIRMED_S)

    with anyio.fail_after(2):
        assert not await demanded(freshness)


async def test_it_permits_again_as_soon_as_it_can_look(freshness, generations, clock):
    """The database is back: the next question looks, permits, and what changed meanwhile is told."""
    await freshness.look()
    generations.is_away = True
    clock.advance(5)
    assert not await demanded(freshness)
    with freshness.changes() as changes:
        generations.change("sit_1", is_heard=False)
        generations.is_away = False

        assert await demanded(freshness)
        with anyio.fail_after(1):
            assert await changes.get() == {"sit_1"}


async def test_lost_news_is_found_by_looking(freshness, generations):
    """Whatever was told to nobody is found by the next look, and by the running look within its period."""
    await freshness.look()
    with freshness.changes() as changes:
        generations.change("sit_1", "inc_1", is_heard=False)
        generations.change("sit_2", is_heard=False)
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(freshness.run)
            with anyio.fail_after(2):
                assert await changes.get() == {"sit_1", "inc_1", "sit_2"}
            generations.change("sit_3", is_heard=False)
            with anyio.fail_after(2):
                assert await changes.get() == {"sit_3"}
            tasks.cancel_scope.cancel()


async def test_news_is_followed_at_once(freshness, generations):
    """What is told is looked at without waiting for the period, and once told it is not told again."""
    with freshness.changes() as changes:
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(freshness.run)
            with anyio.fail_after(2):
                assert await changes.get() == {EVERYTHING}
            generations.change("sit_1")
            with anyio.fail_after(0.2):
                assert await changes.get() == {"sit_1"}
            with anyio.move_on_after(0.05) as waited:
                await changes.get()
            assert waited.cancelled_caught
            tasks.cancel_scope.cancel()


async def test_failing_looks_do_not_end_the_looking(freshness, generations):
    """With the database away it goes on trying, and says so once; afterwards everything is as it was."""
    generations.is_away = True
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(freshness.run)
        await until(lambda: generations.looks >= 2)
        generations.is_away = False
        await until(lambda: freshness.is_confirmed)
        tasks.cancel_scope.cancel()


async def test_one_look_that_failed_is_no_error_and_two_are_one(freshness, generations, caplog):
    """A process that starts may be late for its first look; whoever is called, is called once."""
    generations.is_away = True
    await freshness._try_to_look()
    assert not caplog.records
    for _ in range(3):
        await freshness._try_to_look()
    assert [(record.levelname, record.name) for record in caplog.records] == [("ERROR", "lenspact.sharing")]

    generations.is_away = False
    await freshness._try_to_look()
    assert [record.levelname for record in caplog.records] == ["ERROR", "WARNING"]


@pytest.mark.parametrize("broken", [ValueError("damaged"), RuntimeError("driver")])
async def test_whatever_keeps_it_from_looking_permits_nothing(freshness, generations, broken):
    """Any failure is as good as the database being away, and the looking goes on."""

    async def fails(_seen):
        raise broken

    generations.generations_since = fails

    assert not await demanded(freshness)


async def test_counters_that_go_back_mean_that_everything_changed(freshness, generations):
    """A database restored from an older copy: nothing known counts, and later changes are seen again."""
    generations.platform = 40
    await freshness.look()
    with freshness.changes() as changes:
        generations.platform, generations.stamps = 7, {}
        await freshness.look()
        with anyio.fail_after(1):
            assert await changes.get() == {EVERYTHING}
        assert freshness.stamp == 7
        generations.change("sit_9")
        await freshness.look()
        with anyio.fail_after(1):
            assert await changes.get() == {"sit_9"}


async def test_counters_that_jump_ahead_tell_what_changed(freshness, generations):
    """A gap is no trouble: what carries a later stamp is told, once."""
    await freshness.look()
    generations.platform = 1_000_000
    with freshness.changes() as changes:
        generations.change("sit_1")
        await freshness.look()
        with anyio.fail_after(1):
            assert await changes.get() == {"sit_1"}


@pytest.mark.parametrize("step_s", [3600, -3600])
async def test_a_clock_that_was_set_permits_nothing_by_itself(freshness, generations, clock, step_s):
    """A step of the wall clock, either way, costs one look; without the database it permits nothing."""
    await freshness.look()
    clock.step_wall(step_s)
    looks = generations.looks
    assert not freshness.is_confirmed

    assert await demanded(freshness)
    assert generations.looks == looks + 1
    clock.step_wall(step_s)
    generations.is_away = True
    assert not await demanded(freshness)


async def test_a_confirmed_process_does_not_ask_again(freshness, generations):
    """A decision costs no question of its own while the last look is young."""
    await freshness.look()
    looks = generations.looks

    for _ in range(100):
        await freshness.demand()

    assert generations.looks == looks


async def test_what_waits_is_bounded():
    """A follower that does not keep up is told that everything changed."""
    changes = Changes()
    changes.put(frozenset(f"sit_{number}" for number in range(MAX_WAITING + 1)))

    with anyio.fail_after(1):
        assert await changes.get() == {EVERYTHING}


# -- on real databases -------------------------------------------------------------------------------------------


@pytest.fixture
def w(database, clock, ids):
    """Sharing on a database of its own."""
    return sharing_world(database, clock=clock, ids=ids)


async def ask(w, camera):
    """The centre's answer to an operator who wants to watch for an incident nearby."""
    question = Question(
        principal=operator(),
        camera_id=camera.id,
        act=Act.LIVE_VIEW,
        purpose="violent_crime",
        incident=incident(w.clock),
    )
    return (await w.decisions.decide_for(question)).decision


async def test_a_decision_needs_a_confirmed_process(w):
    """What would be permitted is not, and says why, while generations cannot be read; a denial still is one."""
    owner, site, cameras = await w.shop()
    agent = w.pair(site, cameras)
    await w.answer(owner, site, usual(*cameras))
    await w.deliver(agent)
    assert isinstance(await ask(w, cameras[0]), Permit)
    async with w.base.database.unit_of_work() as unit:
        await unit.session.execute(text("ALTER TABLE sharing_generation RENAME COLUMN stamp TO lost"))
        await unit.commit(unaudited="the counters cannot be read from here on")
    w.clock.advance(UNCONFIRMED_S)

    with pytest.raises(UnavailableError, match="taken back"):
        await ask(w, cameras[0])
    w.agents.change(agent, is_paused=True)
    assert isinstance(await ask(w, cameras[0]), Deny)


async def test_what_was_read_counts_until_it_is_known_to_have_changed(w):
    """Another process reads a site once; after a change elsewhere its next look makes it read again, and deny."""
    owner, site, cameras = await w.shop()
    agent = w.pair(site, cameras)
    await w.answer(owner, site, usual(*cameras))
    await w.deliver(agent)
    elsewhere = Database(w.base.database.url)
    rows = CountingSharing(elsewhere)
    freshness = Freshness(generations=elsewhere, clock=w.clock)
    layering = Layering(
        rows=rows, book=w.book, ordinance=w.book.ordinance, agency=w.layering._agency, freshness=freshness
    )
    there = dataclasses.replace(
        w, decisions=Decisions(cameras=w.base.cameras, layering=layering, freshness=freshness, clock=w.clock)
    )
    for _ in range(3):
        assert isinstance(await ask(there, cameras[0]), Permit)
    assert rows.reads == 1

    await w.sharing.switch(owner, cameras[0], is_on=False)
    await freshness.look()

    with pytest.raises(NotFoundError):
        await ask(there, cameras[0])
    w.clock.advance(UNCONFIRMED_S)
    assert isinstance(await ask(there, cameras[1]), Permit)
    assert rows.reads == 2
    await elsewhere.close()


async def test_an_unconfirmed_process_uses_nothing_it_kept(w):
    """While generations cannot be read, what is kept is no word: rows are read, and nothing is permitted."""
    owner, site, cameras = await w.shop()
    agent = w.pair(site, cameras)
    await w.answer(owner, site, usual(*cameras))
    await w.deliver(agent)
    away = FakeGenerations()
    freshness = Freshness(generations=away, clock=w.clock)
    rows = CountingSharing(w.base.database)
    layering = Layering(
        rows=rows, book=w.book, ordinance=w.book.ordinance, agency=w.layering._agency, freshness=freshness
    )
    there = dataclasses.replace(
        w, decisions=Decisions(cameras=w.base.cameras, layering=layering, freshness=freshness, clock=w.clock)
    )
    assert isinstance(await ask(there, cameras[0]), Permit)
    away.is_away = True
    w.clock.advance(UNCONFIRMED_S)

    for reads in (2, 3):
        with pytest.raises(UnavailableError):
            await ask(there, cameras[0])
        assert rows.reads == reads


class CountingSharing(SqlSharing):
    """Counts how often a site's answers are read."""

    reads = 0

    async def answers(self, site_id, *, unit=None):
        self.reads += 1
        return await super().answers(site_id, unit=unit)


async def test_the_generation_goes_up_with_the_change_and_not_without(database):
    """What is rolled back raises nothing; what is committed raises its scopes and the platform, once each."""
    async with database.unit_of_work() as unit:
        unit.bump("sit_1")
    assert await database.generations_since(0) == Reading(0, frozenset())

    async with database.unit_of_work() as unit:
        unit.bump("sit_1", "org_1")
        unit.bump("sit_1")
        await unit.commit(unaudited="test")

    assert await database.generations_since(0) == Reading(1, frozenset({"sit_1", "org_1"}))
    assert await database.generations_since(1) == Reading(1, frozenset())


async def test_changes_at_once_never_share_or_skip_a_stamp(database):
    """Twenty transactions that raise the same and different scopes: every one is seen by a reader that follows."""
    seen, found = 0, []

    async def change(number):
        async with database.unit_of_work() as unit:
            unit.bump(f"sit_{number}", "network")
            await unit.commit(unaudited="test")

    async def follow():
        nonlocal seen
        while len(found) < 20:
            reading = await database.generations_since(seen)
            seen = reading.platform
            found.extend(scope for scope in reading.changed if scope != "network")
            await anyio.lowlevel.checkpoint()

    with anyio.fail_after(20):
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(follow)
            for number in range(20):
                tasks.start_soon(change, number)

    assert seen == 20
    assert len(set(found)) == 20
