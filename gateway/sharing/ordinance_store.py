"""Proposed ordinance packs in the database."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import insert, select, update

from gateway.kernel.database import Database, UnitOfWork
from gateway.kernel.errors import ConflictError
from gateway.sharing.ordinances import Progress, Proposal
from gateway.sharing.tables import SharingOrdinanceRow

_ORDINANCE = SharingOrdinanceRow.__table__  # type: ignore[attr-defined]  # SQLModel adds it
_FIELDS = (
    *("id", "body", "proposed_by", "proposed_by_name", "proposed_at"),
    *("decided_by", "decided_by_name", "decided_at"),
)


class SqlOrdinances:
    """`OrdinanceRows` over SQL."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def proposals(self, *, unit: UnitOfWork | None = None) -> Sequence[Proposal]:
        """Every proposal, newest first."""
        statement = select(_ORDINANCE).order_by(_ORDINANCE.c.proposed_at.desc(), _ORDINANCE.c.id.desc())
        if unit is not None:
            return [_proposal(row) for row in await unit.session.execute(statement)]
        async with self._database.read() as connection:
            return [_proposal(row) for row in await connection.execute(statement)]

    async def add(self, unit: UnitOfWork, proposal: Proposal) -> None:
        """A new proposal."""
        await unit.session.execute(insert(_ORDINANCE).values(**_values(proposal)))

    async def save(self, unit: UnitOfWork, proposal: Proposal) -> None:
        """It is decided."""
        waiting = (_ORDINANCE.c.id == proposal.id) & (_ORDINANCE.c.state == Progress.PROPOSED.value)
        changed = await unit.session.execute(update(_ORDINANCE).where(waiting).values(**_values(proposal)))
        if changed.rowcount != 1:  # type: ignore[attr-defined]  # a CursorResult, as of every update
            raise ConflictError("This proposal is decided already.")


def _values(proposal: Proposal) -> dict[str, Any]:
    return {name: getattr(proposal, name) for name in _FIELDS} | {"state": proposal.state.value}


def _proposal(row: Any) -> Proposal:
    return Proposal(state=Progress(row.state), **{name: getattr(row, name) for name in _FIELDS})
