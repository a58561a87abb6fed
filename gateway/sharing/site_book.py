"""What a site's policy holds apart from the owner's answers: cameras, agreement, ordinance, and the names for them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Protocol

from gateway.cameras import Camera, Cameras
from gateway.kernel.errors import PreconditionError
from gateway.partners import Partners, Site
from gateway.sharing.in_force import InForce
from gateway.sharing.model import SiteCamera, SiteFacts
from gateway.sharing.ports import SiteAgent, SiteAgents
from gateway.web import reader_s_voice
from partner_agent.wire.limits import HOLD_DEFAULT_S
from policies.fields import PolicyError, as_name
from policies.guardrail import Guardrail
from policies.model import Agreement
from policies.voice import Voice


@dataclass(frozen=True, slots=True)
class Agency:
    """The agency this gateway belongs to."""

    id: str
    name: str


class AgencyDirectory(Protocol):
    """Knows the agency."""

    async def agency(self) -> Agency:
        """The one agency of this gateway."""


class SiteBook:
    """Collects the facts of a site."""

    def __init__(
        self,
        *,
        partners: Partners,
        cameras: Cameras,
        agents: SiteAgents,
        agency: AgencyDirectory,
        ordinance: InForce,
        hold_s: int = HOLD_DEFAULT_S,
    ) -> None:
        """`ordinance`: without a pack in force nothing here can be built."""
        self.partners = partners
        self.cameras = cameras
        self.agents = agents
        self._agency = agency
        self.ordinance = ordinance
        self._hold_s = hold_s

    @property
    def guardrail(self) -> Guardrail:
        """The ordinance pack in force."""
        return self.ordinance.pack

    @property
    def packs(self) -> Mapping[str, Guardrail]:
        """Every pack that a site may hold, by digest."""
        return self.ordinance.known

    @property
    def agreement_digest(self) -> str:
        """Names the agreement that came with the installation; what is signed later is announced when it is."""
        return self.partners.agreement.sha256

    async def agency(self) -> Agency:
        """The agency."""
        return await self._agency.agency()

    async def facts(self, site_id: str, organisation_id: str, agent: SiteAgent | None) -> SiteFacts:
        """The facts of a site: with its agent's names for the ticked cameras, or before pairing with our own.

        Raises:
            PreconditionError: no version of the agreement was accepted.
        """
        agreed = await self.partners.memoranda.in_force(organisation_id)
        if agreed is None:
            raise PreconditionError("Accept the agreement first; then choose what is shared.")
        agency = await self._agency.agency()
        registered = await self.cameras.of_site(site_id)
        names = {camera.id: camera.id for camera in registered}
        if agent is not None:
            names = dict(await self.ticked(agent))
        return SiteFacts(
            partner=organisation_id,
            agreement=Agreement(agreed.accepted.mou, agreed.accepted.sha256),
            envelope=agreed.rules.bind(agencies=[agency.id], accepted_at=agreed.accepted_at),
            guardrail=self.guardrail.digest,
            hold_s=self._hold_s,
            cameras=tuple(_site_camera(camera, names[camera.id]) for camera in registered if camera.id in names),
        )

    async def ticked(self, agent: SiteAgent) -> Mapping[str, str]:
        """Registered camera to the agent's own name, of those ticked there whose name can stand in a document."""
        return {name: local for name, local in (await self.agents.ticked(agent.id)).items() if _is_name(local)}

    async def areas(self, site_id: str, cameras: Sequence[Camera]) -> tuple[tuple[str, str, tuple[str, ...]], ...]:
        """What can be black in pictures there: what rules call it, its label, the cameras that have it."""
        agent = await self.agents.agent_of(site_id)
        if agent is None:
            return ()
        drawn, ticked = await self.agents.areas(agent.id), await self.ticked(agent)
        labels: dict[str, str] = {}
        whose: dict[str, list[str]] = {}
        for camera in cameras:
            for name, label in drawn.get(ticked.get(camera.id, ""), {}).items():
                labels.setdefault(name, label)
                whose.setdefault(name, []).append(camera.name)
        return tuple((name, labels[name], tuple(whose[name])) for name in sorted(labels))

    async def names(self, site_id: str) -> Mapping[str, str]:
        """The registered cameras of a site and what people call them."""
        return {camera.id: camera.name for camera in await self.cameras.of_site(site_id)}

    async def voice(self, site: Site, agent: SiteAgent | None = None) -> Voice:
        """For sentences about a site in the reader's language; `agent`: its names stand for the cameras."""
        agency, names = await self._agency.agency(), await self.names(site.id)
        if agent is not None:
            ticked = await self.ticked(agent)
            names = {on_site: names[name] for name, on_site in ticked.items() if name in names}
        return replace(reader_s_voice(), cameras=names, agencies={agency.id: agency.name}, zone=site.zone)


def _site_camera(camera: Camera, name_on_site: str) -> SiteCamera:
    return SiteCamera(
        id=camera.id,
        name_on_site=name_on_site,
        lat=camera.place.lat,
        lon=camera.place.lon,
        people_live_here=camera.people_live_here,
        is_public_facing=camera.facts.is_public_facing,
        labels=camera.facts.labels,
    )


def _is_name(text: str) -> bool:
    try:
        as_name(text, "camera")
    except PolicyError:
        return False
    return True
