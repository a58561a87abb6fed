"""Incidents in the database."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, Final

from sqlalchemy import Select, bindparam, delete, insert, or_, select, update
from sqlalchemy.exc import IntegrityError

from gateway.incidents.model import Feed, Incident, IncidentStatus, Stop
from gateway.incidents.tables import FeedRow, IncidentRow, StopRow
from gateway.kernel.database import Database, UnitOfWork
from gateway.kernel.errors import ConflictError
from gateway.kernel.phrases import phrase
from policies.vocabulary import IncidentKind, Origin

_INCIDENT = IncidentRow.__table__  # type: ignore[attr-defined]  # SQLModel adds it
_STOP = StopRow.__table__  # type: ignore[attr-defined]
_FEED = FeedRow.__table__  # type: ignore[attr-defined]
# Every decision asks these: a statement that is built once is read and named once.
_ONE: Final = select(_INCIDENT).where(_INCIDENT.c.id == bindparam("incident_id"))
_LOCKED: Final = _ONE.with_for_update()
_STOPS_OF: Final = (
    select(_STOP)
    .where(_STOP.c.incident_id.in_(bindparam("incidents", expanding=True)))
    .order_by(_STOP.c.incident_id, _STOP.c.number)
)


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
            "priority": incident.priority,
            "opened_at": incident.opened_at,
            "opened_by": incident.opened_by,
            **_changing(incident),
        }
        try:
            await unit.session.execute(insert(_INCIDENT).values(**values))
        except IntegrityError as error:
            raise ConflictError(
                phrase("There is an open incident of the number %(number)s already.", number=incident.number)
            ) from error
        await self._add_stops(unit, incident, after=0)

    async def change(self, unit: UnitOfWork, incident: Incident) -> None:
        """Its new state; stops are only ever added."""
        statement = update(_INCIDENT).where(_INCIDENT.c.id == incident.id).values(**_changing(incident))
        try:
            await unit.session.execute(statement)
        except IntegrityError as error:
            raise ConflictError(
                phrase("There is an open incident of the number %(number)s already.", number=incident.number)
            ) from error
        known = await unit.session.execute(select(_STOP.c.number).where(_STOP.c.incident_id == incident.id))
        await self._add_stops(unit, incident, after=len(known.all()))

    async def incident(self, incident_id: str, *, unit: UnitOfWork | None = None) -> Incident | None:
        """One incident; with a unit it stays locked until the transaction ends."""
        found = await self._incidents(_LOCKED if unit else _ONE, unit, incident_id=incident_id)
        return found[0] if found else None

    async def by_number(self, unit: UnitOfWork, agency_id: str, number: str) -> Incident | None:
        """The agency's open incident of this number."""
        is_it = (_INCIDENT.c.agency_id == agency_id) & (_INCIDENT.c.number == number)
        is_open = _INCIDENT.c.status == IncidentStatus.OPEN.value
        found = await self._incidents(select(_INCIDENT).where(is_it & is_open).with_for_update(), unit)
        return found[0] if found else None

    async def recent(self, agency_id: str, *, since: datetime, most: int) -> list[Incident]:
        """Open ones, and those closed after `since`; open first, most urgent and newest first."""
        is_recent = or_(_INCIDENT.c.status == IncidentStatus.OPEN.value, _INCIDENT.c.closed_at >= since)
        statement = (
            select(_INCIDENT)
            .where((_INCIDENT.c.agency_id == agency_id) & is_recent)
            .order_by(
                _INCIDENT.c.status.desc(),  # open before closed
                _INCIDENT.c.priority,
                _INCIDENT.c.opened_at.desc(),
                _INCIDENT.c.id.desc(),
            )
            .limit(most)
        )
        return await self._incidents(statement, None)

    async def overdue(self, opened_before: datetime, *, most: int) -> list[Incident]:
        """Open ones without a number that were opened before."""
        is_unnumbered = (_INCIDENT.c.status == IncidentStatus.OPEN.value) & (_INCIDENT.c.number == "")
        is_unnumbered &= _INCIDENT.c.origin != Origin.PLANNED.value
        statement = select(_INCIDENT).where(is_unnumbered & (_INCIDENT.c.opened_at <= opened_before)).limit(most)
        return await self._incidents(statement, None)

    async def add_feed(self, unit: UnitOfWork, feed: Feed, key_sha256: str, *, at: datetime) -> None:
        """A feed may report from now on."""
        values = {"agency_id": feed.agency_id, "name": feed.name, "key_sha256": key_sha256, "created_at": at}
        try:
            await unit.session.execute(insert(_FEED).values(**values))
        except IntegrityError as error:
            raise ConflictError("There is a feed of this name already.") from error

    async def remove_feed(self, unit: UnitOfWork, feed: Feed) -> bool:
        """It may no longer."""
        is_it = (_FEED.c.agency_id == feed.agency_id) & (_FEED.c.name == feed.name)
        removed = await unit.session.execute(delete(_FEED).where(is_it))
        return bool(removed.rowcount)  # type: ignore[attr-defined]  # a CursorResult, as of every delete

    async def feed_of(self, key_sha256: str) -> Feed | None:
        """The feed whose key has this digest."""
        statement = select(_FEED.c.agency_id, _FEED.c.name).where(_FEED.c.key_sha256 == key_sha256)
        async with self._database.read() as connection:
            row = (await connection.execute(statement)).one_or_none()
        return None if row is None else Feed(row.agency_id, row.name)

    async def _add_stops(self, unit: UnitOfWork, incident: Incident, *, after: int) -> None:
        for number, stop in enumerate(incident.stops[after:], after):
            values = {"lat": stop.lat, "lon": stop.lon, "address": stop.address, "at": stop.at}
            await unit.session.execute(insert(_STOP).values(incident_id=incident.id, number=number, **values))

    async def _incidents(self, statement: Select[Any], unit: UnitOfWork | None, **values: object) -> list[Incident]:
        if unit is not None:
            rows: Sequence[Any] = (await unit.session.execute(statement, values)).all()
            return _joined(rows, (await unit.session.execute(_STOPS_OF, _ids_of(rows))).all())
        async with self._database.read() as connection:
            rows = (await connection.execute(statement, values)).all()
            return _joined(rows, (await connection.execute(_STOPS_OF, _ids_of(rows))).all())


def _ids_of(rows: Sequence[Any]) -> dict[str, list[str]]:
    return {"incidents": [row.id for row in rows]}


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
        priority=row.priority,
        status=IncidentStatus(row.status),
        closed_at=row.closed_at,
        needs_review=row.needs_review,
    )
