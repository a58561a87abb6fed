"""All live links: the door through which the rest of the gateway speaks with sites.

`send` asks one agent and waits for its answer, `tell` says what needs none; handlers, registered by the composition
root, receive what agents say by themselves. Nothing new is asked of a site that is quarantined, paused, unsure of its
clock or on another document than we know: `problem_of` names the reason and `send` refuses a grant for it. Taking
access away passes in every state.
"""

import logging
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial
from typing import Any, Final, TypeVar

from gateway.kernel.bus import MemoryBus
from gateway.kernel.errors import LenspactError, UnavailableError
from gateway.kernel.phrases import phrase
from gateway.sites.handshake import HandshakeError, Handshakes
from gateway.sites.links import Link, Peer
from gateway.sites.model import Agent, AgentState
from gateway.sites.ports import LinkClosedError, Transport
from gateway.sites.store import SiteStore
from partner_agent.wire.clock import Clock
from partner_agent.wire.documents import Position
from partner_agent.wire.handshake import CLOSE_BACK_OFF, CLOSE_REVOKED, CLOSE_SUPERSEDED
from partner_agent.wire.ids import IdSource
from partner_agent.wire.limits import FRESH_AGE_S
from partner_agent.wire.messages import Grant, KeySets, Message, Problem, Unsupported

MAX_LINKS: Final = 25_000  # sockets of one process: about 22 KiB each while idle
NO_REASON: Final = frozenset({"panic"})  # a call for help gives, and takes nothing
_FLUSH_EVERY_S: Final = 60  # last-seen times are written in batches, never per heartbeat
_GOING_AWAY: Final = 1001  # RFC 6455 §7.4.1
_LOG: Final = logging.getLogger("lenspact.sites")

M = TypeVar("M", bound=Message)
Handler = Callable[[Peer, M], Awaitable[Message | None]]
Hook = Callable[[Peer], Awaitable[None]]


@dataclass(slots=True)
class Online:
    """What we know of a connected site.

    Attributes:
        state: as stored; it follows the agent's own word only through `reports`.
        fresh: the newest `fresh` the agent sent on this link, and when, on our monotonic clock.
        held: the document the site says it holds; None until it has said so.
        conditions: what holds at the site, in the words of the link (`paused`, `clock_skew`, `panic` …).
        panic_until: when the site's call for help ends by itself; None while there is none.
        proposal: digest of a document that waits for its owner on site; empty for none.
        hold: digest of a proposal that an owner's passkey approved, and when its hold there ends.
        is_behind: whether the site holds another document than the newest acknowledged one.
        camera_health: the agent's camera ids with the words the site last said of them.
        vocabulary: what the agent said it knows; 0 until it has.
        with_sound: the agent's ids of cameras that have sound it can send, as it last said.
    """

    link: Link
    since: datetime
    state: AgentState
    fresh: str
    fresh_at: float
    held: Position | None = None
    conditions: frozenset[str] = frozenset()
    panic_until: datetime | None = None
    is_behind: bool = True
    proposal: str = ""
    hold: tuple[str, datetime] | None = None
    camera_health: dict[str, str] = field(default_factory=dict)
    vocabulary: int = 0
    with_sound: frozenset[str] = frozenset()


class LinkHub:
    """Every agent that is connected now."""

    def __init__(
        self, *, handshakes: Handshakes, store: SiteStore, bus: MemoryBus, clock: Clock, ids: IdSource
    ) -> None:
        self._handshakes = handshakes
        self._store = store
        self._bus = bus
        self._clock = self.clock = clock
        self._ids = ids
        self._online: dict[str, Online] = {}
        self._seen: dict[str, datetime] = {}
        self._handlers: dict[type[Message], list[Handler[Any]]] = {}
        self._on_up: list[Hook] = []
        self._on_down: list[Hook] = []
        self._is_closed = False

    # -- for the rest of the gateway -----------------------------------------------------------------------------

    def on(self, kind: type[M], handler: Handler[M]) -> None:
        """Call `handler` with every message of `kind`, in order; what it returns is sent.

        A handler must not wait for another answer of the same agent: it would wait for itself.
        """
        self._handlers.setdefault(kind, []).append(handler)

    def on_up(self, hook: Hook) -> None:
        """Call `hook` when a link is up, as a task of that link."""
        self._on_up.append(hook)

    def on_down(self, hook: Hook) -> None:
        """Call `hook` when a link is over and no newer one took its place."""
        self._on_down.append(hook)

    @property
    def connected(self) -> int:
        """How many sites are connected to this process now."""
        return len(self._online)

    def is_online(self, agent_id: str) -> bool:
        """Whether the agent is connected now."""
        return agent_id in self._online

    def seen_at(self, agent_id: str) -> datetime | None:
        """When the agent was last heard, if that is not written down yet."""
        return self._seen.get(agent_id)

    def online(self, agent_id: str) -> Online | None:
        """What we know of the agent while it is connected."""
        return self._online.get(agent_id)

    def panic_until(self, agent_id: str) -> datetime | None:
        """Until when the site calls for help, as it last said on a link that is up; None while it does not."""
        online = self._online.get(agent_id)
        until = online.panic_until if online else None
        return until if until is not None and until > self._clock.now() else None

    def panicking(self) -> frozenset[str]:
        """The sites that call for help now, as `panic_until`."""
        now = self._clock.now()
        calls = [(online.link.peer.agent.site_id, online.panic_until) for online in self._online.values()]
        return frozenset(site_id for site_id, until in calls if until is not None and until > now)

    def problem_of(self, agent_id: str) -> str:
        """Why nothing new can be asked of this site: a coded word; empty if it can."""
        online = self._online.get(agent_id)
        if online is None:
            return "offline"
        if online.state is not AgentState.ACTIVE:
            return online.state.value
        reasons = online.conditions - NO_REASON
        if reasons:
            return min(reasons)
        return "behind" if online.is_behind else ""

    def fresh_of(self, agent_id: str) -> str:
        """The `fresh` a grant to this agent must echo; empty if it has none young enough."""
        online = self._online.get(agent_id)
        if online is None or self._clock.monotonic() - online.fresh_at > FRESH_AGE_S:
            return ""
        return online.fresh

    def vocabulary_of(self, agent_id: str) -> int:
        """Which words the agent said it knows; 0 until it has."""
        online = self._online.get(agent_id)
        return online.vocabulary if online else 0

    def has_sound(self, agent_id: str, local_camera: str) -> bool:
        """Whether the agent said that this camera of its has sound it can send."""
        online = self._online.get(agent_id)
        return online is not None and local_camera in online.with_sound

    def new_id(self) -> str:
        """An id for a message to send."""
        return self._ids.new("msg")

    async def send(self, agent_id: str, message: Message, *, deadline_s: float) -> Message:
        """Ask the agent and wait for its answer.

        Raises:
            UnavailableError: it is not connected, or, for a grant, `problem_of` names a reason.
            DeadlineError: no answer within `deadline_s`.
        """
        problem = self.problem_of(agent_id) if isinstance(message, Grant) else ""
        if problem:
            raise UnavailableError(phrase("The site cannot be asked now: %(problem)s.", problem=problem))
        return await self._link(agent_id).ask(message, deadline_s=deadline_s)

    def tell(self, agent_id: str, message: Message) -> None:
        """Queue a message that needs no answer.

        Raises:
            UnavailableError: the agent is not connected.
        """
        self._link(agent_id).tell(message)

    def tell_everybody(self, make: Callable[[], Message]) -> None:
        """Queue a message of its own for every connected agent; those that do not keep up come again by themselves."""
        for online in list(self._online.values()):
            try:
                online.link.tell(make())
            except UnavailableError:
                continue

    def offer_key_sets(self, tokens: Iterable[str]) -> None:
        """Tell every connected agent of new key sets."""
        chain = list(tokens)
        if not chain:
            return
        self.tell_everybody(lambda: KeySets(id=self.new_id(), tokens=chain))

    def drop(self, agent_id: str, code: int = CLOSE_REVOKED) -> None:
        """End the agent's link, if it has one."""
        online = self._online.get(agent_id)
        if online:
            online.link.end(code)

    def close(self) -> None:
        """End every link and take no new one, because the gateway stops; agents come back by themselves.

        An agent dials again within a second, and may find the socket still open: it must not be welcomed, for a
        welcome moves its epoch.
        """
        self._is_closed = True
        for online in list(self._online.values()):
            online.link.end(_GOING_AWAY)

    # -- for the WebSocket route ---------------------------------------------------------------------------------

    async def serve(self, transport: Transport, *, address: str) -> None:
        """Carry one connection from challenge to close."""
        if self._is_closed:
            await transport.close(_GOING_AWAY)
            return
        if len(self._online) >= MAX_LINKS:
            await transport.close(CLOSE_BACK_OFF)
            return
        try:
            greeted = await self._handshakes.greet(transport, address=address)
        except HandshakeError as error:
            await transport.close(error.code)
            return
        except LinkClosedError:
            return
        peer = Peer(agent=greeted.agent, link_id=greeted.link_id)
        link = Link(peer=peer, transport=transport, ids=self._ids, receive=self._receive)
        online = Online(
            link=link,
            since=self._clock.now(),
            state=greeted.agent.state,
            fresh=greeted.fresh,
            fresh_at=self._clock.monotonic(),
        )
        await self._carry(online)

    async def _carry(self, online: Online) -> None:
        peer = online.link.peer
        older = self._online.get(peer.agent_id)
        self._online[peer.agent_id] = online
        try:
            if older:
                older.link.end(CLOSE_SUPERSEDED)
            if self._is_closed:  # while we shook hands
                online.link.end(_GOING_AWAY)
            if await self._is_revoked(peer.agent_id):  # the same
                online.link.end(CLOSE_REVOKED)
            self._announce(peer.agent)
            await online.link.run([partial(self._guarded, hook, peer) for hook in self._on_up])
        finally:
            self._seen[peer.agent_id] = self._clock.now()
            if self._online.get(peer.agent_id) is online:
                del self._online[peer.agent_id]
                self._announce(peer.agent)
                for hook in self._on_down:
                    await self._guarded(hook, peer)

    async def flush_forever(self) -> None:
        """Write last-seen times in batches; one task of the program."""
        while True:
            await self._clock.sleep(_FLUSH_EVERY_S)
            await self.flush()

    async def flush(self) -> None:
        """Write the last-seen times gathered since the last flush."""
        seen, self._seen = self._seen, {}
        if not seen:
            return
        async with self._store.database.unit_of_work() as unit:
            await self._store.flush_seen(unit, seen)
            await unit.commit(unaudited="when agents were last heard")

    # -- inside --------------------------------------------------------------------------------------------------

    async def _receive(self, link: Link, message: Message) -> None:
        self._seen[link.peer.agent_id] = self._clock.now()
        handlers = self._handlers.get(type(message), [])
        if not handlers and not message.is_answer:
            tag = str(type(message).__struct_config__.tag)
            link.tell(Unsupported(id=link.new_id(), re=message.id, tag=tag))
        for handler in handlers:
            try:
                answer = await handler(link.peer, message)
            except LenspactError as error:
                answer = None if message.is_answer else Problem(id=link.new_id(), re=message.id, code=error.kind)
            except Exception:  # noqa: BLE001 - the supervisor of handlers: one bad message must not end the link
                _LOG.exception("handler failed", extra={"tag": type(message).__name__})
                answer = None if message.is_answer else Problem(id=link.new_id(), re=message.id, code="internal")
            if answer is not None:
                link.tell(answer)

    async def _guarded(self, hook: Hook, peer: Peer) -> None:
        try:
            await hook(peer)
        except LenspactError:
            _LOG.warning("link hook gave up", exc_info=True)

    async def _is_revoked(self, agent_id: str) -> bool:
        agent = await self._store.agent(agent_id)
        return agent is None or agent.state is AgentState.REVOKED

    def _announce(self, agent: Agent) -> None:
        self._bus.publish(f"site.{agent.site_id}", agent.id)

    def _link(self, agent_id: str) -> Link:
        online = self._online.get(agent_id)
        if online is None:
            raise UnavailableError("The site is not connected.")
        return online.link
