"""SQLite inside the event loop: SQLAlchemy's asyncio engines over `sqlite3` without a thread between.

A statement on a local file takes some 50 microseconds; handing it to a thread and back takes longer, and while the
loop is busy each way waits for the interpreter's lock. So statements run where they are asked for. What may take long
is kept out: nothing here waits for another process (`BUSY_MS`), who must wait asks again (`database`), and a commit
blocks the loop for one write to disk.
"""

import sqlite3
from collections import deque
from typing import Any, Final

from sqlalchemy.dialects import registry
from sqlalchemy.dialects.sqlite.pysqlite import SQLiteDialect_pysqlite
from sqlalchemy.engine import URL
from sqlalchemy.pool import AsyncAdaptedQueuePool, Pool
from sqlalchemy.util import await_

BUSY_MS: Final = 10  # how long one statement may wait for another process, and the loop with it
DRIVER: Final = "sqlite+in_loop"


class _Cursor(sqlite3.Cursor):
    """What SQLAlchemy asks of an asyncio driver's cursor: an await per statement, and rows that are all there after it.

    The await is over before it begins, so no other coroutine runs between.
    """

    def __init__(self, connection: sqlite3.Connection) -> None:
        super().__init__(connection)
        self._rows: deque[Any] = deque()

    def execute(self, *arguments: Any) -> "_Cursor":
        await_(_nothing())
        super().execute(*arguments)
        self._rows = deque(super().fetchall() if self.description else ())
        return self

    def executemany(self, *arguments: Any) -> "_Cursor":
        await_(_nothing())
        super().executemany(*arguments)
        return self

    def fetchone(self) -> Any:
        return self._rows.popleft() if self._rows else None

    def fetchmany(self, size: int | None = 1) -> list[Any]:
        return [self._rows.popleft() for _ in range(min(size or 1, len(self._rows)))]

    def fetchall(self) -> list[Any]:
        rows, self._rows = list(self._rows), deque()
        return rows

    async def _async_soft_close(self) -> None:
        """Nothing is held open."""


class Connection(sqlite3.Connection):
    """The standard library's connection with the cursors above; given to `sqlite3.connect` as its factory."""

    def cursor(self, factory: Any = _Cursor) -> Any:
        """A cursor."""
        return super().cursor(factory)


async def _nothing() -> None:
    """Nothing to wait for."""


class InLoopDialect(SQLiteDialect_pysqlite):
    """The standard library's driver, called from the coroutine's own greenlet."""

    driver = "in_loop"
    is_async = True
    supports_statement_cache = True

    @classmethod
    def get_pool_class(cls, url: URL) -> type[Pool]:
        """A pool whose waiters wait without blocking the loop."""
        del url
        return AsyncAdaptedQueuePool


def register() -> None:
    """Make `sqlite+in_loop:` URLs known to SQLAlchemy; as often as one likes."""
    registry.register("sqlite.in_loop", __name__, InLoopDialect.__name__)
