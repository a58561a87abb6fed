"""What is watched now, for a supervisor or compliance: who, which camera, why, how long, how; and the stop.

Links to phones that show nothing now are there too, for they may show something the next moment. Read when the page
is opened and again at every news of the log, so a view appears and goes by itself. A stop is answered once no picture
passes any more; the person who watched, or sent the link, reads that a supervisor stopped it.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, Protocol

from litestar import Request, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath
from litestar.response import Redirect, ServerSentEvent, Template

from gateway.audit import ALL_TOPIC
from gateway.cameras import Cameras
from gateway.desks.console.words import KINDS, PURPOSES, in_reader_s
from gateway.edge.requires import requires
from gateway.incidents import Incidents
from gateway.kernel.bus import MemoryBus
from gateway.kernel.principal import Principal, Role
from gateway.live import PhoneLink, PhoneState, Session
from gateway.partners import Partners
from gateway.web import _, after, change_stream, page, read_form
from partner_agent.wire.clock import Clock

AnyRequest = Request[Any, Any, Any]


class Running(Protocol):
    """The part of live views that the board needs."""

    def running(self) -> list[Session]:
        """Every open session, newest first."""

    async def stop(self, principal: Principal, session_id: str) -> None:
        """Stop somebody's view.

        Raises:
            NotFoundError: there is none.
        """


class Links(Protocol):
    """The part of links to phones that the board needs."""

    async def unshown(self) -> Sequence[PhoneState]:
        """Links that may show a picture and show none now, newest first."""

    async def stop_another_s(self, principal: Principal, link_id: str) -> None:
        """Take somebody's link back.

        Raises:
            NotFoundError: there is none.
        """


class PersonNames(Protocol):
    """What people are called now."""

    async def names(self, ids: Collection[str]) -> Mapping[str, str]:
        """Names by id, of those it knows."""


@dataclass(frozen=True, slots=True)
class WatchLine:
    """One view as the board shows it.

    Attributes:
        who, second: by name; `second` where it is emergency access by two people.
        owner: whose camera; empty for a home, whose name is nobody's business.
        seconds: since it was asked for.
    """

    session: Session
    who: str
    second: str
    camera: str
    owner: str
    incident: str
    seconds: int


@dataclass(frozen=True, slots=True)
class LinkLine:
    """A link to a phone that shows nothing now: who sent it, of which camera and why, and until when something may.

    Attributes:
        owner: as in `WatchLine`.
        is_opened: whether a phone has it.
    """

    link: PhoneLink
    who: str
    camera: str
    owner: str
    incident: str
    is_opened: bool
    until: datetime


class WatchingDesk:
    """Joins the running views with what their people, cameras and incidents are called."""

    def __init__(
        self,
        *,
        live: Running,
        phones: Links,
        people: PersonNames,
        cameras: Cameras,
        partners: Partners,
        incidents: Incidents,
        clock: Clock,
    ) -> None:
        self._live, self._phones, self._people, self._cameras = live, phones, people, cameras
        self._partners, self._incidents, self._clock = partners, incidents, clock

    async def lines(self) -> Sequence[WatchLine]:
        """Every running view, newest first."""
        sessions = self._live.running()
        names = await self._people.names({one for s in sessions for one in (s.person_id, s.second_id) if one})
        cameras, owners, incidents = await self._called(sessions)
        now = self._clock.now()
        return [
            WatchLine(
                session=one,
                who=names.get(one.person_id, ""),
                second=names.get(one.second_id, ""),
                camera=cameras.get(one.camera_id, ""),
                owner=owners.get(one.camera_id, ""),
                incident=incidents.get(one.incident_id, ""),
                seconds=max(0, int((now - one.requested_at).total_seconds())),
            )
            for one in sessions
        ]

    async def links(self) -> Sequence[LinkLine]:
        """Every link to a phone that may show a picture and shows none now, newest first."""
        states = await self._phones.unshown()
        links = [state.link for state in states]
        names = await self._people.names({link.person_id for link in links})
        cameras, owners, incidents = await self._called(links)
        return [
            LinkLine(
                link=link,
                who=names.get(link.person_id, ""),
                camera=cameras.get(link.camera_id, ""),
                owner=owners.get(link.camera_id, ""),
                incident=incidents.get(link.incident_id, ""),
                is_opened=link.ends_at is not None,
                until=link.ends_at or link.open_until,
            )
            for link in links
        ]

    async def stop(self, principal: Principal, session_id: str) -> None:
        """Stop one; raises as `Running.stop`."""
        await self._live.stop(principal, session_id)

    async def stop_link(self, principal: Principal, link_id: str) -> None:
        """Take one back; raises as `Links.stop_another_s`."""
        await self._phones.stop_another_s(principal, link_id)

    async def _called(self, seen: Sequence[Session] | Sequence[PhoneLink]) -> tuple[dict[str, str], ...]:
        """Cameras, owners by camera, and incidents, as they are called now; homes have no owner here."""
        cameras = await self._cameras.cameras({one.camera_id for one in seen})
        owners: dict[str, str] = {}
        for camera in cameras:
            if not camera.people_live_here:
                owners[camera.id] = (await self._partners.organisation(camera.organisation_id)).name
        incidents = {id_: await self._incident(id_) for id_ in {one.incident_id for one in seen} - {""}}
        return {camera.id: camera.name for camera in cameras}, owners, incidents

    async def _incident(self, incident_id: str) -> str:
        incident = await self._incidents.find(incident_id)
        if incident is None:
            return ""
        kind = _(KINDS[incident.kind.value])
        return f"{kind}, {incident.number}" if incident.number else kind


@get("/console/watching", opt=requires("session.stop"), include_in_schema=False)
async def watching_page(
    request: AnyRequest, principal: NamedDependency[Principal], watching: NamedDependency[WatchingDesk]
) -> Template:
    """The board."""
    theme = "dark" if Role.SUPERVISOR in principal.roles else "auto"
    lines, links, purposes = await watching.lines(), await watching.links(), in_reader_s(PURPOSES)
    return page(
        "console/watching.html",
        request,
        title=_("Watched now"),
        theme=theme,
        lines=lines,
        links=links,
        purposes=purposes,
    )


@post("/console/watching/{session_id:str}/stop", opt=requires("session.stop"), include_in_schema=False)
async def stop_watching(
    request: AnyRequest,
    principal: NamedDependency[Principal],
    watching: NamedDependency[WatchingDesk],
    session_id: FromPath[str],
) -> Redirect:
    """Stop it."""
    await read_form(request)
    await watching.stop(principal, session_id)
    return after("/console/watching", "view-stopped")


@post("/console/watching/links/{link_id:str}/stop", opt=requires("session.stop"), include_in_schema=False)
async def stop_watching_link(
    request: AnyRequest,
    principal: NamedDependency[Principal],
    watching: NamedDependency[WatchingDesk],
    link_id: FromPath[str],
) -> Redirect:
    """Take a link to a phone back."""
    await read_form(request)
    await watching.stop_link(principal, link_id)
    return after("/console/watching", "link-stopped")


@get("/console/watching/events", opt=requires("session.stop", deadline_s=None), include_in_schema=False)
async def watching_events(bus: NamedDependency[MemoryBus]) -> ServerSentEvent:
    """Says `changed` at every entry of the log: a view begins and ends with one."""
    return change_stream(bus, ALL_TOPIC)


PAGES: Final = (watching_page, stop_watching, stop_watching_link, watching_events)
