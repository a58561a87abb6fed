"""Bringing policy documents to sites, and their signed answers back: repeated until acknowledged.

What each site should hold is `sharing`'s truth (`PolicyOutbox`), asked anew each time, so a restart forgets nothing. An
answer counts only if the site's device key signed it; it is recorded, with its leaf, in one transaction with what
sharing makes of it. Documents travel in every state of the site: a narrowing is never held back. What could not be
brought is tried again by the clock, not by luck; a site that never said what it holds is sent away, to say it again.
"""

import math
from datetime import datetime, timedelta
from typing import Any, Final

from gateway.audit import AuditLog
from gateway.kernel.bus import MemoryBus
from gateway.kernel.errors import InvalidError, LenspactError, UnavailableError
from gateway.kernel.wake import Wake
from gateway.sites import leaves
from gateway.sites.hub import LinkHub
from gateway.sites.links import Peer
from gateway.sites.model import Agent
from gateway.sites.ports import DuePolicy, PolicyAnswer, PolicyOutbox, TouchAnswer
from gateway.sites.store import SiteStore
from partner_agent.wire import canonical, classes, statements
from partner_agent.wire.clock import Clock
from partner_agent.wire.documents import Position
from partner_agent.wire.handshake import CLOSE_BACK_OFF
from partner_agent.wire.messages import (
    GuardrailPack,
    Message,
    Noted,
    Policy,
    PolicyAck,
    PolicyApproval,
    PolicyNo,
    PolicyProposed,
    PolicyRefused,
    PolicyStale,
    SiteState,
)
from partner_agent.wire.problems import PolicyProblem
from partner_agent.wire.tokens import PublicKey, TokenClass, TokenError
from partner_agent.wire.touches import Assertion, Path

ANSWER_S: Final = 20.0  # the site stores the document durably and decides running sessions again before it answers
RETRY_FIRST_S: Final = 1.0  # then twice as long each time
RETRY_LAST_S: Final = 30.0
SILENT_TRIES: Final = 4  # a site says what it holds right after its handshake: 1 + 2 + 4 s later it never will
ROUNDS: Final = 4  # after `policy_stale` sharing rebuilds once; more means that both sides disagree for now

_Answer = PolicyAck | PolicyStale | PolicyRefused
_CLASSES: Final[dict[type[Message], tuple[TokenClass, str]]] = {
    PolicyAck: (classes.POLICY_ACK, "ack"),
    PolicyStale: (classes.POLICY_STALE, "stale"),
    PolicyRefused: (classes.POLICY_REFUSED, "refused"),
}


class PolicyDelivery:
    """Sends what is due, whenever a link comes up, sharing says so, or an earlier try failed."""

    def __init__(
        self,
        *,
        hub: LinkHub,
        store: SiteStore,
        audit: AuditLog,
        outbox: PolicyOutbox,
        bus: MemoryBus,
        clock: Clock,
        gateway: str,
    ) -> None:
        self._hub = hub
        self._store = store
        self._audit = audit
        self._outbox = outbox
        self._bus = bus
        self._clock = clock
        self._gateway = gateway
        self._wakes: dict[str, Wake] = {}  # of each agent's newest link
        self._packs: dict[str, tuple[str, str]] = {}  # by agent: the link and the digest of the pack told on it
        hub.on(PolicyAck, self._answered)
        hub.on(PolicyStale, self._answered)
        hub.on(PolicyRefused, self._answered)
        hub.on(PolicyProposed, self._proposed)
        hub.on(SiteState, self._wake_after)
        hub.on_up(self._run)

    def nudge(self, agent_id: str) -> None:
        """Something may be due for this site; called after the change was committed."""
        wake = self._wakes.get(agent_id)
        if wake:
            wake.set()

    async def say_no(self, agent_id: str, *, sha256: str) -> None:
        """Tell a site that a proposal is over, held or not; returns once it has noted it.

        Raises:
            UnavailableError: it is not connected, or did not note it.
            DeadlineError: no answer in time.
        """
        answer = await self._hub.send(agent_id, PolicyNo(id=self._hub.new_id(), sha256=sha256), deadline_s=ANSWER_S)
        if not isinstance(answer, Noted):
            raise UnavailableError("Your site could not take this. Say no on your machine on site.")
        online = self._hub.online(agent_id)
        if online and online.proposal == sha256:
            online.proposal = ""
        if online and online.hold and online.hold[0] == sha256:
            online.hold = None

    async def approve(
        self, agent_id: str, *, sha256: str, label: str, assertion: Assertion, path: Path | None = None
    ) -> TouchAnswer:
        """Bring an owner's touch for a proposal to the site; what it answered.

        Raises:
            UnavailableError: it is not connected, or does not know what a touch is.
            DeadlineError: no answer in time.
        """
        message = PolicyApproval(id=self._hub.new_id(), sha256=sha256, label=label, assertion=assertion, path=path)
        answer = await self._hub.send(agent_id, message, deadline_s=ANSWER_S)
        if isinstance(answer, PolicyProposed):
            return TouchAnswer(held_s=answer.held_s or 0)
        if isinstance(answer, PolicyAck):
            return TouchAnswer()
        agent = await self._store.agent(agent_id)
        if isinstance(answer, PolicyRefused) and agent is not None:
            return TouchAnswer(code=self._verified(agent, answer).code)
        raise UnavailableError("Your site could not take this. Approve it on your machine on site.")

    def hold_until(self, agent_id: str, sha256: str) -> datetime | None:
        """When the hold of a proposal ends, as its site last said; None if none runs that we know of."""
        online = self._hub.online(agent_id)
        return online.hold[1] if online and online.hold and online.hold[0] == sha256 else None

    async def _run(self, peer: Peer) -> None:
        """The delivery task of one link: at once, whenever woken, and again by itself after a failure."""
        wake = self._wakes[peer.agent_id] = Wake()
        try:
            failures = 0
            while True:
                try:
                    await self._deliver(peer.agent_id)
                    failures = 0
                except LenspactError:
                    failures += 1
                if failures >= SILENT_TRIES and self._is_silent(peer):
                    self._hub.drop(peer.agent_id, CLOSE_BACK_OFF)
                await wake.wait(min(RETRY_FIRST_S * 2 ** (failures - 1), RETRY_LAST_S) if failures else math.inf)
        finally:
            if self._wakes.get(peer.agent_id) is wake:
                del self._wakes[peer.agent_id]

    def _is_silent(self, peer: Peer) -> bool:
        online = self._hub.online(peer.agent_id)
        return online is not None and online.link.peer is peer and online.held is None

    async def _deliver(self, agent_id: str) -> None:
        """Send what is due until nothing is, or the answer is the owner's to give.

        Raises:
            UnavailableError, DeadlineError: not everything was brought; to be tried again.
        """
        for _ in range(ROUNDS):
            online = self._hub.online(agent_id)
            if online is None or online.held is None:
                raise UnavailableError("The site has not said yet what it holds.")
            answer: Message | None = None
            for due in await self._outbox.due(agent_id, online.held):
                answer = await self._send(agent_id, due)
                if not isinstance(answer, PolicyAck):
                    break
            if not isinstance(answer, PolicyAck | PolicyStale):
                return  # nothing was due, or its owner is asked, or it said no
        raise UnavailableError("The site and we do not agree yet on what it holds.")

    async def _send(self, agent_id: str, due: DuePolicy) -> Message:
        self._tell_pack(agent_id, due.pack)
        message = Policy(id=self._hub.new_id(), document=due.document)
        return await self._hub.send(agent_id, message, deadline_s=ANSWER_S)

    def _tell_pack(self, agent_id: str, pack: dict[str, Any]) -> None:
        """The ordinance pack travels once a link, before the first document that names it."""
        online = self._hub.online(agent_id)
        told = (online.link.peer.link_id if online else "", canonical.sha256_hex(pack))
        if self._packs.get(agent_id) != told:
            self._hub.tell(agent_id, GuardrailPack(id=self._hub.new_id(), pack=pack))
            self._packs[agent_id] = told

    async def _answered(self, peer: Peer, message: _Answer) -> None:
        async with self._store.database.unit_of_work() as unit:
            agent = await self._store.locked_agent(unit, peer.agent_id)
            if agent is None:
                return
            answer = self._verified(agent, message)
            is_news = answer.kind == "refused" or not _is_in_force(agent, answer)
            if answer.kind == "ack" or (answer.kind == "stale" and _is_newer(agent, answer)):
                now = self._clock.now()
                values = {"lineage": answer.lineage, "acked_seq": answer.seq, "acked_sha256": answer.sha256}
                await self._store.change_agent(unit, agent.id, **values, acked_at=now)
            if is_news:
                await self._audit.append(unit, leaves.policy_answered(agent, answer))
            if answer.code == PolicyProblem.PACK_MISSING:
                self._packs.pop(agent.id, None)
            await self._outbox.answered(unit, answer)
            await unit.commit(unaudited="" if is_news else "acknowledged again")
        self._follow(agent, answer)
        if answer.code == PolicyProblem.PACK_MISSING:
            self.nudge(agent.id)  # the pack is told again, before the document

    def _follow(self, agent: Agent, answer: PolicyAnswer) -> None:
        online = self._hub.online(agent.id)
        if online and answer.kind != "refused":
            online.held = Position(lineage=answer.lineage, seq=answer.seq, sha256=answer.sha256)
            online.is_behind = answer.kind == "stale" and not _is_newer(agent, answer)
            online.proposal = "" if answer.kind == "ack" else online.proposal
        self._bus.publish(f"site.{agent.site_id}", agent.id)

    def _verified(self, agent: Agent, message: _Answer) -> PolicyAnswer:
        """What the device signed; nothing else in the message counts.

        Raises:
            InvalidError: not signed by this agent's device key for this gateway.
        """
        kind, name = _CLASSES[type(message)]
        key = PublicKey.of(agent.jwk)
        try:
            claims = statements.check(kind, message.token, key, agent=agent.id, gateway=self._gateway)
            return PolicyAnswer(
                agent_id=agent.id,
                kind=name,
                lineage=str(claims.get("lineage", "")),
                seq=int(claims.get("seq", 0)),
                sha256=str(claims["sha256"]),
                code=str(claims.get("code", "")),
                token=message.token,
            )
        except (TokenError, ValueError, TypeError) as error:
            raise InvalidError("The site's answer is not signed by its device key.") from error

    async def _proposed(self, peer: Peer, message: PolicyProposed) -> None:
        online = self._hub.online(peer.agent_id)
        if online:
            online.proposal = message.sha256
            if message.held_s is not None:
                online.hold = (message.sha256, self._clock.now() + timedelta(seconds=message.held_s))
        self._bus.publish(f"site.{peer.agent.site_id}", peer.agent_id)

    async def _wake_after(self, peer: Peer, _message: SiteState) -> None:
        self.nudge(peer.agent_id)


def _is_in_force(agent: Agent, answer: PolicyAnswer) -> bool:
    return (agent.lineage, agent.acked_seq, agent.acked_sha256) == (answer.lineage, answer.seq, answer.sha256)


def _is_newer(agent: Agent, answer: PolicyAnswer) -> bool:
    """Whether a stale site names what we had not heard of; an older document leaves decisions with the newest one."""
    return answer.lineage != agent.lineage or answer.seq >= agent.acked_seq
