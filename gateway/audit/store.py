"""Events, streams and details over SQL: written in the caller's transaction, read as rows (`tree_store`: the tree)."""

from collections.abc import Sequence
from typing import Any, Final

from sqlalchemy import Row, Select, delete, insert, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncConnection
from sqlmodel import col

from gateway.audit.model import Decision, Entry, Json, Opening, Page, Query
from gateway.audit.ports import NewEvent
from gateway.audit.tables import AuditDetail, AuditEvent, AuditLeaf, AuditStream
from gateway.kernel.database import Database, UnitOfWork
from gateway.kernel.errors import ConflictError
from partner_agent.wire import canonical

_COLUMNS: Final = (
    col(AuditEvent.event_id),
    col(AuditEvent.at),
    col(AuditEvent.kind),
    col(AuditEvent.decision),
    col(AuditEvent.leaf),
    col(AuditLeaf.leaf_index),
)
# Made once, over the tables and not the entities: every act writes leaves, and most of their cost was making these.
_INSERT_EVENT: Final = insert(AuditEvent.__table__)  # type: ignore[attr-defined]
_INSERT_STREAMS: Final = insert(AuditStream.__table__)  # type: ignore[attr-defined]
_INSERT_DETAILS: Final = insert(AuditDetail.__table__)  # type: ignore[attr-defined]


class SqlEvents:
    """`EventStore` on SQLite and PostgreSQL."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def insert(self, unit: UnitOfWork, events: Sequence[NewEvent]) -> None:
        """Write the events, each table once; see the port."""
        try:
            await unit.session.execute(_INSERT_EVENT, [_event_row(event) for event in events])
        except IntegrityError as error:
            raise ConflictError("This was done already.") from error
        streams = [
            {"stream": stream, "event_id": event.ref.event_id} for event in events for stream in sorted(event.streams)
        ]
        details = [row for event in events for row in _detail_rows(event)]
        if streams:
            await unit.session.execute(_INSERT_STREAMS, streams)
        if details:
            await unit.session.execute(_INSERT_DETAILS, details)

    async def find(self, query: Query, *, before: str, limit: int) -> Page:
        """Entries that match, newest first; see the port."""
        statement = _matching(query).order_by(col(AuditEvent.event_id).desc()).limit(limit + 1)
        if before:
            statement = statement.where(col(AuditEvent.event_id) < before)
        async with self._database.read() as connection:
            rows = (await connection.execute(statement)).all()
            entries = await _entries(connection, rows[:limit], is_restricted_visible=query.is_restricted_visible)
        return Page(entries=entries, next_cursor=entries[-1].event_id if len(rows) > limit else "")

    async def get(self, event_id: str, *, is_restricted_visible: bool, stream: str) -> Entry | None:
        """One entry; see the port."""
        streams = frozenset({stream}) if stream else frozenset[str]()
        statement = _matching(Query(streams=streams)).where(col(AuditEvent.event_id) == event_id)
        async with self._database.read() as connection:
            rows = (await connection.execute(statement)).all()
            entries = await _entries(connection, rows, is_restricted_visible=is_restricted_visible)
        return entries[0] if entries else None

    async def erase(self, unit: UnitOfWork, event_id: str, fields: Sequence[str]) -> Sequence[str]:
        """Delete salts and values, and the streams they name; see the port."""
        where = (col(AuditDetail.event_id) == event_id, col(AuditDetail.field).in_(fields))
        statement = select(col(AuditDetail.field), col(AuditDetail.value)).where(*where)
        found = (await unit.session.execute(statement)).all()
        values = [canonical.decode(row.value) for row in found]
        named = [value for value in values if isinstance(value, str)]
        await unit.session.execute(delete(AuditDetail).where(*where))
        await unit.session.execute(
            delete(AuditStream).where(col(AuditStream.event_id) == event_id, col(AuditStream.stream).in_(named))
        )
        return [row.field for row in found]

    async def erase_on(self, unit: UnitOfWork, stream: str, fields: Sequence[str]) -> int:
        """Delete salts and values in every event on a stream; see the port."""
        events = select(col(AuditStream.event_id)).where(col(AuditStream.stream) == stream)
        which = (col(AuditDetail.event_id).in_(events), col(AuditDetail.field).in_(fields))
        return int((await unit.session.execute(delete(AuditDetail).where(*which))).rowcount)  # type: ignore[attr-defined]


def _event_row(event: NewEvent) -> dict[str, object]:
    return {
        "event_id": event.ref.event_id,
        "once": event.once or None,
        "kind": event.kind,
        "decision": event.decision.value,
        "at": event.at,
        "leaf": event.ref.leaf,
    }


def _detail_rows(event: NewEvent) -> list[dict[str, object]]:
    return [
        {
            "event_id": event.ref.event_id,
            "field": name,
            "is_restricted": opening.is_restricted,
            "salt": opening.salt,
            "value": canonical.encode(opening.value),
        }
        for name, opening in event.ref.openings.items()
    ]


def _matching(query: Query) -> Select[*tuple[Any, ...]]:
    event_id = col(AuditEvent.event_id)
    statement = select(*_COLUMNS).outerjoin(AuditLeaf, col(AuditLeaf.event_id) == event_id)
    for stream in sorted(query.streams):
        on_stream = select(col(AuditStream.event_id)).where(col(AuditStream.stream) == stream)
        statement = statement.where(event_id.in_(on_stream))
    if query.any_of:
        on_any = select(col(AuditStream.event_id)).where(col(AuditStream.stream).in_(sorted(query.any_of)))
        statement = statement.where(event_id.in_(on_any))
    if query.kinds:
        statement = statement.where(col(AuditEvent.kind).in_(sorted(query.kinds)))
    if query.decision is not None:
        statement = statement.where(col(AuditEvent.decision) == query.decision.value)
    if query.since is not None:
        statement = statement.where(col(AuditEvent.at) >= query.since)
    if query.until is not None:
        statement = statement.where(col(AuditEvent.at) < query.until)
    return statement


async def _entries(
    connection: AsyncConnection, rows: Sequence[Row[Any]], *, is_restricted_visible: bool
) -> tuple[Entry, ...]:
    statement = select(
        col(AuditDetail.event_id),
        col(AuditDetail.field),
        col(AuditDetail.is_restricted),
        col(AuditDetail.salt),
        col(AuditDetail.value),
    ).where(col(AuditDetail.event_id).in_([row.event_id for row in rows]))
    details: dict[str, dict[str, Opening]] = {row.event_id: {} for row in rows}
    if rows:
        for detail in (await connection.execute(statement)).all():
            value: Json = canonical.decode(detail.value)  # type: ignore[assignment]  # canonical is the Json subset
            details[detail.event_id][detail.field] = Opening(detail.salt, value, detail.is_restricted)
    return tuple(_entry(row, details[row.event_id], is_restricted_visible=is_restricted_visible) for row in rows)


def _entry(row: Row[Any], openings: dict[str, Opening], *, is_restricted_visible: bool) -> Entry:
    document = canonical.decode_object(row.leaf)
    public, committed = document["public"], document["c"]
    assert isinstance(public, dict)
    assert isinstance(committed, dict)
    return Entry(
        event_id=row.event_id,
        at=row.at,
        kind=row.kind,
        decision=Decision(row.decision),
        index=row.leaf_index,
        public=public,
        openings={n: o for n, o in openings.items() if is_restricted_visible or not o.is_restricted},
        is_erased=bool(committed.keys() - openings.keys()),
        leaf=row.leaf,
    )
