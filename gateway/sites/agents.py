"""The owner's view of his site's agent, and what he may do with it: tick cameras, take its key away.

Ticking says which registered camera an agent's camera is; it shares nothing by itself. Taking the key away ends the
link at once and cannot be taken back: the site pairs again.
"""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from sqlalchemy.exc import IntegrityError

from gateway.audit import AuditLog
from gateway.kernel.bus import MemoryBus
from gateway.kernel.database import UnitOfWork
from gateway.kernel.errors import ConflictError, NotFoundError
from gateway.kernel.principal import Principal
from gateway.sites import leaves
from gateway.sites.hub import LinkHub
from gateway.sites.model import Agent, AgentCamera, AgentState, Enrolment, EnrolmentState
from gateway.sites.ports import RegisteredCamera, Site, SiteDirectory
from gateway.sites.store import SiteStore
from gateway.sites.troubles import Trouble, troubles_of
from partner_agent.wire.clock import Clock


class Progress(StrEnum):
    """How far a site has come; what the owner reads at the top of its page."""

    NONE = "none"  # no agent, no code typed
    WAITING_FOR_SITE = "waiting_for_site"  # the code was accepted, the agent has not come yet
    OFFLINE = "offline"
    QUARANTINED = "quarantined"
    PAUSED = "paused"
    NOTHING_TICKED = "nothing_ticked"
    WAITING_FOR_APPROVAL = "waiting_for_approval"  # a document waits for the owner on site
    NOTHING_IN_FORCE = "nothing_in_force"
    READY = "ready"


@dataclass(frozen=True, slots=True)
class SiteView:
    """Everything the site's page shows."""

    site: Site
    progress: Progress
    agent: Agent | None
    is_online: bool
    seen_at: datetime | None
    conditions: frozenset[str]
    cameras: tuple[AgentCamera, ...]
    registered: tuple[RegisteredCamera, ...]

    @property
    def troubles(self) -> list[Trouble]:
        """What is wrong, with one remedy each."""
        return troubles_of(self.agent, self.cameras, seen_at=self.seen_at, is_online=self.is_online)


class Agents:
    """Use cases around a paired agent."""

    def __init__(
        self,
        *,
        store: SiteStore,
        audit: AuditLog,
        hub: LinkHub,
        directory: SiteDirectory,
        bus: MemoryBus,
        clock: Clock,
    ) -> None:
        self._store = store
        self._audit = audit
        self._hub = hub
        self._directory = directory
        self._bus = bus
        self._clock = clock

    async def view(self, organisation_id: str, site_id: str) -> SiteView:
        """The site's page.

        Raises:
            NotFoundError: no such site of the organisation.
        """
        site = await self._directory.site_of(organisation_id, site_id)
        agent = await self._store.living_agent(site.id)
        cameras = tuple(await self._store.cameras(agent.id)) if agent else ()
        enrolment = None if agent else await self._store.latest_enrolment(site.id)
        online = self._hub.online(agent.id) if agent else None
        return SiteView(
            site=site,
            progress=self._progress(agent, enrolment, cameras),
            agent=agent,
            is_online=online is not None,
            seen_at=self._hub.seen_at(agent.id) or agent.last_seen_at if agent else None,
            conditions=agent.conditions if agent else frozenset(),
            cameras=cameras,
            registered=tuple(await self._directory.cameras_of(site.id)),
        )

    async def tick(self, principal: Principal, site_id: str, choices: dict[str, str]) -> None:
        """Say for each of the agent's cameras which registered camera it is; empty for none.

        Raises:
            NotFoundError: no such site, agent or camera.
            ConflictError: one registered camera was given to two of the agent's.
        """
        view = await self.view(principal.organisation_id, site_id)
        agent = _demand(view.agent)
        known = {camera.local_id: camera for camera in view.cameras}
        registered = {camera.id for camera in view.registered}
        if not set(choices) <= set(known) or not set(choices.values()) <= registered | {""}:
            raise NotFoundError("There is no such camera.")
        chosen = [camera_id for camera_id in choices.values() if camera_id]
        if len(chosen) != len(set(chosen)):
            raise ConflictError("Each camera on the list can be only one camera of the agent.")
        changed = {local: new or None for local, new in choices.items() if (new or None) != known[local].camera_id}
        if not changed:
            return
        async with self._store.database.unit_of_work() as unit:
            for local_id in changed:  # free all first, so that two cameras can change places
                await self._store.tick(unit, agent.id, local_id, None)
            for local_id, camera_id in changed.items():
                try:
                    await self._store.tick(unit, agent.id, local_id, camera_id)
                except IntegrityError as error:
                    raise ConflictError("One of these cameras is ticked at another agent.") from error
                draft = leaves.camera_ticked(agent, local_id, camera_id, person_id=principal.person_id)
                await self._audit.append(unit, draft)
            unit.bump(site_id)
            ticked = {camera.local_id: camera.camera_id for camera in view.cameras} | changed
            await self._directory.set_connected(unit, {c for c in ticked.values() if c}, site_id=site_id)
            unit.after_commit(lambda: self._bus.publish(f"site.{site_id}", agent.id))
            await unit.commit()

    async def revoke(self, principal: Principal, site_id: str) -> None:
        """Take the agent's key away, for ever, and end its link.

        Raises:
            NotFoundError: no such site, or it has no agent.
        """
        site = await self._directory.site_of(principal.organisation_id, site_id)
        async with self._store.database.unit_of_work() as unit:
            agent = _demand(await self._store.locked_living_agent(unit, site.id))
            await self._revoke(unit, agent, reason="revoked", person_id=principal.person_id)
            await self._directory.set_connected(unit, (), site_id=site_id)
            await unit.commit()

    async def site_removed(self, unit: UnitOfWork, site_id: str) -> None:
        """The site is gone, in the caller's transaction; its agent's key with it, and what its agents were called."""
        agent = await self._store.locked_living_agent(unit, site_id)
        if agent:
            await self._revoke(unit, agent, reason="site_removed", person_id="")
        await self._store.forget_words(unit, site_id)

    async def _revoke(self, unit: UnitOfWork, agent: Agent, *, reason: str, person_id: str) -> None:
        gone = {"state": AgentState.REVOKED.value, "state_since": self._clock.now()}
        await self._store.change_agent(unit, agent.id, **gone)
        await self._store.untick_all(unit, agent.id)
        await self._audit.append(unit, leaves.agent_removed(agent, reason=reason, person_id=person_id))
        unit.bump(agent.site_id)
        unit.after_commit(lambda: self._hub.drop(agent.id))
        unit.after_commit(lambda: self._bus.publish(f"site.{agent.site_id}", agent.id))

    # -- for other capabilities ----------------------------------------------------------------------------------

    async def views(self, organisation_id: str) -> list[SiteView]:
        """Every site of the organisation."""
        sites = await self._directory.sites_of(organisation_id)
        return [await self.view(organisation_id, site.id) for site in sites]

    async def agent_of(self, site_id: str) -> Agent | None:
        """The site's agent that is not revoked."""
        return await self._store.living_agent(site_id)

    async def agent(self, agent_id: str) -> Agent | None:
        """An agent, by its id."""
        return await self._store.agent(agent_id)

    async def agent_camera_of(self, camera_id: str) -> AgentCamera | None:
        """The agent's camera that a registered camera was ticked to be."""
        return await self._store.camera_of(camera_id)

    async def ticked(self, agent_id: str) -> list[AgentCamera]:
        """The agent's cameras that are ticked."""
        return [camera for camera in await self._store.cameras(agent_id) if camera.camera_id]

    def _progress(self, agent: Agent | None, enrolment: Enrolment | None, cameras: tuple[AgentCamera, ...]) -> Progress:
        if agent is None:
            return self._progress_of_code(enrolment)
        online = self._hub.online(agent.id)
        steps = (
            (agent.state is AgentState.PENDING, Progress.WAITING_FOR_SITE),
            (agent.state is AgentState.QUARANTINED, Progress.QUARANTINED),
            (online is None, Progress.OFFLINE),
            ("paused" in agent.conditions, Progress.PAUSED),
            (not any(camera.camera_id for camera in cameras), Progress.NOTHING_TICKED),
            (online is not None and online.proposal != "", Progress.WAITING_FOR_APPROVAL),
            (agent.acked_seq == 0, Progress.NOTHING_IN_FORCE),
        )
        return next((progress for holds, progress in steps if holds), Progress.READY)

    def _progress_of_code(self, enrolment: Enrolment | None) -> Progress:
        is_waiting = enrolment is not None and enrolment.state is EnrolmentState.APPROVED
        if enrolment and is_waiting and not enrolment.is_over(self._clock.now()):
            return Progress.WAITING_FOR_SITE
        return Progress.NONE


def _demand(agent: Agent | None) -> Agent:
    if agent is None:
        raise NotFoundError("This site has no agent.")
    return agent
