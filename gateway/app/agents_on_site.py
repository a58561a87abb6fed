"""The agents on site as sharing needs them."""

from collections.abc import Mapping
from datetime import datetime
from typing import Final

from gateway.kernel.errors import UnavailableError
from gateway.sharing import SiteAgent
from gateway.sites import Agent, Sites, TouchAnswer
from partner_agent.wire.limits import ANSWERS_VOCABULARY
from partner_agent.wire.tokens import PublicKey
from partner_agent.wire.touches import Assertion, Path

PAUSED: Final = "paused"


class AgentsOnSite:
    """`sharing.SiteAgents` over the agents, who are built after sharing: `tie` is called once."""

    def __init__(self) -> None:
        self._sites: Sites | None = None

    def tie(self, sites: Sites) -> None:
        """These are they."""
        self._sites = sites

    async def agent_of(self, site_id: str) -> SiteAgent | None:
        """The site's agent."""
        return self._known(await self._sites.agents.agent_of(site_id)) if self._sites else None

    async def agent(self, agent_id: str) -> SiteAgent | None:
        """An agent."""
        return self._known(await self._sites.agents.agent(agent_id)) if self._sites else None

    async def ticked(self, agent_id: str) -> Mapping[str, str]:
        """Its ticked cameras."""
        found = await self._sites.agents.ticked(agent_id) if self._sites else []
        return {camera.camera_id: camera.local_id for camera in found if camera.camera_id}

    async def areas(self, agent_id: str) -> Mapping[str, Mapping[str, str]]:
        """What can be black in its ticked cameras' pictures."""
        found = await self._sites.agents.ticked(agent_id) if self._sites else []
        return {camera.local_id: dict(camera.areas) for camera in found}

    def knows_answerers(self, agent_id: str) -> bool:
        """Whether what it said on its link that it knows holds them."""
        online = self._sites.hub.online(agent_id) if self._sites else None
        return online is not None and online.vocabulary >= ANSWERS_VOCABULARY

    def nudge(self, agent_id: str) -> None:
        """Something may be due."""
        if self._sites:
            self._sites.delivery.nudge(agent_id)

    async def approve(
        self, agent_id: str, *, sha256: str, label: str, assertion: Assertion, path: Path | None = None
    ) -> TouchAnswer:
        """Bring an owner's touch there."""
        if self._sites is None:
            raise UnavailableError("The site is not connected.")
        return await self._sites.delivery.approve(agent_id, sha256=sha256, label=label, assertion=assertion, path=path)

    async def say_no(self, agent_id: str, *, sha256: str) -> None:
        """Tell it that a proposal is over."""
        if self._sites is None:
            raise UnavailableError("The site is not connected.")
        await self._sites.delivery.say_no(agent_id, sha256=sha256)

    def hold_until(self, agent_id: str, sha256: str) -> datetime | None:
        """When a hold there ends."""
        return self._sites.delivery.hold_until(agent_id, sha256) if self._sites else None

    def panicking(self) -> frozenset[str]:
        """The sites that call for help."""
        return self._sites.hub.panicking() if self._sites else frozenset()

    def _known(self, agent: Agent | None) -> SiteAgent | None:
        if agent is None or self._sites is None:
            return None
        return SiteAgent(
            id=agent.id,
            site_id=agent.site_id,
            lineage=agent.lineage,
            acked_sha256=agent.acked_sha256 if agent.acked_seq else "",
            is_paused=PAUSED in agent.conditions,
            panic_until=self._sites.hub.panic_until(agent.id),
        )


class SiteKeys:
    """`live.DeviceKeys` over the agents on site."""

    def __init__(self, sites: Sites) -> None:
        self._sites = sites

    async def device_key(self, agent_id: str) -> PublicKey | None:
        """The agent's device key."""
        agent = await self._sites.agents.agent(agent_id)
        return PublicKey.of(agent.jwk) if agent else None
