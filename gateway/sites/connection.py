"""Whether live views can leave a site: asked of its agent, kept, and said in plain words.

The agent is handed the servers that a call would be handed, so that it tries what a live view would use, and a place to
measure its line. Its owner asks in the portal, somebody on site by the agent; what it finds is kept either way, until
the next time. What an answer means is `partner_agent.wire.diagnosis`, which the site itself goes by.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from gateway.edge.rate_limit import Limit, RateLimiter
from gateway.kernel.errors import ConflictError, LimitedError, UnavailableError
from gateway.kernel.phrases import phrase
from gateway.sites.agents import Agents, SiteView
from gateway.sites.hub import LinkHub
from gateway.sites.lines import LineDesk
from gateway.sites.links import Peer
from gateway.sites.store import SiteStore
from partner_agent.wire import frames
from partner_agent.wire.check_messages import CheckServer, ConnectionCheck, ConnectionChecked, ConnectionWanted
from partner_agent.wire.diagnosis import Level, lines_of
from partner_agent.wire.limits import (
    CHECK_VOCABULARY,
    CHECKS_AN_HOUR,
    FULL_CHECK_VOCABULARY,
    LINE_S,
    PICTURE_S,
    TUNNEL_VOCABULARY,
)
from partner_agent.wire.messages import Message, Noted, Problem
from partner_agent.wire.problems import Code

CHECK_S: Final = PICTURE_S + LINE_S + 7.0  # the way there and back, and a machine that is busy
_TOO_OLD: Final = "The agent on site is too old for this. Update it there."
_BUSY: Final = "The agent cannot look now. Try again in a moment."
_OFTEN: Final = "The agent looks already, or has looked as often as it does within an hour. Try again later."

Servers = Callable[[str], Sequence[CheckServer]]


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was looked at: how it stands, what is so, and what to do."""

    level: Level
    sentence: str
    remedy: str = ""


@dataclass(frozen=True, slots=True)
class Check:
    """A site's newest answer."""

    at: datetime
    findings: tuple[Finding, ...]

    def of(self, level: str) -> list[Finding]:
        """Those of one level."""
        return [finding for finding in self.findings if finding.level == level]


class ConnectionChecks:
    """Asks sites, and keeps what they said.

    Attributes:
        lines: where they measure theirs.
    """

    def __init__(
        self,
        hub: LinkHub,
        *,
        agents: Agents,
        store: SiteStore,
        limiter: RateLimiter,
        servers: Servers,
        url: str,
        has_tunnels: bool = False,
    ) -> None:
        """`servers`: what a call from a site is told of; `url`: our public address; `has_tunnels`: it may use them."""
        self.lines = LineDesk(limiter=limiter, public_url=url, clock=hub.clock)
        self._hub, self._agents, self._store = hub, agents, store
        self._limiter, self._servers, self._has_tunnels = limiter, servers, has_tunnels
        self._asked: dict[str, str] = {}  # the check that each agent was asked for last
        hub.on(ConnectionChecked, self._checked)
        hub.on(ConnectionWanted, self._wanted)

    async def last(self, view: SiteView) -> Check | None:
        """What the site's agent said last; None if it never was asked."""
        kept = await self._store.check(view.agent.id) if view.agent else None
        said = _read(kept[1]) if kept else None
        if kept is None or said is None:
            return None
        labels = {camera.local_id: camera.label for camera in view.cameras}
        return Check(kept[0], tuple(findings_of(said, labels)))

    async def check(self, organisation_id: str, site_id: str) -> None:
        """Let the site's agent look, and wait for what it finds.

        Raises:
            NotFoundError: no such site of the organisation.
            UnavailableError: there is no agent, or it is not connected.
            ConflictError: the agent cannot do this, looks already, or did too often.
            LimitedError: it was asked too often.
            DeadlineError: it did not answer in time.
        """
        view = await self._agents.view(organisation_id, site_id)
        if view.agent is None or not view.is_online:
            raise UnavailableError("The site is offline.")
        if self._hub.vocabulary_of(view.agent.id) < CHECK_VOCABULARY:
            raise ConflictError(_TOO_OLD)
        ask = await self._question(view.agent.id, site_id)
        answer = await self._hub.send(view.agent.id, ask, deadline_s=CHECK_S)
        if isinstance(answer, Problem) and answer.code == Code.LIMIT:
            raise ConflictError(_OFTEN)
        if not isinstance(answer, ConnectionChecked):
            raise ConflictError(_BUSY)

    async def _question(self, agent_id: str, site_id: str) -> ConnectionCheck:
        """What to ask; its answer is expected from now on."""
        await self._limiter.check(
            "connection_check", [Limit("account", agent_id, count=CHECKS_AN_HOUR, window_s=3_600)]
        )
        vocabulary = self._hub.vocabulary_of(agent_id)
        is_full = vocabulary >= FULL_CHECK_VOCABULARY
        ask = ConnectionCheck(
            id=self._hub.new_id(),
            servers=list(self._servers(site_id)),
            is_full=is_full,
            upload=await self.lines.place(agent_id) if is_full else None,
            has_tunnels=self._has_tunnels and vocabulary >= TUNNEL_VOCABULARY,
        )
        self._asked[agent_id] = ask.id
        return ask

    async def _wanted(self, peer: Peer, message: ConnectionWanted) -> Message:
        """Somebody on site asks to be asked."""
        agent = peer.agent
        try:
            ask = await self._question(agent.id, agent.site_id)
        except LimitedError:
            return Problem(id=self._hub.new_id(), re=message.id, code="limit")
        self._hub.tell(agent.id, Noted(id=self._hub.new_id(), re=message.id))
        return ask

    async def _checked(self, peer: Peer, message: ConnectionChecked) -> None:
        """Keep what was asked for; anything else is not."""
        agent_id = peer.agent_id
        if message.re is None or self._asked.get(agent_id) != message.re:
            return
        del self._asked[agent_id]
        self.lines.close(agent_id)
        async with self._store.database.unit_of_work() as unit:
            await self._store.put_check(
                unit, agent_id, at=self._hub.clock.now(), answer=frames.encode(message).decode()
            )
            await unit.commit(unaudited="what a site found of its own connection")


def findings_of(said: ConnectionChecked, labels: Mapping[str, str]) -> list[Finding]:
    """What it means, for the owner: what fails first.

    Args:
        said: the agent's answer.
        labels: its cameras, by its own ids; others are not spoken of.
    """
    return [
        Finding(line.level, phrase(line.sentence, **line.values), line.remedy and phrase(line.remedy, **line.values))
        for line in lines_of(said, labels)
    ]


def _read(frame: str) -> ConnectionChecked | None:
    """A kept answer; None for what another version of this program wrote."""
    try:
        message = frames.decode(frame)
    except frames.MalformedError:
        return None
    return message if isinstance(message, ConnectionChecked) else None
