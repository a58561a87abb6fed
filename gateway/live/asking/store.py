"""Requests over SQL: each change names the version it was made from."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any, Final, cast

from sqlalchemy import CursorResult, Select, insert, select, update
from sqlalchemy.exc import IntegrityError

from gateway.kernel.database import Database, UnitOfWork
from gateway.kernel.errors import ConflictError
from gateway.live.asking.model import AskState, ViewAsk
from gateway.live.asking.tables import ViewAskRow
from partner_agent.wire import canonical

_ASK: Final[Any] = ViewAskRow.__table__  # type: ignore[attr-defined]
_NAMES: Final = tuple(ViewAsk.__dataclass_fields__)
_JSON: Final = ("document", "approval")


class SqlViewAsks:
    """`AskRows` on SQLite and PostgreSQL."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def add(self, unit: UnitOfWork, ask: ViewAsk) -> None:
        """A new one."""
        try:
            await unit.session.execute(insert(_ASK).values(**_columns({n: getattr(ask, n) for n in _NAMES})))
        except IntegrityError as error:
            raise ConflictError("This owner was asked for this, in this incident, before.") from error

    async def change(self, unit: UnitOfWork, ask: ViewAsk, **values: Any) -> ViewAsk:
        """Change one that is still as `ask` says."""
        values = values | {"version": ask.version + 1}
        mine = (_ASK.c.id == ask.id) & (_ASK.c.version == ask.version)
        statement = update(_ASK).where(mine).values(**_columns(values))
        result = cast("CursorResult[Any]", await unit.session.execute(statement))
        if result.rowcount != 1:
            raise ConflictError("Somebody answered this meanwhile. Look again.")
        return replace(ask, **values)

    async def ask(self, ask_id: str) -> ViewAsk | None:
        """One."""
        found = await self._read(select(_ASK).where(_ASK.c.id == ask_id))
        return found[0] if found else None

    async def of_digest(self, document_sha256: str) -> ViewAsk | None:
        """The one with this document."""
        found = await self._read(select(_ASK).where(_ASK.c.document_sha256 == document_sha256))
        return found[0] if found else None

    async def of_incident(self, incident_id: str) -> Sequence[ViewAsk]:
        """Every one of an incident."""
        return await self._read(select(_ASK).where(_ASK.c.incident_id == incident_id))

    async def asks(
        self,
        *,
        organisation_id: str = "",
        states: Sequence[AskState] = (),
        expires_after: datetime | None = None,
        limit: int,
    ) -> Sequence[ViewAsk]:
        """Newest first."""
        statement = select(_ASK).order_by(_ASK.c.id.desc()).limit(limit)
        if organisation_id:
            statement = statement.where(_ASK.c.organisation_id == organisation_id)
        if states:
            statement = statement.where(_ASK.c.state.in_([state.value for state in states]))
        if expires_after is not None:
            statement = statement.where(_ASK.c.expires_at > expires_after)
        return await self._read(statement)

    async def _read(self, statement: Select[Any]) -> list[ViewAsk]:
        async with self._database.read() as connection:
            rows = (await connection.execute(statement)).mappings().all()
        return [_ask(row) for row in rows]


def _columns(values: Mapping[str, Any]) -> dict[str, Any]:
    columns = dict(values)
    for name in _JSON:
        if columns.get(name) is not None:
            columns[name] = canonical.encode(columns[name])
    if "state" in columns:
        columns["state"] = AskState(columns["state"]).value
    return columns


def _ask(row: Mapping[Any, Any]) -> ViewAsk:
    values = {name: row[name] for name in _NAMES}
    values |= {name: json.loads(row[name]) for name in _JSON if row[name] is not None}
    values["state"] = AskState(values["state"])
    return ViewAsk(**values)
