"""Incidents as JSON: for the console, and for a dispatch feed with its own key.

The feed's shape is what a CAD interface has at hand: kind, place, number, origin. It is known by a bearer key that
set-up names by file; without one, the feed's door is shut.
"""

import hashlib
import hmac
from datetime import datetime
from typing import Annotated

import msgspec
from litestar import Router, get, patch, post
from litestar.params import Parameter

from gateway.edge.inputs import Line, OptionalLine, StrictInput
from gateway.edge.requires import PUBLIC, requires
from gateway.incidents.model import Incident, IncidentReport, purposes_of
from gateway.incidents.service import Incidents
from gateway.kernel.errors import UnauthenticatedError
from gateway.kernel.principal import Principal
from policies.vocabulary import IncidentKind, Origin


class FeedKey:
    """The dispatch feed's bearer key, kept as its hash; an empty one accepts nobody."""

    def __init__(self, key: str) -> None:
        self._sha256 = hashlib.sha256(key.encode()).digest() if key else b""

    def demand(self, authorization: str) -> None:
        """Let the feed in.

        Raises:
            UnauthenticatedError: the header is not `Bearer` with this gateway's feed key.
        """
        scheme, _, given = authorization.partition(" ")
        is_key = hmac.compare_digest(hashlib.sha256(given.encode()).digest(), self._sha256)
        if scheme.lower() != "bearer" or not self._sha256 or not is_key:
            raise UnauthenticatedError("This door is for the dispatch feed; send its key as a bearer token.")


class IncidentInput(StrictInput, frozen=True):
    """What is sent to open an incident."""

    kind: IncidentKind
    lat: float
    lon: float
    address: OptionalLine = ""
    number: OptionalLine = ""
    origin: Origin = Origin.HAND

    def report(self) -> IncidentReport:
        """As the service reads it."""
        return IncidentReport(self.kind, self.origin, self.lat, self.lon, self.address.strip(), self.number.strip())


class ChangeInput(StrictInput, frozen=True):
    """What can be changed: a number, or a place with both its coordinates."""

    number: Line | None = None
    lat: float | None = None
    lon: float | None = None
    address: OptionalLine = ""
    is_closed: bool = False


class IncidentOutput(msgspec.Struct, frozen=True, kw_only=True):
    """An incident as JSON."""

    id: str
    kind: str
    origin: str
    number: str
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
async def list_incidents(principal: Principal, incidents: Incidents) -> list[IncidentOutput]:
    """The agency's open incidents, then those of the last day."""
    return [IncidentOutput.of(incident) for incident in await incidents.recent(principal)]


@post("/incidents", opt=requires("incident.open"))
async def open_incident(data: IncidentInput, principal: Principal, incidents: Incidents) -> IncidentOutput:
    """Open an incident by hand."""
    return IncidentOutput.of(await incidents.open(principal, data.report()))


@get("/incidents/{incident_id:str}", opt=requires("console.read"))
async def get_incident(incident_id: str, principal: Principal, incidents: Incidents) -> IncidentOutput:
    """One incident."""
    return IncidentOutput.of(await incidents.incident(principal, incident_id))


@patch("/incidents/{incident_id:str}", opt=requires("incident.open"))
async def change_incident(
    incident_id: str, data: ChangeInput, principal: Principal, incidents: Incidents
) -> IncidentOutput:
    """Give it its number, move it, or close it."""
    incident = await incidents.incident(principal, incident_id)
    if data.number is not None:
        incident = await incidents.give_number(principal, incident_id, data.number.strip())
    if data.lat is not None and data.lon is not None:
        incident = await incidents.move(principal, incident_id, lat=data.lat, lon=data.lon, address=data.address)
    if data.is_closed:
        incident = await incidents.close(principal, incident_id)
    return IncidentOutput.of(incident)


@post("/feeds/incidents", opt=requires(PUBLIC, reads_cookies=False))
async def feed_incident(
    data: IncidentInput,
    incidents: Incidents,
    feed_key: FeedKey,
    agency_id: str,
    authorization: Annotated[str, Parameter(header="Authorization", max_length=300)] = "",
) -> IncidentOutput:
    """The dispatch system reports a call, or news of one."""
    feed_key.demand(authorization)
    return IncidentOutput.of(await incidents.feed(agency_id, data.report()))


incident_routes = Router(
    "/api/v1",
    route_handlers=[list_incidents, open_incident, get_incident, change_incident, feed_incident],
)
