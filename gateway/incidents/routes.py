"""Incidents as JSON: for the console, and for a dispatch feed with its own key.

The feed's shape is what a CAD interface has at hand: kind, place, number, origin, priority. A message about a number
that is open updates that incident, so a system may send every message it has, in order, and repeat what it is unsure
of. A feed is known by the bearer key an administrator made for it; no cookie counts at its door.
"""

from datetime import datetime
from typing import Annotated, Any, Final

import msgspec
from litestar import Request, Router, get, patch, post
from litestar.di import NamedDependency
from litestar.params import FromPath, JSONBody
from msgspec import Meta

from gateway.edge.inputs import Line, OptionalLine, StrictInput
from gateway.edge.rate_limit import Limit, RateLimiter
from gateway.edge.requires import PUBLIC, requires
from gateway.incidents.model import Incident, IncidentReport, purposes_of
from gateway.incidents.service import Incidents
from gateway.kernel.principal import Principal
from policies.vocabulary import IncidentKind, Origin

FEED_MESSAGES: Final = 600  # of one feed in a minute


class IncidentInput(StrictInput, frozen=True):
    """What is sent to open an incident."""

    kind: IncidentKind
    lat: float
    lon: float
    address: OptionalLine = ""
    number: OptionalLine = ""
    origin: Origin = Origin.HAND
    priority: Annotated[int, Meta(ge=1, le=5)] = 3

    def report(self) -> IncidentReport:
        """As the service reads it."""
        return IncidentReport(
            self.kind, self.origin, self.lat, self.lon, self.address.strip(), self.number.strip(), self.priority
        )


class ChangeInput(StrictInput, frozen=True):
    """What can be changed: a number, or a place with both its coordinates."""

    number: Line | None = None
    lat: float | None = None
    lon: float | None = None
    address: OptionalLine = ""
    is_closed: bool | None = None


class IncidentOutput(msgspec.Struct, frozen=True, kw_only=True):
    """An incident as JSON."""

    id: str
    kind: str
    origin: str
    number: str
    priority: int
    status: str
    lat: float
    lon: float
    address: str
    opened_at: datetime
    closed_at: datetime | None
    ends_by: datetime | None
    purposes: tuple[str, ...]

    @classmethod
    def of(cls, incident: Incident) -> "IncidentOutput":
        """The answer for `incident`."""
        return cls(
            id=incident.id,
            kind=incident.kind.value,
            origin=incident.origin.value,
            number=incident.number,
            priority=incident.priority,
            status=incident.status.value,
            lat=incident.place.lat,
            lon=incident.place.lon,
            address=incident.place.address,
            opened_at=incident.opened_at,
            closed_at=incident.closed_at,
            ends_by=incident.ends_by,
            purposes=tuple(purpose.value for purpose in purposes_of(incident.kind)),
        )


@get("/incidents", opt=requires("console.read"))
async def list_incidents(
    principal: NamedDependency[Principal], incidents: NamedDependency[Incidents]
) -> list[IncidentOutput]:
    """The agency's open incidents, then those of the last day."""
    return [IncidentOutput.of(incident) for incident in await incidents.recent(principal)]


@post("/incidents", opt=requires("incident.open"))
async def open_incident(
    data: JSONBody[IncidentInput], principal: NamedDependency[Principal], incidents: NamedDependency[Incidents]
) -> IncidentOutput:
    """Open an incident by hand."""
    return IncidentOutput.of(await incidents.open(principal, data.report()))


@get("/incidents/{incident_id:str}", opt=requires("console.read"))
async def get_incident(
    incident_id: FromPath[str], principal: NamedDependency[Principal], incidents: NamedDependency[Incidents]
) -> IncidentOutput:
    """One incident."""
    return IncidentOutput.of(await incidents.incident(principal, incident_id))


@patch("/incidents/{incident_id:str}", opt=requires("incident.open"))
async def change_incident(
    incident_id: FromPath[str],
    data: JSONBody[ChangeInput],
    principal: NamedDependency[Principal],
    incidents: NamedDependency[Incidents],
) -> IncidentOutput:
    """Give it its number, move it, close it, or open it again."""
    incident = await incidents.incident(principal, incident_id)
    if data.number is not None:
        incident = await incidents.give_number(principal, incident_id, data.number.strip())
    if data.lat is not None and data.lon is not None:
        incident = await incidents.move(principal, incident_id, lat=data.lat, lon=data.lon, address=data.address)
    if data.is_closed is not None:
        act = incidents.close if data.is_closed else incidents.reopen
        incident = await act(principal, incident_id)
    return IncidentOutput.of(incident)


@post("/feeds/incidents", opt=requires(PUBLIC, reads_cookies=False), status_code=200)
async def feed_incident(
    request: Request[Any, Any, Any],
    data: JSONBody[IncidentInput],
    incidents: NamedDependency[Incidents],
    rate_limiter: NamedDependency[RateLimiter],
) -> IncidentOutput:
    """The dispatch system reports a call, or news of one."""
    feed = await incidents.feed_of(request.headers.get("authorization", ""))
    limit = Limit("account", f"{feed.agency_id}/{feed.name}", count=FEED_MESSAGES, window_s=60)
    await rate_limiter.check("incidents", [limit])
    return IncidentOutput.of(await incidents.feed(feed.agency_id, data.report()))


def incident_routes() -> Router:
    """The routes below `/api/v1`."""
    handlers = [list_incidents, open_incident, get_incident, change_incident, feed_incident]
    return Router("/api/v1", route_handlers=handlers)
