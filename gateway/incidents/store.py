"""Incidents in the database."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Select, insert, or_, select, update
from sqlalchemy.exc import IntegrityError

from gateway.incidents.model import Incident, IncidentStatus, Stop
from gateway.incidents.tables import IncidentRow, StopRow
from gateway.kernel.database import Database, UnitOfWork
from gateway.kernel.errors import ConflictError
from policies.vocabulary import IncidentKind, Origin

_INCIDENT = IncidentRow.__table__  # type: ignore[attr-defined]  # SQLModel adds it
_STOP = StopRow.__table__  # type: ignore[attr-defined]


class SqlIncidents:
    """`IncidentRows` over SQL."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def add(self, unit: UnitOfWork, incident: Incident) -> None:
        """A new incident."""
        values = {
            "id": incident.id,
            "agency_id": incident.agency_id,
            "kind": incident.kind.value,
            "origin": incident.origin.value,
            "opened_at": incident.opened_at,
            "opened_by": incident.opened_by,
            **_changing(incident),
        }
        try:
            await unit.session.execute(insert(_INCIDENT).values(**values))
        except IntegrityError as error:
            raise ConflictError(f"There is an open incident of the number {incident.number} already.") from error
        await self._add_stops(unit, incident, after=0)

    async def change(self, unit: UnitOfWork, incident: Incident) -> None:
        """Its new state; stops are only ever added."""
        statement = update(_INCIDENT).where(_INCIDENT.c.id == incident.id).values(**_changing(incident))
        try:
            await unit.session.execute(statement)
        except IntegrityError as error:
            raise ConflictError(f"There is an open incident of the number {incident.number} already.") from error
        known = await unit.session.execute(select(_STOP.c.number).where(_STOP.c.incident_id == incident.id))
        await self._add_stops(unit, incident, after=len(known.all()))

    async def incident(self, incident_id: str, *, unit: UnitOfWork | None = None) -> Incident | None:
        """One incident; with a unit it stays locked until the transaction ends."""
        statement = select(_INCIDENT).where(_INCIDENT.c.id == incident_id)
        found = await self._incidents(statement.with_for_update() if unit else statement, unit)
        return found[0] if found else None

    async def by_number(self, unit: UnitOfWork, agency_id: str, number: str) -> Incident | None:
        """The agency's open incident of this number."""
        is_it = (_INCIDENT.c.agency_id == agency_id) & (_INCIDENT.c.number == number)
        is_open = _INCIDENT.c.status == IncidentStatus.OPEN.value
        found = await self._incidents(select(_INCIDENT).where(is_it & is_open).with_for_update(), unit)
        return found[0] if found else None

    async def recent(self, agency_id: str, *, since: datetime, most: int) -> list[Incident]:
        """Open ones, and those closed after `since`; open first, newest first."""
        is_recent = or_(_INCIDENT.c.status == IncidentStatus.OPEN.value, _INCIDENT.c.closed_at >= since)
        statement = (
            select(_INCIDENT)
            .where((_INCIDENT.c.agency_id == agency_id) & is_recent)
            .order_by(_INCIDENT.c.status.desc(), _INCIDENT.c.opened_at.desc(), _INCIDENT.c.id.desc())
            .limit(most)
        )
        return await self._incidents(statement, None)

    async def overdue(self, opened_before: datetime, *, most: int) -> list[Incident]:
        """Open ones without a number that were opened before."""
        is_unnumbered = (_INCIDENT.c.status == IncidentStatus.OPEN.value) & (_INCIDENT.c.number == "")
        statement = select(_INCIDENT).where(is_unnumbered & (_INCIDENT.c.opened_at <= opened_before)).limit(most)
        return await self._incidents(statement, None)

    async def _add_stops(self, unit: UnitOfWork, incident: Incident, *, after: int) -> None:
        for number, stop in enumerate(incident.stops[after:], after):
            values = {"lat": stop.lat, "lon": stop.lon, "address": stop.address, "at": stop.at}
            await unit.session.execute(insert(_STOP).values(incident_id=incident.id, number=number, **values))

    async def _incidents(self, statement: Select[Any], unit: UnitOfWork | None) -> list[Incident]:
        if unit is not None:
            rows: Sequence[Any] = (await unit.session.execute(statement)).all()
            return _joined(rows, (await unit.session.execute(_stops_of(rows))).all())
        async with self._database.read() as connection:
            rows = (await connection.execute(statement)).all()
            return _joined(rows, (await connection.execute(_stops_of(rows))).all())


def _stops_of(rows: Sequence[Any]) -> Select[Any]:
    ids = [row.id for row in rows]
    return select(_STOP).where(_STOP.c.incident_id.in_(ids)).order_by(_STOP.c.incident_id, _STOP.c.number)


def _joined(rows: Sequence[Any], stops: Sequence[Any]) -> list[Incident]:
    places: dict[str, list[Stop]] = {}
    for stop in stops:
        places.setdefault(stop.incident_id, []).append(Stop(stop.lat, stop.lon, stop.address, stop.at))
    return [_incident(row, tuple(places[row.id])) for row in rows]


def _changing(incident: Incident) -> dict[str, Any]:
    return {
        "number": incident.number,
        "status": incident.status.value,
        "closed_at": incident.closed_at,
        "needs_review": incident.needs_review,
    }


def _incident(row: Any, stops: tuple[Stop, ...]) -> Incident:
    return Incident(
        id=row.id,
        agency_id=row.agency_id,
        kind=IncidentKind(row.kind),
        origin=Origin(row.origin),
        number=row.number,
        opened_at=row.opened_at,
        opened_by=row.opened_by,
        stops=stops,
        status=IncidentStatus(row.status),
        closed_at=row.closed_at,
        needs_review=row.needs_review,
    )
