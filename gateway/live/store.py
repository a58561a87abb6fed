"""Sessions over SQL: steps are conditional updates, so that two who end one session write it once."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import fields
from datetime import datetime
from typing import Any, Final, cast

from sqlalchemy import CursorResult, Select, insert, or_, select, update
from sqlmodel import col

from gateway.kernel.database import Database, UnitOfWork
from gateway.live.model import OPEN_STATES, Account, Change, EndReason, OpenedBy, Session, SessionState
from gateway.live.tables import LiveSession

_PLAIN: Final = frozenset(field.name for field in fields(Session)) - {"relay", "site"}
PAGE: Final = 500


class SqlSessions:
    """`SessionStore` on SQLite and PostgreSQL."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def add(self, unit: UnitOfWork, session: Session) -> None:
        """A new row."""
        values = {name: _plain(getattr(session, name)) for name in _PLAIN}
        await unit.session.execute(insert(LiveSession).values(**values))

    async def change(self, unit: UnitOfWork, session_id: str, change: Change) -> bool:
        """One step, if it is still allowed."""
        statement = (
            update(LiveSession)
            .where(col(LiveSession.id) == session_id, col(LiveSession.state).in_(sorted(change.before)))
            .values(state=change.after.value, **_columns(change.values))
        )
        result = cast("CursorResult[Any]", await unit.session.execute(statement))
        return result.rowcount == 1

    async def note(self, unit: UnitOfWork, session_id: str, **values: object) -> None:
        """Facts that are no step."""
        statement = update(LiveSession).where(col(LiveSession.id) == session_id).values(**_columns(values))
        await unit.session.execute(statement)

    async def get(self, session_id: str) -> Session | None:
        """One session."""
        found = await self._read(select(LiveSession.__table__).where(col(LiveSession.id) == session_id))  # type: ignore[attr-defined]
        return found[0] if found else None

    async def unfinished(self) -> Sequence[Session]:
        """Every session in an open state."""
        table = LiveSession.__table__  # type: ignore[attr-defined]
        return await self._read(select(table).where(col(LiveSession.state).in_(sorted(OPEN_STATES))))

    async def given(self, sites: Collection[str], *, since: datetime, without: str) -> Sequence[Session]:
        """Accepted sessions of these sites, open or ended after."""
        table = LiveSession.__table__  # type: ignore[attr-defined]
        ended = col(LiveSession.ended_at)
        statement = select(table).where(
            col(LiveSession.site_id).in_(sites),
            col(LiveSession.accepted_at).is_not(None),
            or_(ended.is_(None), ended > since),
            col(LiveSession.id) != without,
        )
        return await self._read(statement)

    async def asked_for(self, site_id: str, *, since: datetime, most: int) -> Sequence[Session]:
        """Sessions of a site since then, newest first."""
        table = LiveSession.__table__  # type: ignore[attr-defined]
        is_mine = (col(LiveSession.site_id) == site_id) & (col(LiveSession.requested_at) >= since)
        newest = (col(LiveSession.requested_at).desc(), col(LiveSession.id).desc())
        return await self._read(select(table).where(is_mine).order_by(*newest).limit(most))

    async def unaccounted(self, *, ended_before: datetime) -> Sequence[Session]:
        """Accepted and ended sessions without the site's account."""
        table = LiveSession.__table__  # type: ignore[attr-defined]
        statement = (
            select(table)
            .where(
                col(LiveSession.accepted_at).is_not(None),
                col(LiveSession.ended_at) < ended_before,
                col(LiveSession.is_reconciled).is_(False),
            )
            .order_by(col(LiveSession.ended_at))
            .limit(PAGE)
        )
        return await self._read(statement)

    async def _read(self, statement: Select[Any]) -> list[Session]:
        async with self._database.read() as connection:
            rows = (await connection.execute(statement)).mappings().all()
        return [_session(row) for row in rows]


def _plain(value: object) -> object:
    return value.value if isinstance(value, (SessionState, EndReason, OpenedBy)) else value


def _columns(values: Mapping[str, object]) -> dict[str, object]:
    columns: dict[str, object] = {}
    for name, value in values.items():
        if isinstance(value, Account):
            columns |= {f"{name}_seconds": value.seconds, f"{name}_bytes": value.sent_bytes}
        else:
            columns[name] = _plain(value)
    return columns


def _account(row: Mapping[str, Any], side: str) -> Account | None:
    seconds, sent_bytes = row[f"{side}_seconds"], row[f"{side}_bytes"]
    return None if seconds is None else Account(seconds=seconds, sent_bytes=sent_bytes)


def _session(row: Mapping[Any, Any]) -> Session:
    values = {name: row[name] for name in _PLAIN}
    values["state"] = SessionState(values["state"])
    values["end_reason"] = EndReason(values["end_reason"])
    values["opened_by"] = OpenedBy(values["opened_by"])
    return Session(**values, relay=_account(row, "relay"), site=_account(row, "site"))
