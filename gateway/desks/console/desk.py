"""Joins what an operator needs into one answer per page; what may be read of a camera is decided by `sharing`."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Final
from zoneinfo import ZoneInfo

import msgspec

from gateway.cameras import Box, Camera, Cameras, middle_of
from gateway.desks.console.ports import (
    AskLine,
    Asks,
    ClipLine,
    Clips,
    ClipWish,
    Layouts,
    Listing,
    Near,
    SecondAsk,
    Seconds,
)
from gateway.desks.console.second import SecondDesk, owner_of
from gateway.incidents import Incident, Incidents, purposes_of
from gateway.kernel.errors import InvalidError, NotFoundError, UnavailableError
from gateway.kernel.principal import Principal
from gateway.partners import Partners
from partner_agent.wire.clock import Clock
from policies.vocabulary import Purpose

LAYOUT: Final = "wall"  # the preference's name
LAYOUTS: Final = {"1": "1", "4": "4", "9": "9", "16": "16", "big": "1+"}  # pictures at once, and what the button says
USUAL_LAYOUT: Final = "4"
STARTS: Final = 4  # pictures that start by themselves with an incident
RADIUS_M: Final = 400.0  # of the list around an incident
MOST_NEAR: Final = 50
MOST_ON_MAP: Final = 500  # cameras at their places on the map before an incident; of more only numbers are shown
EVERYWHERE: Final = Box(-90, -180, 90, 180)
STREET_PURPOSE: Final = Purpose.LIFE_SAFETY  # of the map before an incident, when nobody has named one


@dataclass(frozen=True, slots=True)
class Line:
    """One camera of the list beside the map.

    Attributes:
        availability: what the rules say of it, and what its owner said to the request of this incident.
        remedies: what is still open, in the order in which it was offered.
        asked: the owner's time to answer about this camera; None if they are not being asked about it.
        second: the caller's question to a second person about this camera; None if there is none.
        is_granted: whether the owner, or a second person, said yes to this view of this person.
    """

    near: Near
    owner: str
    availability: str
    remedies: tuple[str, ...] = ()
    asked: AskLine | None = None
    second: SecondAsk | None = None

    @property
    def camera(self) -> Camera:
        """Which."""
        return self.near.camera

    @property
    def is_granted(self) -> bool:
        """Whether the picture may start now because its owner, or a second person, said yes."""
        return self.is_owner_s_yes or self.is_seconded

    @property
    def is_owner_s_yes(self) -> bool:
        """Whether the owner said yes to it."""
        return self.asked is not None and self.asked.standing == "granted"

    @property
    def is_seconded(self) -> bool:
        """Whether a second person confirmed it, and their word is needed: an owner's yes goes first."""
        return not self.is_owner_s_yes and self.second is not None and self.second.state == "confirmed"


def line_of(near: Near, owner: str, ask: AskLine | None, second: SecondAsk | None = None) -> Line:
    """A camera with what came of asking its owner and a second person: each way stays open when the other is used up.

    Nothing tells a no from silence, or from another rule.
    """
    if str(near.availability) != "available_if":
        return Line(near, owner, str(near.availability))
    offered = tuple(str(remedy) for remedy in near.remedies)
    is_asked_of_this = ask is not None and ask.camera_id == near.camera.id and ask.standing != "over"
    if ask is not None and not is_asked_of_this:  # an owner is asked once for an incident
        offered = tuple(remedy for remedy in offered if remedy != "ask")
    asked = ask if "ask" in offered else None
    line = Line(near, owner, "available_if", offered, asked, second if "two_persons" in offered else None)
    if line.is_granted:
        return replace(line, availability="available")
    return line if offered else replace(line, availability="not_available")


@dataclass(frozen=True, slots=True)
class Scene:
    """An open incident with what is around it, for the caller's own agency or on behalf of another."""

    incident: Incident
    purpose: str
    purposes: Sequence[str]
    is_active: bool
    ends_at: datetime | None
    lines: Sequence[Line]
    starts: Sequence[str]
    on_behalf_of: str = ""


@dataclass(frozen=True, slots=True)
class ClipWays:
    """How a recording may be asked for: in the usual way, and with a second person, where that is needed and helps."""

    owner: bool
    two: bool


@dataclass(frozen=True, slots=True)
class Square:
    """Cameras that are shown only as a number: their square's middle and how many."""

    lat: float
    lon: float
    count: int


@dataclass(frozen=True, slots=True)
class Overview:
    """The map before an incident."""

    points: Sequence[Camera]
    squares: Sequence[Square]


class ConsoleDesk:
    """The operator's desk."""

    def __init__(
        self,
        *,
        incidents: Incidents,
        cameras: Cameras,
        partners: Partners,
        clock: Clock,
        zone: ZoneInfo,
        listing: Listing | None = None,
        clips: Clips | None = None,
        asks: Asks | None = None,
        seconds: Seconds | None = None,
        layouts: Layouts | None = None,
        ice_servers: Callable[[str], Sequence[object]] = lambda _: (),
        sends_to_phones: bool = True,
    ) -> None:
        self.zone, self.sends_to_phones = zone, sends_to_phones
        self._incidents = incidents
        self._cameras = cameras
        self._partners = partners
        self._clock = clock
        self._listing = listing
        self._clips = clips
        self._asks = asks
        self._layouts = layouts
        self._ice_servers = ice_servers
        self.seconds = SecondDesk(seconds, incidents=incidents, cameras=cameras, partners=partners)

    def now(self) -> datetime:
        """The gateway's time."""
        return self._clock.now()

    def ice_servers(self, principal: Principal) -> str:
        """Ways to the pictures past a firewall, as the page's script takes them."""
        return msgspec.json.encode(self._ice_servers(principal.person_id)).decode()

    async def layout(self, principal: Principal) -> str:
        """How the person's wall is laid out: one of `LAYOUTS`."""
        chosen = await self._layouts.read(principal.person_id, LAYOUT) if self._layouts else ""
        return chosen if chosen in LAYOUTS else USUAL_LAYOUT

    async def keep_layout(self, principal: Principal, layout: str) -> None:
        """Lay it out so from now on.

        Raises:
            InvalidError: there is no such layout.
        """
        if layout not in LAYOUTS:
            raise InvalidError("There is no such choice.", fields={"layout": "There is no such choice."})
        if self._layouts:
            await self._layouts.keep(principal.person_id, LAYOUT, layout)

    async def incidents(self, principal: Principal) -> list[Incident]:
        """Open ones, most urgent first, then those closed lately."""
        return await self._incidents.recent(principal)

    async def overview(self, principal: Principal) -> Overview:
        """The map before an incident: cameras the operator may know the place of; homes only as a number."""
        if self._listing is None:
            return Overview((), ())
        seen = await self._listing.map_view(principal, EVERYWHERE, purpose=STREET_PURPOSE, most=MOST_ON_MAP)
        squares = [(middle_of(cell), count) for cell, count in sorted(seen.squares.items())]
        return Overview(seen.points, [Square(round(at.lat, 4), round(at.lon, 4), n) for at, n in squares])

    async def scene(
        self, principal: Principal, incident_id: str, *, purpose: str = "", on_behalf_of: str = ""
    ) -> Scene:
        """An incident and the cameras around it for one purpose; empty proposes the first of its kind.

        Args:
            principal: who looks.
            incident_id: why.
            purpose: what for.
            on_behalf_of: the other agency they look for, as they say; empty for their own.

        Raises:
            NotFoundError: there is no such incident in the caller's agency.
            InvalidError: the incident is no ground for this purpose.
        """
        incident = await self._incidents.incident(principal, incident_id)
        purposes = [p.value for p in purposes_of(incident.kind, principal.roles)]
        chosen = purpose or next(iter(purposes), "")
        if chosen not in purposes:
            raise InvalidError("This incident is no ground for that purpose. Choose one of those offered.")
        now = self._clock.now()
        lines = await self._lines(principal, incident, chosen, on_behalf_of) if incident.is_active(now) else []
        starts = [line.camera.id for line in lines if line.near.availability == "available"][:STARTS]
        until = incident.active_until
        return Scene(incident, chosen, purposes, incident.is_active(now), until, lines, starts, on_behalf_of)

    async def clip_lines(self, principal: Principal, *, before: str = "") -> list[tuple[ClipLine, str]]:
        """The agency's requests for recordings, newest first, each with what its camera is called."""
        lines = await self._clips.lines(principal, before=before) if self._clips else ()
        names = {c.id: c.name for c in await self._cameras.cameras({line.camera_id for line in lines})}
        return [(line, names.get(line.camera_id, "")) for line in lines]

    async def ask_for_clip(self, principal: Principal, wish: ClipWish) -> str:
        """Ask for a recording.

        Raises:
            UnavailableError: recordings are not set up.
        """
        if self._clips is None:
            raise UnavailableError("Recordings cannot be asked for here yet.")
        return await self._clips.ask(principal, wish)

    async def ways(self, principal: Principal, wish: ClipWish) -> ClipWays:
        """How this recording may be asked for; in the usual way, too, where nothing helps: asking says so.

        Raises:
            InvalidError: nobody could give such a range.
            NotFoundError: no such camera, or the person may not know of it.
        """
        two = await self.seconds.is_for_two(principal, wish)
        is_usual = self._clips is not None and await self._clips.may_ask(principal, wish)
        return ClipWays(owner=is_usual or not two, two=two)

    async def ask_to_watch(self, principal: Principal, *, camera_id: str, purpose: str, incident_id: str) -> None:
        """Ask a camera's owner for one live view.

        Raises:
            UnavailableError: nobody can be asked here.
        """
        if self._asks is None:
            raise UnavailableError("Owners cannot be asked here yet.")
        await self._asks.ask(principal, camera_id=camera_id, purpose=purpose, incident_id=incident_id)

    async def camera_name(self, principal: Principal, camera_id: str, incident: Incident, *, purpose: str) -> str:
        """What a camera is called, if the operator may know of it for this incident.

        Raises:
            NotFoundError: there is none, or they may not: the same answer.
        """
        camera = await self._cameras.camera(camera_id)
        if self._listing is None or not await self._listing.is_known(
            principal, camera, purpose=purpose, incident=incident
        ):
            raise NotFoundError("There is no such camera.")
        return camera.name

    async def _lines(self, principal: Principal, incident: Incident, purpose: str, on_behalf_of: str) -> list[Line]:
        if self._listing is None:
            return []
        found = await self._listing.list_near(
            principal, incident, purpose=purpose, radius_m=RADIUS_M, most=MOST_NEAR, on_behalf_of=on_behalf_of
        )
        names = {}
        for organisation_id in {near.camera.organisation_id for near in found}:
            names[organisation_id] = (await self._partners.organisation(organisation_id)).name
        asks = await self._asks.of_incident(principal, incident.id) if self._asks else {}
        seconds = await self.seconds.of_incident(principal, incident.id, purpose=purpose)
        return [
            line_of(
                near,
                owner_of(near.camera, names),
                asks.get(near.camera.organisation_id),
                seconds.get(near.camera.id),
            )
            for near in found
        ]
