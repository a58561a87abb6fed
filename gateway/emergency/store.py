"""Confirmations over SQL: each step is a conditional update, so that a word is given once and used once."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Final, cast

from sqlalchemy import CursorResult, Select, func, insert, select, update
from sqlalchemy.exc import IntegrityError

from gateway.emergency.model import NEXT, OPEN, Confirmation, Need, Place, State, asker_of
from gateway.emergency.tables import ConfirmationRow
from gateway.kernel.database import METADATA, Database, UnitOfWork
from gateway.kernel.errors import ConflictError

BATCH: Final = 100
_ROW: Final = METADATA.tables[str(ConfirmationRow.__tablename__)]
_OPEN: Final = sorted(state.value for state in OPEN)


class SqlConfirmations:
    """`ConfirmationRows` on SQLite and PostgreSQL."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def add(self, unit: UnitOfWork, confirmation: Confirmation) -> None:
        """A new one."""
        try:
            await unit.session.execute(insert(_ROW).values(**_columns(confirmation)))
        except IntegrityError as error:
            raise ConflictError("You have asked for this already; it is waiting.") from error

    async def step(self, unit: UnitOfWork, before: Confirmation, after: Confirmation, *, now: datetime | None) -> bool:
        """From `before` to `after`, where the table of the model allows that."""
        if after.state not in NEXT[before.state]:
            return False
        statement = update(_ROW).where(_ROW.c.id == before.id, _ROW.c.state == before.state.value)
        if now is not None:
            statement = statement.where(_ROW.c.expires_at > now)
        result = cast("CursorResult[Any]", await unit.session.execute(statement.values(**_columns(after))))
        return result.rowcount == 1

    async def get(self, confirmation_id: str) -> Confirmation | None:
        """One of them."""
        found = await self._read(select(_ROW).where(_ROW.c.id == confirmation_id))
        return found[0] if found else None

    async def open_of(self, asker_id: str, need: Need) -> Confirmation | None:
        """The person's open one."""
        is_it = (_ROW.c.asker_id == asker_id) & (_ROW.c.camera_id == need.camera_id) & (_ROW.c.act == need.act)
        is_it &= (_ROW.c.incident_id == need.incident_id) & _ROW.c.state.in_(_OPEN)
        found = await self._read(select(_ROW).where(is_it))
        return found[0] if found else None

    async def count_open(self, asker_id: str, *, now: datetime) -> int:
        """How many of a person's are open."""
        is_it = (_ROW.c.asker_id == asker_id) & _ROW.c.state.in_(_OPEN) & (_ROW.c.expires_at > now)
        async with self._database.read() as connection:
            return int((await connection.execute(select(func.count()).where(is_it))).scalar_one())

    async def open_in(self, agency_id: str) -> Sequence[Confirmation]:
        """The agency's open ones."""
        is_it = (_ROW.c.agency_id == agency_id) & _ROW.c.state.in_(_OPEN)
        return await self._read(select(_ROW).where(is_it).order_by(_ROW.c.id).limit(BATCH))

    async def overdue(self, now: datetime) -> Sequence[Confirmation]:
        """Open ones whose time is over."""
        is_it = _ROW.c.state.in_(_OPEN) & (_ROW.c.expires_at <= now)
        return await self._read(select(_ROW).where(is_it).order_by(_ROW.c.id).limit(BATCH))

    async def _read(self, statement: Select[Any]) -> list[Confirmation]:
        async with self._database.read() as connection:
            return [_confirmation(row) for row in (await connection.execute(statement)).mappings().all()]


def _columns(one: Confirmation) -> dict[str, object]:
    need, asker = one.need, one.asker
    return {
        "id": one.id,
        "agency_id": one.agency_id,
        "camera_id": need.camera_id,
        "site_id": one.place.site_id,
        "organisation_id": one.place.organisation_id,
        "incident_id": need.incident_id,
        "act": need.act,
        "purpose": need.purpose,
        "t0": need.t0,
        "t1": need.t1,
        "legal_basis": need.legal_basis,
        "asker_id": asker.person_id,
        "unit": asker.unit,
        "roles": " ".join(sorted(asker.roles)),
        "factors": " ".join(sorted(asker.factors)),
        "session_ref": asker.session_ref,
        "state": one.state.value,
        "asked_at": one.asked_at,
        "expires_at": one.expires_at,
        "second_id": one.second_id,
        "second_factors": " ".join(sorted(one.second_factors)),
        "answered_at": one.answered_at,
        "used_by": one.used_by,
        "used_at": one.used_at,
    }


def _confirmation(row: Mapping[Any, Any]) -> Confirmation:
    return Confirmation(
        id=row["id"],
        need=Need(
            camera_id=row["camera_id"],
            act=row["act"],
            purpose=row["purpose"],
            incident_id=row["incident_id"],
            t0=row["t0"],
            t1=row["t1"],
            legal_basis=row["legal_basis"],
        ),
        place=Place(site_id=row["site_id"], organisation_id=row["organisation_id"]),
        asker=asker_of(
            person_id=row["asker_id"],
            agency_id=row["agency_id"],
            unit=row["unit"],
            roles=row["roles"],
            factors=row["factors"],
            session_ref=row["session_ref"],
        ),
        state=State(row["state"]),
        asked_at=row["asked_at"],
        expires_at=row["expires_at"],
        second_id=row["second_id"],
        second_factors=frozenset(row["second_factors"].split()),
        answered_at=row["answered_at"],
        used_by=row["used_by"],
        used_at=row["used_at"],
    )
