"""The unit of work rolls back, demands a leaf, and never loses an update."""

from contextlib import AsyncExitStack

import anyio
import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from gateway.kernel.database import READERS, Database, UnauditedCommitError
from gateway.kernel.errors import UnavailableError
from tests.support.databases import held


async def _table(database: Database) -> None:
    async with database.unit_of_work() as unit:
        await unit.session.execute(text("CREATE TABLE tally (id INTEGER PRIMARY KEY, n INTEGER)"))
        await unit.session.execute(text("INSERT INTO tally VALUES (1, 0)"))
        await unit.commit(unaudited="test table")


async def _count(database: Database) -> int:
    async with database.read() as connection:
        return (await connection.execute(text("SELECT n FROM tally"))).scalar_one()


@pytest.mark.anyio
async def test_leaving_without_commit_rolls_back(database: Database):
    """A unit of work that is not committed changes nothing."""
    await _table(database)
    async with database.unit_of_work() as unit:
        await unit.session.execute(text("UPDATE tally SET n = 5"))

    assert await _count(database) == 0


@pytest.mark.anyio
async def test_commit_without_leaf_is_refused(database: Database):
    """A change without its audit leaf cannot be committed."""
    await _table(database)
    async with database.unit_of_work() as unit:
        await unit.session.execute(text("UPDATE tally SET n = 5"))
        with pytest.raises(UnauditedCommitError):
            await unit.commit()

    assert await _count(database) == 0


@pytest.mark.anyio
async def test_concurrent_increments_are_all_kept(database: Database):
    """Eight writers that read, then write, lose no update (SELECT … FOR UPDATE on PostgreSQL)."""
    await _table(database)
    lock = "" if database.is_sqlite else " FOR UPDATE"

    async def add() -> None:
        for _ in range(10):
            async with database.unit_of_work() as unit:
                n = (await unit.session.execute(text("SELECT n FROM tally" + lock))).scalar_one()
                await unit.session.execute(text("UPDATE tally SET n = :n"), {"n": n + 1})
                await unit.commit(unaudited="test")

    async with anyio.create_task_group() as group:
        for _ in range(8):
            group.start_soon(add)

    assert await _count(database) == 80


@pytest.mark.anyio
async def test_cancelled_statements_leave_nothing_behind(sqlite_database: Database):
    """Work cancelled at any moment leaves no task that never ends, and the database works on."""
    database = sqlite_database
    await _table(database)

    async def touch() -> None:
        await _count(database)
        async with database.unit_of_work() as unit:
            await unit.session.execute(text("UPDATE tally SET n = n + 1"))
            await unit.commit(unaudited="test")

    before = {task.id for task in anyio.get_running_tasks()}
    for steps in range(60):
        async with anyio.create_task_group() as group:
            group.start_soon(touch)
            for _ in range(steps):
                await anyio.lowlevel.checkpoint()
            group.cancel_scope.cancel()

    with anyio.fail_after(20):
        await touch()
        while {task.id for task in anyio.get_running_tasks()} - before:
            await anyio.lowlevel.checkpoint()


async def _touch(database: Database) -> None:
    async with database.unit_of_work() as unit:
        await unit.session.execute(text("UPDATE tally SET n = n + 1"))
        await unit.commit(unaudited="test")


@pytest.mark.anyio
async def test_a_second_writer_is_waited_for(sqlite_database: Database):
    """While somebody else holds the lock a change waits, readers go on, and then it happens once."""
    await _table(sqlite_database)
    done = anyio.Event()

    async def change() -> None:
        await _touch(sqlite_database)
        done.set()

    with held(sqlite_database) as other:
        async with anyio.create_task_group() as group:
            group.start_soon(change)
            for _ in range(20):
                assert await _count(sqlite_database) == 0
            assert not done.is_set()
            other.execute("COMMIT")

    assert await _count(sqlite_database) == 1


@pytest.mark.anyio
async def test_a_writer_that_never_lets_go_is_told_clearly(sqlite_database: Database):
    """Held for too long: one error of ours that says to try again, nothing changed, and afterwards it works."""
    await _table(sqlite_database)
    impatient = Database(sqlite_database.url, busy_s=0.05)
    with held(sqlite_database), pytest.raises(UnavailableError, match="busy, so nothing was changed"):
        await _touch(impatient)

    await _touch(impatient)
    await impatient.close()
    assert await _count(sqlite_database) == 1


@pytest.mark.anyio
async def test_a_wrong_statement_is_not_called_busy(database: Database):
    """What would fail again and again is no reason to try again."""
    with pytest.raises(Exception, match="nowhere") as caught:
        async with database.read() as connection:
            await connection.execute(text("SELECT * FROM nowhere"))

    assert not isinstance(caught.value, UnavailableError)


@pytest.mark.anyio
async def test_postgresql_plans_a_statement_for_its_values(database: Database):
    """Also after the fifth time: a plan for any values read a whole city for one page of it."""
    if database.is_sqlite:
        return
    async with database.read() as connection:
        assert (await connection.execute(text("SHOW plan_cache_mode"))).scalar() == "force_custom_plan"


@pytest.mark.anyio
async def test_a_read_sees_what_was_committed_since_the_last(database: Database):
    """Readers that keep their connection keep no moment with it; nor does one that failed spoil the next."""
    await _table(database)
    assert await _count(database) == 0
    async with database.unit_of_work() as unit:
        await unit.session.execute(text("UPDATE tally SET n = 5"))
        await unit.commit(unaudited="test")
    assert await _count(database) == 5
    with pytest.raises(DBAPIError):
        async with database.read() as connection:
            await connection.execute(text("SELECT n FROM nowhere"))

    assert await _count(database) == 5


@pytest.mark.anyio
async def test_reads_within_reads_are_all_given_back(database: Database):
    """Each has a connection of its own while it lasts; none is lost, so there are as many the next time."""
    await _table(database)
    for _ in range(3):
        async with AsyncExitStack() as reads:
            for _ in range(READERS):
                connection = await reads.enter_async_context(database.read())
                assert (await connection.execute(text("SELECT n FROM tally"))).scalar_one() == 0
