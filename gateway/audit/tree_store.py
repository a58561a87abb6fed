"""The tree over SQL: the sequencer's turn, and reading tiles, leaves and checkpoints.

The order of the log: on SQLite the one writer makes `seq` the order of commits. On PostgreSQL numbers are given out
before it is known who commits first, so events are taken in the order (transaction, seq), and only those of
transactions older than every one still running: none can appear before them any more. A stuck transaction shows as lag,
never as a gap.
"""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import datetime
from typing import Any, Final

from sqlalchemy import ColumnElement, Result, Select, bindparam, func, insert, literal_column, select, text, tuple_
from sqlalchemy.dialects.postgresql import insert as postgres_insert
from sqlalchemy.dialects.sqlite import insert as sqlite_insert
from sqlmodel import col

from gateway.audit.ports import Head, Pending
from gateway.audit.tables import AuditCheckpoint, AuditCursor, AuditEvent, AuditLeaf, AuditTile
from gateway.audit.tree import Growth, Tiles, edge_of
from gateway.kernel.database import Database, UnitOfWork
from gateway.kernel.errors import PreconditionError

_TURN_LOCK: Final = 7301147  # PostgreSQL advisory lock: one sequencer, whichever process
_OLDEST_RUNNING: Final[ColumnElement[int]] = literal_column("(pg_snapshot_xmin(pg_current_snapshot())::text::bigint)")
_ORDER: Final = (col(AuditEvent.xid), col(AuditEvent.seq))
_EVENTS: Final = select(col(AuditEvent.event_id), col(AuditEvent.leaf), col(AuditEvent.xid), col(AuditEvent.seq))
_HEADS: Final = select(
    col(AuditCheckpoint.tree_size), col(AuditCheckpoint.root), col(AuditCheckpoint.note), col(AuditCheckpoint.at)
)
_LAST_HEAD: Final = _HEADS.order_by(col(AuditCheckpoint.tree_size).desc()).limit(1)
_HEAD_OF: Final = _HEADS.where(col(AuditCheckpoint.tree_size) == bindparam("size"))
_CURSOR: Final = select(col(AuditCursor.xid), col(AuditCursor.seq), col(AuditCursor.xid_offset))
_READ: Final = tuple_(
    func.coalesce(select(col(AuditCursor.xid)).scalar_subquery(), -1),
    func.coalesce(select(col(AuditCursor.seq)).scalar_subquery(), 0),
)
_OLDEST_PENDING: Final = select(col(AuditEvent.at)).where(tuple_(*_ORDER) > _READ).order_by(*_ORDER).limit(1)
_TILES: Final = select(col(AuditTile.level), col(AuditTile.tile_index), col(AuditTile.data)).where(
    tuple_(col(AuditTile.level), col(AuditTile.tile_index)).in_(bindparam("keys", expanding=True))
)
# Transaction numbers only rise on one server; below what was read, they are another server's.
_IS_MOVED: Final = text(
    "SELECT EXISTS (SELECT 1 FROM audit_cursor "
    "WHERE xid > pg_snapshot_xmax(pg_current_snapshot())::text::bigint + xid_offset)"
)


class SqlTurn:
    """`Turn` inside one unit of work."""

    def __init__(self, unit: UnitOfWork, *, is_sqlite: bool) -> None:
        self._session = unit.session
        self._unit = unit
        self._is_sqlite = is_sqlite

    async def head(self) -> Head | None:
        """The last checkpoint."""
        return _head_in(await self._session.execute(_LAST_HEAD))

    async def edge(self, size: int) -> Tiles:
        """The partial tiles of the tree of `size`."""
        return _tiles_in(await self._session.execute(_TILES, {"keys": list(edge_of(size))}))

    async def pending(self, limit: int) -> Sequence[Pending]:
        """The next events; see the port."""
        xid, seq, offset = await self._cursor()
        statement = _EVENTS.where(tuple_(*_ORDER) > tuple_(xid, seq))
        if not self._is_sqlite:
            statement = statement.where(col(AuditEvent.xid) < _OLDEST_RUNNING + offset)
        return await self._pending(statement, limit)

    async def stragglers(self, limit: int) -> Sequence[Pending]:
        """Events without a number that the cursor has passed; see the port."""
        xid, seq, _ = await self._cursor()
        numbered = select(col(AuditLeaf.event_id)).where(col(AuditLeaf.event_id) == col(AuditEvent.event_id))
        statement = _EVENTS.where(tuple_(*_ORDER) <= tuple_(xid, seq), ~numbered.exists())
        return await self._pending(statement, limit)

    async def save(self, growth: Growth, *, numbered: Sequence[tuple[Pending, bytes]], note: str, at: datetime) -> None:
        """Write leaf numbers, tiles, checkpoint and cursor, and commit."""
        first = growth.size - len(numbered)
        if numbered:
            leaves = [
                {"leaf_index": first + i, "event_id": event.event_id, "leaf_hash": value}
                for i, (event, value) in enumerate(numbered)
            ]
            await self._session.execute(insert(AuditLeaf), leaves)
            await self._save_tiles(growth.changed)
        head = {"tree_size": growth.size, "root": growth.root, "note": note, "at": at}
        await self._session.execute(insert(AuditCheckpoint), [head])
        if numbered:
            xid, seq, _ = await self._cursor()
            await self._save_cursor(max((xid, seq), numbered[-1][0].position))
        await self._unit.commit(unaudited="the log's own tree")

    async def _pending(self, statement: Select[*tuple[Any, ...]], limit: int) -> list[Pending]:
        rows = await self._session.execute(statement.order_by(*_ORDER).limit(limit))
        return [Pending(row.event_id, row.leaf, (row.xid, row.seq)) for row in rows]

    async def _cursor(self) -> tuple[int, int, int]:
        row = (await self._session.execute(_CURSOR)).first()
        return (row.xid, row.seq, row.xid_offset) if row else (-1, 0, 0)

    async def _save_tiles(self, tiles: Tiles) -> None:
        make = sqlite_insert if self._is_sqlite else postgres_insert
        statement = make(AuditTile)
        rows = [{"level": level, "tile_index": index, "data": data} for (level, index), data in sorted(tiles.items())]
        upsert = statement.on_conflict_do_update(
            index_elements=["level", "tile_index"], set_={"data": statement.excluded.data}
        )
        await self._session.execute(upsert, rows)

    async def _save_cursor(self, position: tuple[int, int]) -> None:
        make = sqlite_insert if self._is_sqlite else postgres_insert
        xid, seq = position
        statement = make(AuditCursor).values(id=1, xid=xid, seq=seq)
        await self._session.execute(
            statement.on_conflict_do_update(index_elements=["id"], set_={"xid": xid, "seq": seq})
        )


class SqlTree:
    """`TreeStore` on SQLite and PostgreSQL."""

    def __init__(self, database: Database) -> None:
        self._database = database

    @asynccontextmanager
    async def turn(self) -> AsyncIterator[SqlTurn | None]:
        """Take a turn; see the port."""
        is_sqlite = self._database.is_sqlite
        async with self._database.unit_of_work() as unit:
            is_mine = is_sqlite or await _is_locked(unit)
            yield SqlTurn(unit, is_sqlite=is_sqlite) if is_mine else None

    async def oldest_pending_at(self) -> datetime | None:
        """When the oldest event without a number was written; see the port."""
        if not self._database.is_sqlite:
            async with self._database.read() as connection:
                if (await connection.execute(_IS_MOVED)).scalar_one():
                    raise PreconditionError("The database was moved to another server: run `lenspact audit adopt`.")
        moment: datetime | None = await self._one(_OLDEST_PENDING)
        return moment

    async def head(self, size: int | None = None) -> Head | None:
        """The checkpoint of `size`, or the last."""
        return await (self._head(_LAST_HEAD) if size is None else self._head(_HEAD_OF, size=size))

    async def head_covering(self, index: int) -> Head | None:
        """The first checkpoint that has the leaf `index`."""
        statement = _HEADS.where(col(AuditCheckpoint.tree_size) > index).order_by(col(AuditCheckpoint.tree_size))
        return await self._head(statement.limit(1))

    async def index_of(self, leaf_hash: bytes) -> int | None:
        """The place of a leaf."""
        statement = select(col(AuditLeaf.leaf_index)).where(col(AuditLeaf.leaf_hash) == leaf_hash).limit(1)
        index: int | None = await self._one(statement)
        return index

    async def tiles(self, keys: Sequence[tuple[int, int]]) -> Tiles:
        """Those tiles that exist."""
        async with self._database.read() as connection:
            return _tiles_in(await connection.execute(_TILES, {"keys": list(keys)}))

    async def leaves(self, start: int, end: int) -> Sequence[bytes]:
        """The leaf bytes [start, end)."""
        index = col(AuditLeaf.leaf_index)
        statement = (
            select(col(AuditEvent.leaf))
            .join(AuditLeaf, col(AuditLeaf.event_id) == col(AuditEvent.event_id))
            .where(index >= start, index < end)
            .order_by(index)
        )
        async with self._database.read() as connection:
            return [row.leaf for row in await connection.execute(statement)]

    async def _one(self, statement: Select[*tuple[Any, ...]]) -> Any:
        async with self._database.read() as connection:
            return (await connection.execute(statement)).scalar_one_or_none()

    async def _head(self, statement: Select[*tuple[Any, ...]], **values: object) -> Head | None:
        async with self._database.read() as connection:
            return _head_in(await connection.execute(statement, values))


async def _is_locked(unit: UnitOfWork) -> bool:
    statement = select(func.pg_try_advisory_xact_lock(_TURN_LOCK))
    return bool((await unit.session.execute(statement)).scalar_one())


def _head_in(rows: Result[Any]) -> Head | None:
    row: Any = rows.first()
    return Head(*row) if row else None


def _tiles_in(rows: Result[Any]) -> Tiles:
    return {(row.level, row.tile_index): row.data for row in rows}
