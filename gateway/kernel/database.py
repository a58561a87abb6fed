"""The database: one code path on SQLite (WAL) and PostgreSQL, and the unit of work.

SQLite's default transactions lose updates silently, so writers begin IMMEDIATE on an engine of their own with one
connection; readers have another, and their connections stay open between reads. A unit of work rolls back unless
`commit` is called, and refuses to commit a change without its audit leaf. A database that is held by somebody else, or
gone, is `UnavailableError`: try again.
"""

import sqlite3
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence
from contextlib import AbstractContextManager, AsyncExitStack, asynccontextmanager, contextmanager
from datetime import UTC, datetime
from typing import Any, Final

import anyio
import anyio.lowlevel
from sqlalchemy import BigInteger, Connection, Dialect, MetaData, TypeDecorator, event
from sqlalchemy.exc import DBAPIError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, AsyncSession, create_async_engine
from sqlmodel import SQLModel

from gateway.kernel import generations, sqlite_in_loop
from gateway.kernel.bus import MemoryBus, Subscription
from gateway.kernel.errors import UnavailableError

BUSY_S: Final = 5.0  # how long a second writer waits before it is told to try again
BUSY_STEP_S: Final = 0.01
READERS: Final = 8
CONNECT_S: Final = 10.0  # how long a new connection to PostgreSQL may take
GONE: Final = "The database cannot be reached, so nothing was changed. Try again in a moment."
BUSY: Final = "The database is busy, so nothing was changed. Try again in a moment."
# SQLSTATE: connection, resources, operator's intervention, no such database (while it is restored, or renamed).
_GONE_STATES: Final = ("08", "53", "57P", "3D000")
_QUIET: Final[dict[str, Any]] = {"hide_parameters": True}  # errors carry the statement, never what was in it
# We begin by ourselves; and a connection may be used from whichever thread runs the loop, one at a time.
_SQLITE: Final[dict[str, Any]] = {
    "connect_args": {"isolation_level": None, "check_same_thread": False, "factory": sqlite_in_loop.Connection}
}

NAMING: Final = {
    "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "ck": "ck_%(table_name)s_%(constraint_name)s",
    "fk": "fk_%(table_name)s_%(column_0_N_name)s_%(referred_table_name)s",
    "pk": "pk_%(table_name)s",
}
SQLModel.metadata.naming_convention = NAMING
METADATA: Final[MetaData] = SQLModel.metadata


class UtcMs(TypeDecorator[datetime]):
    """An aware UTC datetime, stored as integer milliseconds since 1970; naive values are refused."""

    impl = BigInteger
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> int | None:
        """To the database."""
        del dialect
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError("naive datetime: every time here carries its zone")
        return round(value.timestamp() * 1000)

    def process_result_value(self, value: int | None, dialect: Dialect) -> datetime | None:
        """From the database."""
        del dialect
        return None if value is None else datetime.fromtimestamp(value / 1000, UTC)


class UnauditedCommitError(RuntimeError):
    """A change was about to be committed without a leaf in the log: a programming error."""


OnChange = Callable[["UnitOfWork", frozenset[str]], Awaitable[None]]


class UnitOfWork:
    """One transaction. Rolls back unless `commit` was called.

    Attributes:
        session: for changes through entities and Core statements; never leaves the capability's store.
        leaves: how many audit leaves this transaction holds; `audit` counts them up.
    """

    def __init__(
        self,
        session: AsyncSession,
        *,
        signal: MemoryBus,
        raised: generations.Raised,
        tells_others: bool,
        on_change: Sequence[OnChange] = (),
    ) -> None:
        """`signal` wakes who reads generations in this process; `tells_others`: the database wakes other processes.

        `on_change`: those who keep something that is to be forgotten in the transaction of a change.
        """
        self.session = session
        self._on_change = on_change
        self.leaves = 0
        self.is_committed = False
        self._signal = signal
        self._raised = raised
        self._tells_others = tells_others
        self._changed: set[str] = set()
        self._after: list[Callable[[], Awaitable[None] | None]] = []

    def bump(self, *scopes: str) -> None:
        """What decisions about these stand on is changed here: their generations go up as the last thing before commit.

        Scopes are the ids of sites, organisations, incidents and persons, `agreement` for what is offered to every
        organisation, `ordinance` for the city's law, or `network` for everything.
        """
        self._changed.update(scopes)

    def after_commit(self, action: Callable[[], Awaitable[None] | None]) -> None:
        """Run `action` once the transaction is durable: wake-ups only, for they may be lost in a crash."""
        self._after.append(action)

    async def commit(self, *, unaudited: str = "") -> None:
        """Make the change durable, then run the after-commit actions.

        Args:
            unaudited: why this change needs no leaf (a session's last-seen, say); empty means a leaf is demanded.

        Raises:
            UnauditedCommitError: there is neither leaf nor reason.
        """
        if not self.leaves and not unaudited:
            raise UnauditedCommitError("a change needs its audit leaf in the same transaction")
        stamp = 0
        if self._changed:
            for forget in self._on_change:
                await forget(self, frozenset(self._changed))
            stamp = await generations.count_up(self.session, self._changed, tells_others=self._tells_others)
        await self.session.commit()
        self.is_committed = True
        self._raised.to(stamp)
        if self._changed:
            self._signal.publish(generations.TOPIC)
        for action in self._after:
            result = action()
            if result is not None:
                await result


class Database:
    """Two engines over one database: a writer and readers (on PostgreSQL, one engine serves both).

    Each statement of a read sees its own moment. Without BEGIN and ROLLBACK a read is one way there and back; and on
    SQLite, where that way is short, taking a connection and giving it back would be half of it, so readers keep theirs.
    PostgreSQL plans each statement for its values: a plan for any values, which it would keep after the fifth time,
    sorts a whole city to show a page of it.
    """

    def __init__(self, url: str, *, busy_s: float = BUSY_S) -> None:
        """`url`: `sqlite+in_loop:///path` or `postgresql+asyncpg://…`; `busy_s`: how long to wait for SQLite's lock."""
        self.url = url
        self._busy_s = busy_s
        self.is_sqlite = url.startswith("sqlite")
        self.signal = MemoryBus()
        self._raised = generations.Raised()
        self._on_change: list[OnChange] = []
        if self.is_sqlite:
            sqlite_in_loop.register()
            self._writer = create_async_engine(url, pool_size=1, max_overflow=0, **_SQLITE, **_QUIET)
            reader = create_async_engine(url, pool_size=READERS, **_SQLITE, **_QUIET)
            _prepare_sqlite(self._writer, begin="BEGIN IMMEDIATE")
            _prepare_sqlite(reader)
        else:
            connect_args = {"timeout": CONNECT_S, "server_settings": {"plan_cache_mode": "force_custom_plan"}}
            self._writer = create_async_engine(
                url, pool_size=READERS, max_overflow=READERS, connect_args=connect_args, **_QUIET
            )
            reader = self._writer
        self._reader = reader.execution_options(isolation_level="AUTOCOMMIT")
        self._kept: list[AsyncConnection] = []  # of readers, on SQLite: open, and used by nobody now

    def on_change(self, forget: OnChange) -> None:
        """Call `forget` with the scopes that a transaction bumps, in that transaction, right before its commit."""
        self._on_change.append(forget)

    @asynccontextmanager
    async def unit_of_work(self) -> AsyncIterator[UnitOfWork]:
        """One write transaction; leaving without `commit` rolls back.

        Raises:
            UnavailableError: somebody else holds the database for too long, or it is gone; nothing was changed.
        """
        with _told_when_away():
            async with self._transaction() as unit:
                yield unit

    @asynccontextmanager
    async def _transaction(self) -> AsyncIterator[UnitOfWork]:
        async with AsyncSession(self._writer, expire_on_commit=False) as session:
            await self._begin(session)
            unit = UnitOfWork(
                session,
                signal=self.signal,
                raised=self._raised,
                tells_others=not self.is_sqlite,
                on_change=self._on_change,
            )
            try:
                yield unit
            finally:
                if not unit.is_committed:
                    await session.rollback()

    async def _begin(self, session: AsyncSession) -> None:
        """Begin, on SQLite with the write lock in hand; while another process holds it, the loop runs on."""
        if not self.is_sqlite:
            with _told_when_gone():
                await session.connection()
            return
        ends = anyio.current_time() + self._busy_s
        while True:
            try:
                await session.connection()
            except OperationalError as error:
                await session.rollback()
                if not _is_held(error.orig):
                    raise
                if anyio.current_time() >= ends:
                    raise UnavailableError(BUSY) from error
                await anyio.sleep(BUSY_STEP_S)
            else:
                return

    @asynccontextmanager
    async def read(self) -> AsyncIterator[AsyncConnection]:
        """A connection to read by: Core rows, no entities.

        Raises:
            UnavailableError: the database is held by somebody else, or gone.
        """
        with _told_when_away():
            connection = self._kept.pop() if self._kept else await self._connect()
            async with AsyncExitStack() as closing:
                closing.push_async_exit(connection)
                yield connection
                if self.is_sqlite and len(self._kept) < READERS:
                    closing.pop_all()
                    self._kept.append(connection)
            if self.is_sqlite:  # where nothing above gave way: many reads after one another let others pass
                await anyio.lowlevel.checkpoint()

    async def _connect(self) -> AsyncConnection:
        with _told_when_gone():
            connection = await self._reader.connect()
        if self.is_sqlite:
            await connection.run_sync(Connection.detach)  # it is kept here: the pool waits for it no more
        return connection

    async def generations_since(self, seen: int) -> generations.Reading:
        """What changed since the generation `seen` of everything.

        Raises:
            UnavailableError: the database is held by somebody else, or gone.
        """
        async with self.read() as connection:
            return await generations.read_since(connection, seen)

    @property
    def own_generation(self) -> int:
        """The last generation of everything that this process raised itself."""
        return self._raised.stamp

    def generation_news(self) -> AbstractContextManager[Subscription]:
        """Woken when generations went up, as far as this process has heard."""
        return self.signal.subscribe(generations.TOPIC)

    @property
    def engine(self) -> AsyncEngine:
        """The writing engine, for migrations."""
        return self._writer

    async def close(self) -> None:
        """Close every connection."""
        while self._kept:
            await self._kept.pop().close()
        await self._writer.dispose()
        if self.is_sqlite:
            await self._reader.dispose()


@contextmanager
def _told_when_away() -> Iterator[None]:
    """Tell apart a database that cannot be had now from a statement that is wrong."""
    try:
        yield
    except PoolTimeoutError as error:
        raise UnavailableError(BUSY) from error
    except DBAPIError as error:
        cause = error.orig
        if error.connection_invalidated or _is_held(cause):
            raise UnavailableError(BUSY) from error
        if str(getattr(cause, "sqlstate", "")).startswith(_GONE_STATES):
            raise UnavailableError(GONE) from error
        raise


@contextmanager
def _told_when_gone() -> Iterator[None]:
    """The same for a connection that is refused or not answered; SQLAlchemy passes those errors on as they are."""
    try:
        yield
    except (OSError, TimeoutError) as error:
        raise UnavailableError(GONE) from error


def _is_held(error: BaseException | None) -> bool:
    held = {sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED}
    return isinstance(error, sqlite3.OperationalError) and (error.sqlite_errorcode & 0xFF) in held  # the primary code


def _prepare_sqlite(engine: AsyncEngine, *, begin: str = "") -> None:
    @event.listens_for(engine.sync_engine, "connect")
    def _on_connect(connection: Any, _record: object) -> None:
        cursor = connection.cursor()
        cursor.execute("PRAGMA journal_mode=WAL")
        cursor.execute("PRAGMA synchronous=FULL")  # the log is in this file: a promise survives a power cut
        cursor.execute("PRAGMA foreign_keys=ON")
        cursor.execute(f"PRAGMA busy_timeout={sqlite_in_loop.BUSY_MS}")
        cursor.close()

    if not begin:
        return

    @event.listens_for(engine.sync_engine, "begin")
    def _on_begin(connection: Any) -> None:
        connection.exec_driver_sql(begin)
