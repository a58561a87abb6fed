"""What a site tells of itself: its state, its cameras, its health. Heartbeats stay in memory; a row only on a change.

A site that started a new lineage holds nothing, whatever it acknowledged before. A quarantine ends here, when the site
says that it was cleared and names a new lineage; nobody at the gateway can end it.
"""

import re
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any, Final

from gateway.audit import AuditLog, Kind
from gateway.kernel.bus import MemoryBus
from gateway.kernel.database import UnitOfWork
from gateway.sites import leaves
from gateway.sites.hub import LinkHub, Online
from gateway.sites.links import Peer
from gateway.sites.model import Agent, AgentCamera, AgentState, CameraHealth, plain
from gateway.sites.store import SiteStore
from partner_agent.wire.clock import Clock, from_rfc3339
from partner_agent.wire.documents import Position
from partner_agent.wire.limits import PANIC_MOST_S
from partner_agent.wire.messages import STATES, Areas, CameraCard, Cameras, Heartbeat, SiteState

MAX_CAMERAS: Final = 256  # of one site; a frame holds few more
AREAS: Final = 16  # of one camera
_AREA: Final = re.compile(r"[a-z0-9][a-z0-9_.-]{0,63}")
_ANEW: Final = "anew"
_LABEL_LENGTH: Final = 80
_LARGEST_PX: Final = 16_384
_PANIC: Final = "panic"
_PAUSED: Final = "paused"
_QUARANTINED: Final = "quarantined"


class Reports:
    """Handlers of what a site tells of itself."""

    def __init__(self, *, hub: LinkHub, store: SiteStore, audit: AuditLog, bus: MemoryBus, clock: Clock) -> None:
        self._hub = hub
        self._store = store
        self._audit = audit
        self._bus = bus
        self._clock = clock
        hub.on(SiteState, self.site_state)
        hub.on(Cameras, self.cameras)
        hub.on(Areas, self.areas)
        hub.on(Heartbeat, self.heartbeat)

    async def site_state(self, peer: Peer, message: SiteState) -> None:
        """The site's lineage, document in force and conditions."""
        held = Position(lineage=message.lineage, seq=message.seq, sha256=message.sha256)
        conditions = STATES & set(message.states)
        panic_until = panic_end(message, conditions, self._clock.now())
        known = self._known_panic(peer)
        if known is not None and (panic_until is None or panic_until < known):
            self._panic(peer, panic_until)  # what it opened ends before anything is written
        async with self._store.database.unit_of_work() as unit:
            agent = await self._store.locked_agent(unit, peer.agent_id)
            if agent is None:
                return
            before = agent
            agent = await self._follow_lineage(unit, agent, held)
            is_new_lineage = agent.lineage != before.lineage
            agent = await self._follow_conditions(unit, agent, conditions, is_new_lineage=is_new_lineage)
            if known != panic_until:
                unit.bump(agent.site_id)
            await unit.commit(
                unaudited="the site's word about itself; quarantine, clearing, pause and panic have leaves"
            )
        online = self._hub.online(peer.agent_id)
        if online is None:
            return
        online.state = agent.state
        online.held = held
        online.vocabulary = message.vocabulary
        online.conditions = conditions
        self._panic(peer, panic_until)
        online.is_behind = not is_acked(agent, held)
        self._announce(agent)

    def _known_panic(self, peer: Peer) -> datetime | None:
        online = self._hub.online(peer.agent_id)
        return online.panic_until if online is not None else None

    def _panic(self, peer: Peer, until: datetime | None) -> None:
        online = self._hub.online(peer.agent_id)
        if online is not None and online.link.peer.link_id == peer.link_id:
            online.panic_until = until

    async def cameras(self, peer: Peer, message: Cameras) -> None:
        """The cameras the site knows. Being listed shares nothing."""
        now = self._clock.now()
        known = {camera.local_id: camera for camera in await self._store.cameras(peer.agent_id)}
        async with self._store.database.unit_of_work() as unit:
            for card in message.cameras[:MAX_CAMERAS]:
                camera = _read_card(peer.agent_id, card, now)
                before = known.pop(card.camera, None)
                if before:
                    since, areas = before.health_since, before.areas
                    camera = replace(camera, health=before.health, health_since=since, areas=areas)
                await self._store.put_camera(unit, camera)
            for camera in known.values():
                if camera.is_listed:
                    await self._store.put_camera(unit, replace(camera, is_listed=False))
            await unit.commit(unaudited="what an agent can see; nothing is shared by it")
        online = self._hub.online(peer.agent_id)
        if online is not None and online.link.peer.link_id == peer.link_id:
            online.with_sound = frozenset(card.camera for card in message.cameras[:MAX_CAMERAS] if card.audio)
        self._announce(peer.agent)

    async def areas(self, peer: Peer, message: Areas) -> None:
        """What can be black in live pictures, as the site says; rules that ask for anything else show nothing."""
        told: dict[str, list[tuple[str, str]]] = {}
        for area in message.areas[: MAX_CAMERAS * AREAS]:
            if _AREA.fullmatch(area.area):
                told.setdefault(area.camera, []).append((area.area, plain(area.label, _LABEL_LENGTH)))
        known = await self._store.cameras(peer.agent_id)
        now = {camera.local_id: tuple(sorted(told.get(camera.local_id, [])[:AREAS])) for camera in known}
        still = {camera.local_id: "" if camera.live == _ANEW else camera.live for camera in known}
        anew = {name: _ANEW if name in message.anew else live for name, live in still.items()}
        changed = [
            replace(camera, areas=now[camera.local_id], live=anew[camera.local_id])
            for camera in known
            if (camera.areas, camera.live) != (now[camera.local_id], anew[camera.local_id])
        ]
        if not changed:
            return
        async with self._store.database.unit_of_work() as unit:
            for camera in changed:
                await self._store.put_camera(unit, camera)
            unit.bump(peer.agent.site_id)
            await unit.commit(unaudited="what a site can do; what it must do is in its owner's document")
        self._announce(peer.agent)

    async def heartbeat(self, peer: Peer, message: Heartbeat) -> None:
        """The next `fresh`, and the health of each camera."""
        online = self._hub.online(peer.agent_id)
        if online is None or online.link.peer.link_id != peer.link_id:
            return  # a `fresh` dies with its link
        online.fresh = message.fresh
        online.fresh_at = self._clock.monotonic()
        told = {item.camera: item.state for item in message.health.cameras[:MAX_CAMERAS]}
        if told != online.camera_health:
            await self._store_health(peer, online, dict(told))

    async def _store_health(self, peer: Peer, online: Online, told: dict[str, str]) -> None:
        now = self._clock.now()
        known = await self._store.cameras(peer.agent_id)
        changed = [camera for camera in known if told.get(camera.local_id, camera.health) != camera.health]
        if changed:
            async with self._store.database.unit_of_work() as unit:
                for camera in changed:
                    health = CameraHealth(told[camera.local_id])
                    await self._store.put_camera(unit, replace(camera, health=health, health_since=now))
                await unit.commit(unaudited="the health of cameras")
            self._announce(peer.agent)
        online.camera_health = told

    async def _follow_lineage(self, unit: UnitOfWork, agent: Agent, held: Position) -> Agent:
        """A new lineage that holds nothing replaces the old one; one that claims to hold something must prove it."""
        if held.lineage == agent.lineage or held.seq:
            return agent
        agent = replace(agent, lineage=held.lineage, acked_seq=0, acked_sha256=held.sha256, acked_at=None)
        values = {"lineage": agent.lineage, "acked_seq": 0, "acked_sha256": held.sha256, "acked_at": None}
        await self._store.change_agent(unit, agent.id, **values)
        unit.bump(agent.site_id)
        return agent

    async def _follow_conditions(
        self, unit: UnitOfWork, agent: Agent, now: frozenset[str], *, is_new_lineage: bool
    ) -> Agent:
        before, state = agent.conditions, agent.state
        if (_PAUSED in now) != (_PAUSED in before):
            kind = Kind.AGENT_PAUSED if _PAUSED in now else Kind.AGENT_RESUMED
            await self._audit.append(unit, leaves.agent_state_changed(agent, kind, conditions=now))
        if (_PANIC in now) != (_PANIC in before):
            kind = Kind.HELP_CALLED if _PANIC in now else Kind.HELP_OVER
            await self._audit.append(unit, leaves.agent_state_changed(agent, kind, conditions=now))
        if _QUARANTINED in now and state is AgentState.ACTIVE:
            state = AgentState.QUARANTINED
            await self._audit.append(unit, leaves.agent_quarantined(agent, stated=agent.epoch))
        elif state is AgentState.QUARANTINED and _QUARANTINED not in now and is_new_lineage:
            state = AgentState.ACTIVE
            await self._audit.append(unit, leaves.agent_cleared(agent))
        values: dict[str, Any] = {"conditions": " ".join(sorted(now))}
        if state is not agent.state:
            values |= {"state": state.value, "state_since": self._clock.now()}
        if now != before or state is not agent.state:
            await self._store.change_agent(unit, agent.id, **values)
            unit.bump(agent.site_id)
        return replace(agent, conditions=now, state=state)

    def _announce(self, agent: Agent) -> None:
        self._bus.publish(f"site.{agent.site_id}", agent.id)


def _read_card(agent_id: str, card: CameraCard, now: datetime) -> AgentCamera:
    """A camera as its agent describes it: short printable text, sizes that can be."""
    return AgentCamera(
        agent_id=agent_id,
        local_id=plain(card.camera, _LABEL_LENGTH),
        label=plain(card.label, _LABEL_LENGTH),
        codec=plain(card.codec or "", _LABEL_LENGTH),
        width=max(0, min(card.width or 0, _LARGEST_PX)),
        height=max(0, min(card.height or 0, _LARGEST_PX)),
        health=CameraHealth.UNKNOWN,
        health_since=now,
        camera_id=None,
        areas=(),
        live=card.live or "",
        is_listed=True,
    )


def panic_end(message: SiteState, conditions: frozenset[str], now: datetime) -> datetime | None:
    """When the site's panic ends; None without one, and for an end that is missing, past or no time at all."""
    if _PANIC not in conditions or message.panic_until is None:
        return None
    try:
        until = from_rfc3339(message.panic_until)
    except ValueError:
        return None
    return min(until, now + timedelta(seconds=PANIC_MOST_S)) if until > now else None


def is_acked(agent: Agent, held: Position) -> bool:
    """Whether what the site says it holds is the newest document it acknowledged, or nothing when there is none."""
    if (held.lineage, held.seq) != (agent.lineage, agent.acked_seq):
        return False
    return held.seq == 0 or held.sha256 == agent.acked_sha256
