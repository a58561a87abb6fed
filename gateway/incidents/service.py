"""What is done with incidents: opened by hand or by a feed, moved, numbered, closed, opened again.

Each change is one transaction with its leaf, and raises the incident's generation: whoever holds views for it decides
them again. After commit the bus says `incident.<id>`; lists of incidents listen to `incidents`. A person may open an
incident by hand or as planned; that the 911 centre or a device said so is for its feed alone to claim. An incident of
another agency is `NotFoundError`.
"""

import hashlib
from datetime import timedelta
from typing import Final

from gateway.audit import Kind, LeafDraft
from gateway.edge.bearer import bearer
from gateway.incidents.model import UNNUMBERED_S, Feed, Incident, IncidentReport, Stop
from gateway.incidents.ports import IncidentRows, Log, Publisher
from gateway.kernel.database import Database, UnitOfWork
from gateway.kernel.errors import DeniedError, NotFoundError, UnauthenticatedError
from gateway.kernel.principal import Principal
from partner_agent.wire.clock import Clock
from partner_agent.wire.ids import IdSource
from policies.vocabulary import Origin

SWEEP_S: Final = 5.0  # how often unnumbered incidents are looked at; decisions check the time themselves
SWEEP_MOST: Final = 100
ALL_TOPIC: Final = "incidents"
KEY_BYTES: Final = 32
KEY_PREFIX: Final = "lpk_"  # so that scanners of leaked secrets know what they found
RECENT_S: Final = 24 * 3600  # how long a closed incident stays in the list
MAX_LIST: Final = 200
BY_PERSON: Final = frozenset({Origin.HAND, Origin.PLANNED})
BY_FEED: Final = frozenset({Origin.CAD, Origin.ALERT})


def topic_of(incident_id: str) -> str:
    """The bus topic on which changes of an incident are announced."""
    return f"incident.{incident_id}"


class Incidents:
    """Use cases of incidents."""

    def __init__(
        self, *, database: Database, rows: IncidentRows, log: Log, publisher: Publisher, clock: Clock, ids: IdSource
    ) -> None:
        self._database = database
        self._rows = rows
        self._log = log
        self._publisher = publisher
        self._clock = clock
        self._ids = ids

    async def open(self, principal: Principal, report: IncidentReport) -> Incident:
        """A person opens an incident, by hand or as planned.

        Raises:
            DeniedError: a person cannot speak for the 911 centre or a device.
            ConflictError: there is an open incident of this number.
        """
        if report.origin not in BY_PERSON:
            raise DeniedError("Only the dispatch feed can say that a call came from the 911 centre; open it by hand.")
        async with self._database.unit_of_work() as unit:
            incident = await self._add(unit, principal.organisation_id, report, by=principal.person_id)
            await unit.commit()
        return incident

    async def feed(self, agency_id: str, report: IncidentReport) -> Incident:
        """The dispatch system or an alarm feed reports; a known number means news of that incident, not a second one.

        Raises:
            DeniedError: the feed claims an origin that is a person's.
        """
        if report.origin not in BY_FEED:
            raise DeniedError("A feed reports calls (cad) and alerts (alert) only.")
        async with self._database.unit_of_work() as unit:
            known = await self._rows.by_number(unit, agency_id, report.number) if report.number else None
            if known is None:
                incident = await self._add(unit, agency_id, report, by="")
            elif (known.place.lat, known.place.lon) == (report.lat, report.lon):
                return known
            else:
                incident = known.moved(self._stop(report))
                await self._save(unit, Kind.INCIDENT_CHANGED, incident, by="")
            await unit.commit()
        return incident

    async def move(self, principal: Principal, incident_id: str, *, lat: float, lon: float, address: str) -> Incident:
        """The incident is somewhere else now.

        Raises:
            ConflictError: it is closed, or has moved as often as one incident may.
        """
        async with self._database.unit_of_work() as unit:
            known = await self._mine(unit, principal, incident_id)
            report = IncidentReport(known.kind, known.origin, lat, lon, address, known.number)
            incident = known.moved(self._stop(report))
            await self._save(unit, Kind.INCIDENT_CHANGED, incident, by=principal.person_id)
            await unit.commit()
        return incident

    async def give_number(self, principal: Principal, incident_id: str, number: str) -> Incident:
        """The call number is known now.

        Raises:
            ConflictError: it is closed, has another number, or another open incident has this one.
        """
        async with self._database.unit_of_work() as unit:
            incident = (await self._mine(unit, principal, incident_id)).numbered(number)
            await self._save(unit, Kind.INCIDENT_CHANGED, incident, by=principal.person_id)
            await unit.commit()
        return incident

    async def close(self, principal: Principal, incident_id: str) -> Incident:
        """It is over; views that it carries end after its grace time.

        Raises:
            ConflictError: it is closed already.
        """
        async with self._database.unit_of_work() as unit:
            incident = (await self._mine(unit, principal, incident_id)).closed(self._clock.now())
            await self._save(unit, Kind.INCIDENT_CLOSED, incident, by=principal.person_id)
            await unit.commit()
        return incident

    async def reopen(self, principal: Principal, incident_id: str) -> Incident:
        """It goes on.

        Raises:
            ConflictError: it is open, or was closed more than a day ago.
            PreconditionError: it has no number.
        """
        async with self._database.unit_of_work() as unit:
            incident = (await self._mine(unit, principal, incident_id)).reopened(self._clock.now())
            await self._save(unit, Kind.INCIDENT_CHANGED, incident, by=principal.person_id)
            await unit.commit()
        return incident

    async def incident(self, principal: Principal, incident_id: str) -> Incident:
        """One incident of the caller's agency.

        Raises:
            NotFoundError: there is none.
        """
        found = await self._rows.incident(incident_id)
        if found is None or found.agency_id != principal.organisation_id:
            raise NotFoundError("There is no such incident.")
        return found

    async def find(self, incident_id: str) -> Incident | None:
        """One incident of any agency, for decisions of the gateway itself."""
        return await self._rows.incident(incident_id)

    async def recent(self, principal: Principal) -> list[Incident]:
        """The agency's open incidents, most urgent first, then those closed within the last day."""
        since = self._clock.now() - timedelta(seconds=RECENT_S)
        return await self._rows.recent(principal.organisation_id, since=since, most=MAX_LIST)

    async def add_feed(self, agency_id: str, name: str, *, by: Principal) -> str:
        """Let a dispatch system or alarm feed of the agency report; returns its key, shown once and kept as digest.

        Raises:
            ConflictError: there is a feed of this name.
        """
        key = KEY_PREFIX + self._ids.secret(KEY_BYTES).hex()
        feed = Feed(agency_id, name)
        async with self._database.unit_of_work() as unit:
            await self._rows.add_feed(unit, feed, _digest(key), at=self._clock.now())
            await self._feed_leaf(unit, feed, change="feed_added", by=by)
            await unit.commit()
        return key

    async def remove_feed(self, agency_id: str, name: str, *, by: Principal) -> None:
        """Its key is worth nothing from now on.

        Raises:
            NotFoundError: there is none of this name.
        """
        feed = Feed(agency_id, name)
        async with self._database.unit_of_work() as unit:
            if not await self._rows.remove_feed(unit, feed):
                raise NotFoundError("There is no such feed.")
            await self._feed_leaf(unit, feed, change="feed_removed", by=by)
            await unit.commit()

    async def feed_of(self, authorization: str) -> Feed:
        """Who sends `Authorization: Bearer …`; digests are looked up, so timing tells nothing of a key.

        Raises:
            UnauthenticatedError: no feed has this key.
        """
        key = bearer(authorization)
        feed = await self._rows.feed_of(_digest(key)) if key else None
        if feed is None:
            raise UnauthenticatedError("This door is for dispatch feeds; send the feed's key as a bearer token.")
        return feed

    async def sweep_forever(self) -> None:
        """Close what never got a number, for ever."""
        while True:
            await self.sweep()
            await self._clock.sleep(SWEEP_S)

    async def sweep(self) -> int:
        """Close what never got a number in time; how many."""
        before = self._clock.now() - timedelta(seconds=UNNUMBERED_S)
        overdue = await self._rows.overdue(before, most=SWEEP_MOST)
        for known in overdue:
            async with self._database.unit_of_work() as unit:
                found = await self._rows.incident(known.id, unit=unit)
                if found is None or found.ends_by is None:
                    continue
                await self._save(unit, Kind.INCIDENT_CLOSED, found.closed(self._clock.now()), by="")
                await unit.commit()
        return len(overdue)

    def _stop(self, report: IncidentReport) -> Stop:
        return Stop(report.lat, report.lon, report.address, self._clock.now())

    async def _add(self, unit: UnitOfWork, agency_id: str, report: IncidentReport, *, by: str) -> Incident:
        stop = self._stop(report)
        incident = Incident(
            id=self._ids.new("inc"),
            agency_id=agency_id,
            kind=report.kind,
            origin=report.origin,
            number=report.number,
            opened_at=stop.at,
            opened_by=by,
            stops=(stop,),
            priority=report.priority,
        )
        await self._rows.add(unit, incident)
        await self._leaf(unit, Kind.INCIDENT_OPENED, incident, by=by)
        return incident

    async def _save(self, unit: UnitOfWork, kind: Kind, incident: Incident, *, by: str) -> None:
        await self._rows.change(unit, incident)
        await self._leaf(unit, kind, incident, by=by)

    async def _mine(self, unit: UnitOfWork, principal: Principal, incident_id: str) -> Incident:
        found = await self._rows.incident(incident_id, unit=unit)
        if found is None or found.agency_id != principal.organisation_id:
            raise NotFoundError("There is no such incident.")
        return found

    async def _leaf(self, unit: UnitOfWork, kind: Kind, incident: Incident, *, by: str) -> None:
        who = {"agency": incident.agency_id, "incident": incident.id} | ({"person": by} if by else {})
        draft = LeafDraft(
            kind=kind,
            streams=frozenset(who.values()),
            public={
                "incident_kind": incident.kind.value,
                "origin": incident.origin.value,
                "status": incident.status.value,
                "has_number": bool(incident.number),
                "needs_review": incident.needs_review,
            },
            details={"incident": incident.id, "agency": incident.agency_id, "call": incident.number},
            restricted={"person": by, "address": incident.place.address, "cell": list(incident.cell)},
        )
        await self._log.append(unit, draft)
        unit.bump(incident.id)
        unit.after_commit(lambda: self._publisher.publish(topic_of(incident.id), incident.id))
        unit.after_commit(lambda: self._publisher.publish(ALL_TOPIC, incident.id))

    async def _feed_leaf(self, unit: UnitOfWork, feed: Feed, *, change: str, by: Principal) -> None:
        who = {by.person_id} if by.person_id.startswith("per_") else set()
        draft = LeafDraft(
            kind=Kind.SETTING_CHANGED,
            streams=frozenset({feed.agency_id, *who}),
            public={"setting": change},
            restricted={"feed": feed.name, "person": by.person_id},
        )
        await self._log.append(unit, draft)


def _digest(key: str) -> str:
    return hashlib.sha256(key.encode()).hexdigest()
