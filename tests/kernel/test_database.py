"""The unit of work rolls back, demands a leaf, and never loses an update."""

import sqlite3

import anyio
import pytest
from sqlalchemy import text

from gateway.kernel.database import BUSY_STEP_S, Database, UnauditedCommitError
from gateway.kernel.errors import UnavailableError


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
async def test_a_writer_waits_for_another_program_without_holding_anybody_up(sqlite_database: Database):
    """While another connection holds SQLite's lock a unit of work waits, readers and timers run on; then it writes."""
    database = sqlite_database
    await _table(database)
    other = sqlite3.connect(database.url.split("///")[1], isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    reads = 0

    async def write() -> None:
        async with database.unit_of_work() as unit:
            await unit.session.execute(text("UPDATE tally SET n = 7"))
            await unit.commit(unaudited="test")

    async with anyio.create_task_group() as group:
        group.start_soon(write)
        for _ in range(20):
            assert await _count(database) == 0
            reads += 1
            await anyio.sleep(BUSY_STEP_S)
        other.execute("COMMIT")
    other.close()

    assert reads == 20
    assert await _count(database) == 7


@pytest.mark.anyio
@pytest.mark.slow
async def test_a_writer_that_waited_too_long_says_so(sqlite_database: Database):
    """A program that never lets go makes an error of its own, which a caller may answer with "try again"."""
    database = sqlite_database
    await _table(database)
    other = sqlite3.connect(database.url.split("///")[1], isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    with pytest.raises(UnavailableError):
        async with database.unit_of_work():
            raise AssertionError("began without the lock")
    other.execute("COMMIT")
    other.close()
    async with database.unit_of_work() as unit:
        await unit.session.execute(text("UPDATE tally SET n = 7"))
        await unit.commit(unaudited="test")
    assert await _count(database) == 7


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
