"""Joins what an owner needs to know into one answer per page; decides and changes nothing itself."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from gateway.audit import AuditLog, Query
from gateway.cameras import Camera, Cameras, CameraState
from gateway.desks.portal.looks import SENTENCES, Look, look_of
from gateway.desks.portal.ports import (
    CameraStatus,
    LiveViews,
    Pairing,
    Requests,
    Sharing,
    Task,
    Trouble,
    Troubles,
    ViewRequests,
    Watched,
)
from gateway.desks.portal.requests import Card, ViewCard, card_of, is_shown, task_of, view_card_of, view_task_of
from gateway.kernel.errors import NotFoundError, PreconditionError
from gateway.kernel.principal import Principal
from gateway.partners import Organisation, Partners, Site
from gateway.web import _
from partner_agent.wire.touches import Assertion

RECENT = 5  # lines of the timeline on the first page
LISTED = CameraStatus("unavailable", "On the list", "On the list only: nobody can look through it.")
CONNECTED = CameraStatus("unavailable", "Not shared", "Connected, and nothing is shared yet.")


@dataclass(frozen=True, slots=True)
class Step:
    """One step of the set-up."""

    title: str
    detail: str
    href: str
    is_done: bool


@dataclass(frozen=True, slots=True)
class Overview:
    """The first page."""

    organisation: Organisation
    sites: Sequence[Site]
    cameras: Mapping[str, Sequence[Camera]]
    statuses: Mapping[str, CameraStatus]
    watched: Sequence[Watched]
    tasks: Sequence[Task]
    troubles: Sequence[Trouble]
    looks: Sequence[Look]
    steps: Sequence[Step]
    is_stopped: bool = False

    @property
    def is_set_up(self) -> bool:
        """Whether every step is done."""
        return all(step.is_done for step in self.steps)


class PortalDesk:
    """The owner's desk."""

    def __init__(
        self,
        *,
        partners: Partners,
        cameras: Cameras,
        audit: AuditLog,
        live: LiveViews | None = None,
        sharing: Sharing | None = None,
        requests: Requests | None = None,
        view_requests: ViewRequests | None = None,
        pairing: Pairing | None = None,
        troubles: tuple[Troubles, ...] = (),
    ) -> None:
        self._partners = partners
        self._cameras = cameras
        self._audit = audit
        self._live = live
        self._sharing = sharing
        self._requests = requests
        self._view_requests = view_requests
        self._pairing = pairing
        self._troubles = troubles

    async def overview(self, principal: Principal) -> Overview:
        """Everything the first page says."""
        mine = principal.organisation_id
        sites = await self._partners.sites(mine)
        cameras = await self._cameras.of_organisation(mine)
        return Overview(
            organisation=await self._partners.organisation(mine),
            sites=sites,
            cameras={site.id: [c for c in cameras if c.site_id == site.id] for site in sites},
            statuses=await self._statuses(cameras),
            watched=await self._live.watched(mine) if self._live else (),
            tasks=await self._tasks(mine, cameras),
            troubles=[t for source in self._troubles for t in await source.troubles(mine)],
            looks=(await self.looks(principal, limit=RECENT))[0],
            steps=await self.steps(principal),
            is_stopped=await self._sharing.is_stopped(mine) if self._sharing else False,
        )

    async def steps(self, principal: Principal) -> list[Step]:
        """The set-up as a checklist that can be left and resumed."""
        mine = principal.organisation_id
        organisation = await self._partners.organisation(mine)
        sites = await self._partners.sites(mine)
        cameras = await self._cameras.of_organisation(mine)
        add_camera = f"/portal/sites/{sites[0].id}/cameras/new" if sites else "/portal/sites/new"
        has_rules = await self._sharing.has_rules(mine) if self._sharing else False
        has_agent = await self._pairing.has_agent(mine) if self._pairing else False
        return [
            Step(_("Confirm your e-mail"), _("Open the link we sent you."), "", organisation.state == "active"),
            Step(_("Say where it is"), _("The place where your cameras are."), "/portal/sites/new", bool(sites)),
            Step(_("Put your cameras on the map"), _("About a minute each."), add_camera, bool(cameras)),
            Step(
                _("Accept the agreement"),
                _("What both sides promise."),
                "/portal/agreement",
                await self._partners.has_accepted(mine),
            ),
            Step(_("Choose what is shared"), _("Four presets, or camera by camera."), "/portal/sharing", has_rules),
            Step(
                _("Connect your site"),
                _("Install the agent beside your recorder and type its code here."),
                "/portal/pair",
                has_agent,
            ),
        ]

    async def looks(self, principal: Principal, *, before: str = "", limit: int = 50) -> tuple[list[Look], str]:
        """Who looked, newest first, and the cursor of the next page."""
        mine = principal.organisation_id
        query = Query(streams=frozenset({mine}), kinds=frozenset(SENTENCES))
        found = await self._audit.find(query, before=before, limit=limit)
        names = {c.id: c.name for c in await self._cameras.of_organisation(mine)}
        return [look_of(entry, names) for entry in found.entries], found.next_cursor

    async def requests(self, principal: Principal, *, before: str = "") -> list[Card]:
        """Requests for recordings, newest first."""
        found = await self._requests.requests(principal, before=before) if self._requests else ()
        names, people = await self._names(principal.organisation_id)
        return [card_of(request, names, people) for request in found if is_shown(request, principal)]

    async def view_requests(self, principal: Principal) -> list[ViewCard]:
        """Requests to watch live, newest first."""
        found = await self._view_requests.requests(principal) if self._view_requests else ()
        names, people = await self._names(principal.organisation_id)
        return [view_card_of(request, names, people) for request in found if is_shown(request, principal)]

    async def let_watch(self, principal: Principal, request_id: str, assertion: Assertion) -> None:
        """Say yes to a live view, by one touch.

        Raises:
            NotFoundError: there is none, or it is another's.
            ConflictError: it was answered, or is over.
            PreconditionError: the touch is none that the site would take.
        """
        if self._view_requests is None:
            raise NotFoundError("There is no such request.")
        await self._view_requests.send(principal, request_id, assertion)

    async def decline_view(self, principal: Principal, request_id: str) -> None:
        """Say no to a live view; a picture that runs under a yes ends.

        Raises:
            NotFoundError: there is none, or it is another's.
            ConflictError: it was declined, or is over.
        """
        if self._view_requests is None:
            raise NotFoundError("There is no such request.")
        await self._view_requests.decline(principal, request_id)

    async def send(self, principal: Principal, request_id: str, assertion: Assertion) -> None:
        """Send a recording, by one touch.

        Raises:
            NotFoundError: there is none, or it is another's.
            ConflictError: it was answered, or is over.
            PreconditionError: the touch is none that the site would take.
        """
        if self._requests is None:
            raise NotFoundError("There is no such request.")
        await self._requests.send(principal, request_id, assertion)

    async def decline(self, principal: Principal, request_id: str) -> None:
        """Say no to a request.

        Raises:
            NotFoundError: there is none, or it is another's.
            ConflictError: it was answered, or is over.
        """
        if self._requests is None:
            raise NotFoundError("There is no such request.")
        await self._requests.decline(principal, request_id)

    async def switch(self, principal: Principal, camera_id: str, *, is_on: bool) -> None:
        """The one switch of a camera's card.

        Raises:
            NotFoundError: the camera belongs to somebody else.
            PreconditionError: nothing has been said yet about what is shared.
        """
        camera = await self._cameras.camera(camera_id, organisation_id=principal.organisation_id)
        if self._sharing is None:
            raise PreconditionError("Choose first what is shared.")
        await self._sharing.switch(principal, camera, is_on=is_on)

    async def _names(self, organisation_id: str) -> tuple[dict[str, str], dict[str, str]]:
        """What the organisation's cameras and people are called."""
        cameras = await self._cameras.of_organisation(organisation_id)
        people = await self._partners.members(organisation_id)
        return {c.id: c.name for c in cameras}, {m.person_id: m.name for m in people}

    async def _tasks(self, organisation_id: str, cameras: Sequence[Camera]) -> list[Task]:
        waiting = await self._requests.waiting(organisation_id) if self._requests else ()
        views = await self._view_requests.waiting(organisation_id) if self._view_requests else ()
        names = {c.id: c.name for c in cameras}
        live = sorted([view_task_of(request, names) for request in views], key=lambda task: task.since)
        return live + sorted([task_of(request, names) for request in waiting], key=lambda task: task.since)

    async def _statuses(self, cameras: Sequence[Camera]) -> dict[str, CameraStatus]:
        own = {c.id: CONNECTED if c.state is CameraState.CONNECTED else LISTED for c in cameras}
        return own | dict(await self._sharing.statuses(cameras) if self._sharing else {})
