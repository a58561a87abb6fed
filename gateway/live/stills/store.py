"""Stills over SQL."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Final

from sqlalchemy import delete, insert, select

from gateway.kernel.database import Database, UnitOfWork
from gateway.live.stills.model import Still
from gateway.live.stills.tables import StillRow

_STILL: Final[Any] = StillRow.__table__  # type: ignore[attr-defined]
_NAMES: Final = tuple(Still.__dataclass_fields__)
BATCH: Final = 100


class SqlStills:
    """`StillRows` on SQLite and PostgreSQL."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def add(self, unit: UnitOfWork, still: Still) -> None:
        """A new one."""
        await unit.session.execute(insert(_STILL).values(**{name: getattr(still, name) for name in _NAMES}))

    async def get(self, still_id: str) -> Still | None:
        """One."""
        async with self._database.read() as connection:
            row = (await connection.execute(select(_STILL).where(_STILL.c.id == still_id))).mappings().one_or_none()
        return _still(row) if row else None

    async def expired(self, now: datetime) -> Sequence[Still]:
        """Those whose time is over, the oldest first."""
        due = select(_STILL).where(_STILL.c.expires_at <= now).order_by(_STILL.c.expires_at).limit(BATCH)
        async with self._database.read() as connection:
            rows = (await connection.execute(due)).mappings().all()
        return [_still(row) for row in rows]

    async def delete(self, unit: UnitOfWork, still_id: str) -> None:
        """Forget one."""
        await unit.session.execute(delete(_STILL).where(_STILL.c.id == still_id))


def _still(row: Mapping[Any, Any]) -> Still:
    return Still(**{name: row[name] for name in _NAMES})
