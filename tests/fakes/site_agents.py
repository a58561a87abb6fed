"""Agents on site that exist because a test says so, and take documents as a real one would."""

import dataclasses
from collections.abc import Mapping
from datetime import datetime

from gateway.kernel.errors import UnavailableError
from gateway.sharing.ports import SiteAgent
from gateway.sites import TouchAnswer
from partner_agent.wire.documents import Position
from partner_agent.wire.touches import Assertion, Path


class FakeSiteAgents:
    """`sharing.SiteAgents`."""

    def __init__(self) -> None:
        self.by_site: dict[str, SiteAgent] = {}
        self.ticks: dict[str, dict[str, str]] = {}
        self.drawn: dict[str, dict[str, dict[str, str]]] = {}  # areas by agent and its own camera id
        self.held: dict[str, Position] = {}
        self.nudged: list[str] = []
        self.touches: list[tuple[str, str, Assertion]] = []
        self.answer = TouchAnswer(held_s=3600)  # to the next touch
        self.paths: dict[str, Path | None] = {}
        self.noes: list[str] = []
        self.away: set[str] = set()  # agents that are not connected
        self.old: set[str] = set()  # agents that know no passkeys that only answer
        self.holds: dict[str, datetime] = {}

    def pair(self, site_id: str, ticks: Mapping[str, str], *, agent_id: str = "agt_" + "1" * 26) -> SiteAgent:
        """A freshly paired agent that holds nothing; `ticks`: registered camera to its own name."""
        agent = SiteAgent(agent_id, site_id, lineage="a" * 32, acked_sha256="", is_paused=False)
        self.by_site[site_id] = agent
        self.ticks[agent_id] = dict(ticks)
        self.held[agent_id] = Position.nothing(agent.lineage)
        return agent

    def change(self, agent_id: str, **changes: object) -> None:
        """What the agent is known for changes."""
        agent = next(one for one in self.by_site.values() if one.id == agent_id)
        self.by_site[agent.site_id] = dataclasses.replace(agent, **changes)  # type: ignore[arg-type]

    async def agent_of(self, site_id: str) -> SiteAgent | None:
        """The site's agent."""
        return self.by_site.get(site_id)

    async def agent(self, agent_id: str) -> SiteAgent | None:
        """An agent."""
        return next((one for one in self.by_site.values() if one.id == agent_id), None)

    def knows_answerers(self, agent_id: str) -> bool:
        """Every one that is connected and not old."""
        return agent_id not in self.away | self.old

    def panicking(self) -> frozenset[str]:
        """The sites that call for help, until somebody says otherwise."""
        return frozenset(site_id for site_id, agent in self.by_site.items() if agent.panic_until is not None)

    async def ticked(self, agent_id: str) -> Mapping[str, str]:
        """Its ticked cameras."""
        return self.ticks.get(agent_id, {})

    async def areas(self, agent_id: str) -> Mapping[str, Mapping[str, str]]:
        """As the test drew them."""
        return self.drawn.get(agent_id, {})

    def nudge(self, agent_id: str) -> None:
        """Remember."""
        self.nudged.append(agent_id)

    async def approve(
        self, agent_id: str, *, sha256: str, label: str, assertion: Assertion, path: Path | None = None
    ) -> TouchAnswer:
        """Remember the touch, and answer as the test says."""
        if agent_id in self.away:
            raise UnavailableError("The site is not connected.")
        self.touches.append((sha256, label, assertion))
        self.paths[sha256] = path
        return self.answer

    async def say_no(self, agent_id: str, *, sha256: str) -> None:
        """Remember the no."""
        if agent_id in self.away:
            raise UnavailableError("The site is not connected.")
        self.noes.append(sha256)

    def hold_until(self, agent_id: str, sha256: str) -> datetime | None:
        """As the test says."""
        del agent_id
        return self.holds.get(sha256)
