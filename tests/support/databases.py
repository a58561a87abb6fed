"""Databases for tests: SQLite in a file, and PostgreSQL in a database of its own, both at the newest migration.

A running local PostgreSQL is used if there is one (LENSPACT_TEST_POSTGRES, or 127.0.0.1:5432 as postgres), else one of
our own is started (`tests.support.postgres`); LENSPACT_TEST_POSTGRES=embedded asks for that one.
"""

import os
import sqlite3
import uuid
from collections.abc import Awaitable, Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any

import anyio
import asyncpg

from gateway.kernel.database import Database
from migrations.run import upgrade
from tests.support import postgres

DEFAULT_SERVER = "postgresql://postgres@127.0.0.1:5432/postgres"


def run(function: Callable[..., Awaitable[Any]], *arguments: object) -> Any:
    """Run an async function to its end in a thread of its own, from a fixture that may sit inside a loop."""
    with ThreadPoolExecutor(1) as pool:
        return pool.submit(anyio.run, function, *arguments).result()


async def _answers(dsn: str) -> bool:
    try:
        connection = await asyncpg.connect(dsn, timeout=2)
    except (OSError, asyncpg.PostgresError, TimeoutError):
        return False
    await connection.close()
    return True


@contextmanager
def postgres_server() -> Iterator[str]:
    """A DSN of a PostgreSQL server with the right to create databases; a named one must answer."""
    named = os.environ.get("LENSPACT_TEST_POSTGRES", "")
    dsn = named or DEFAULT_SERVER
    if named != "embedded" and run(_answers, dsn):
        yield dsn
        return
    assert named in {"", "embedded"}, "LENSPACT_TEST_POSTGRES names a server that does not answer"
    with postgres.embedded() as dsn:
        yield dsn


async def create_database(server_dsn: str, *, template: str | None = None) -> str:
    """Create a database of a fresh name; return the name."""
    name = "lenspact_test_" + uuid.uuid4().hex[:12]  # noqa: TID251  (names of throw-away databases)
    connection = await asyncpg.connect(server_dsn)
    try:
        await connection.execute(f'CREATE DATABASE "{name}"' + (f' TEMPLATE "{template}"' if template else ""))
    finally:
        await connection.close()
    return name


async def drop_database(server_dsn: str, name: str) -> None:
    """Drop it, whoever is still connected."""
    connection = await asyncpg.connect(server_dsn)
    try:
        await connection.execute(f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)')
    finally:
        await connection.close()


def url_of(server_dsn: str, name: str) -> str:
    """The SQLAlchemy URL of database `name` on that server."""
    from sqlalchemy.engine import make_url

    url = make_url(server_dsn).set(drivername="postgresql+asyncpg", database=name)
    return url.render_as_string(hide_password=False)


async def migrate(url: str) -> None:
    """Bring the database to the newest schema."""
    database = Database(url)
    try:
        await upgrade(database.engine)
    finally:
        await database.close()


@contextmanager
def held(database: Database) -> Iterator[sqlite3.Connection]:
    """Another writer that holds the lock of a SQLite file until it commits or the block ends."""
    other = sqlite3.connect(database.url.removeprefix("sqlite+in_loop:///"), isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    try:
        yield other
    finally:
        other.close()
