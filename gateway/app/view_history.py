"""`sharing.ViewHistory` over live views, recordings, the log and incidents: what new answers are tried on."""

import math
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from typing import Final

from gateway.audit import AuditLog, Entry, Kind, Query
from gateway.evidence import ClipRequest, Evidence
from gateway.incidents import Incident, Incidents
from gateway.live import Live, Session
from gateway.sharing import ViewMade
from partner_agent.wire.clock import Clock
from policies import request as law
from policies.vocabulary import Layer

PAGE: Final = 200  # log entries read at a time
_FIELDS: Final = ("camera", "agency", "unit", "role", "purpose", "incident")


class LiveHistory:
    """What was and is watched at a site. `tie` is called once, when live views and recordings are built."""

    def __init__(self, *, log: AuditLog, incidents: Incidents, clock: Clock) -> None:
        self._log, self._incidents, self._now = log, incidents, clock.now
        self._live: Live | None = None
        self._evidence: Evidence | None = None

    def tie(self, live: Live, evidence: Evidence) -> None:
        """These are they."""
        self._live, self._evidence = live, evidence

    async def past(self, site_id: str, organisation_id: str, *, since: datetime, most: int) -> Sequence[ViewMade]:
        """Views that the site accepted, recordings it sent, and views that the owner's rules refused at the centre."""
        if self._live is None or self._evidence is None:
            return []
        known: dict[str, Incident | None] = {}
        sessions = await self._live.asked_for(site_id, since=since, most=most)
        found = [await self._of_session(one, known, one.requested_at) for one in sessions if one.accepted_at]
        clips = await self._evidence.handed_over(organisation_id, since=since, most=most)
        found += [await self._of_clip(clip, known) for clip in clips if clip.site_id == site_id]
        found += [await self._of_refusal(entry, known) for entry in await self._refusals(site_id, since, most)]
        return sorted(found, key=lambda view: view.at, reverse=True)[:most]

    async def running(self, site_id: str) -> Sequence[ViewMade]:
        """Views that may show something right now."""
        if self._live is None:
            return []
        known: dict[str, Incident | None] = {}
        return [await self._of_session(one, known, None) for one in await self._live.open_at(site_id)]

    async def _refusals(self, site_id: str, since: datetime, most: int) -> list[Entry]:
        query = Query(streams=frozenset({site_id}), kinds=frozenset({Kind.VIEW_DENIED.value}), since=since)
        found: list[Entry] = []
        before = ""
        while len(found) < most:
            page = await self._log.find(query, before=before, limit=PAGE)
            found += [entry for entry in page.entries if entry.said("layer") == Layer.SHARING]
            before = page.next_cursor
            if not before:
                break
        return found

    async def _of_session(self, session: Session, known: dict[str, Incident | None], at: datetime | None) -> ViewMade:
        return ViewMade(
            id=session.id,
            at=session.requested_at,
            camera_id=session.camera_id,
            agency=session.agency_id,
            unit=session.unit,
            roles=frozenset(session.role.split()),
            purpose=session.purpose,
            incident=await self._incident(session.incident_id, known, at),
            has_happened=True,
            span=law.Span(session.range_from, session.range_to) if session.range_from and session.range_to else None,
            live_s=0 if session.is_recorded else math.ceil(session.seconds_until(self._now())),
        )

    async def _of_clip(self, clip: ClipRequest, known: dict[str, Incident | None]) -> ViewMade:
        return ViewMade(
            id=clip.id,
            at=clip.created_at,
            camera_id=clip.camera_id,
            agency=clip.agency_id,
            unit=str(clip.asker["unit"]),
            roles=frozenset(clip.asker["roles"]),
            purpose=clip.purpose,
            incident=await self._incident(clip.incident_id, known, clip.created_at),
            has_happened=True,
            span=law.Span(clip.t0, clip.t1),
        )

    async def _of_refusal(self, entry: Entry, known: dict[str, Incident | None]) -> ViewMade:
        said = {
            name: str(entry.said(name) or "") for name in ("camera", "agency", "unit", "role", "purpose", "incident")
        }
        return ViewMade(
            id=entry.event_id,
            at=entry.at,
            camera_id=said["camera"],
            agency=said["agency"],
            unit=said["unit"],
            roles=frozenset(said["role"].split()),
            purpose=said["purpose"],
            incident=await self._incident(said["incident"], known, entry.at),
            has_happened=False,
        )

    async def _incident(
        self, incident_id: str, known: dict[str, Incident | None], at: datetime | None
    ) -> law.Incident | None:
        """The incident as it was then; None for `at`: as it is now, and a view that runs is within its grace."""
        if not incident_id:
            return None
        if incident_id not in known:
            known[incident_id] = await self._incidents.find(incident_id)
        incident = known[incident_id]
        if incident is None:
            return None
        stops = tuple(stop for stop in incident.stops if at is None or stop.at <= at) or incident.stops[:1]
        then = replace(incident, stops=stops)
        return replace(then.fact(at or incident.opened_at), is_active=True)
