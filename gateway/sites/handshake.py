"""The gateway's side of the handshake: challenge, proof, key sets, welcome, ack, within five seconds.

Both ends prove themselves; the tokens are `partner_agent.wire.handshake`'s. Every bad proof
closes with the same code, whatever was wrong, so that nothing can be learned by trying. An agent whose epoch does not
fit is quarantined and keeps its link: it takes narrowings, a no and a pause, and gets no grant.
"""

import base64
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Final, TypeVar

import anyio

from gateway.audit import AuditLog
from gateway.kernel.keyring import LinkSigner
from gateway.sites import leaves
from gateway.sites.keysets import KeySets
from gateway.sites.model import Agent, AgentState, next_epoch
from gateway.sites.ports import Transport
from gateway.sites.store import SiteStore
from partner_agent.wire import frames, handshake
from partner_agent.wire.clock import Clock, to_rfc3339
from partner_agent.wire.ids import IdSource
from partner_agent.wire.limits import HANDSHAKE_S
from partner_agent.wire.messages import Ack, Challenge, Message, Proof, Welcome
from partner_agent.wire.messages import KeySets as KeySetsMessage
from partner_agent.wire.tokens import LocalSigner, PublicKey, TokenError

STRANGERS_PER_ADDRESS: Final = 20  # connections that have not proved themselves; identity design 5.2
STRANGERS: Final = 500  # in all: five seconds each, so about 100 handshakes a second
KEY_SETS_PER_FRAME: Final = 12  # each about 3 KiB
OLDEST_VERSION: Final = (0, 1)


class HandshakeError(Exception):
    """The connection is closed with `code`."""

    def __init__(self, code: int) -> None:
        super().__init__(f"handshake closed with {code}")
        self.code = code


@dataclass(frozen=True, slots=True)
class Greeted:
    """An agent that has proved its key, been welcomed, and acknowledged."""

    agent: Agent
    link_id: str
    fresh: str
    keyset_version: int


class Handshakes:
    """Turns connections of strangers into greeted agents."""

    def __init__(
        self,
        *,
        store: SiteStore,
        audit: AuditLog,
        key_sets: KeySets,
        signer: LinkSigner,
        clock: Clock,
        ids: IdSource,
        gateway: str,
        link_url: str,
        limit_s: float = HANDSHAKE_S,
    ) -> None:
        """`link_url` is the exact address every proof must name."""
        self._store = store
        self._audit = audit
        self._key_sets = key_sets
        self._signer = signer
        self._clock = clock
        self._ids = ids
        self._gateway = gateway
        self._link_url = link_url
        self._limit_s = limit_s
        self._strangers: Counter[str] = Counter()
        self._decoy = LocalSigner.generate("ES256").public  # an unknown agent costs what a known one costs

    async def greet(self, transport: Transport, *, address: str) -> Greeted:
        """Shake hands.

        Raises:
            HandshakeError: the proof failed, came too late, or there were too many strangers.
            LinkClosedError: the other end went away.
        """
        with self._counted(address):
            try:
                with anyio.fail_after(self._limit_s):
                    return await self._greet(transport)
            except TimeoutError as error:
                raise HandshakeError(handshake.CLOSE_TIMEOUT) from error

    async def _greet(self, transport: Transport) -> Greeted:
        nonce = base64.urlsafe_b64encode(self._ids.secret(handshake.NONCE_BYTES)).decode()
        challenge = Challenge(id=self._new_id(), nonce=nonce, aud=self._link_url, time=to_rfc3339(self._clock.now()))
        await transport.send(frames.encode(challenge))
        first = await _receive(transport, Proof, handshake.CLOSE_BAD_PROOF)
        agent = await self._store.agent(first.agent)
        proof = self._check(first, agent, nonce)
        if agent is None or agent.state is AgentState.REVOKED:
            raise HandshakeError(handshake.CLOSE_REVOKED)
        if _version(proof.version) < OLDEST_VERSION:
            raise HandshakeError(handshake.CLOSE_TOO_OLD)
        agent = await self._advance(agent.id, proof)
        await self._offer_key_sets(transport, first, proof.keyset_version)
        link_id = self._ids.new("lnk")
        token = handshake.make_welcome(
            self._signer, proof, gateway=self._gateway, epoch=agent.epoch, link=link_id, now=self._clock.now()
        )
        await transport.send(frames.encode(Welcome(id=self._new_id(), re=first.id, token=token)))
        ack = await _receive(transport, Ack, handshake.CLOSE_BAD_PROOF)
        if ack.epoch != agent.epoch:
            raise HandshakeError(handshake.CLOSE_BAD_PROOF)
        await self._acknowledge(agent.id, ack.epoch)
        return Greeted(agent=agent, link_id=link_id, fresh=ack.fresh, keyset_version=proof.keyset_version)

    def _check(self, first: Proof, agent: Agent | None, nonce: str) -> handshake.Proof:
        key = PublicKey.of(agent.jwk) if agent else self._decoy
        try:
            return handshake.check_proof(first.token, key, agent=first.agent, url=self._link_url, nonce=nonce)
        except TokenError as error:
            raise HandshakeError(handshake.CLOSE_BAD_PROOF) from error

    async def _advance(self, agent_id: str, proof: handshake.Proof) -> Agent:
        """The agent with its next epoch; quarantined if the epoch it stated was not its last.

        A wrong epoch is answered by a jump, so that the agent sees it too and stops releasing by itself.
        """
        async with self._store.database.unit_of_work() as unit:
            agent = await self._store.locked_agent(unit, agent_id)
            if agent is None or agent.state is AgentState.REVOKED:
                raise HandshakeError(handshake.CLOSE_REVOKED)
            epoch = next_epoch(agent.epoch, is_acknowledged=agent.is_epoch_acked, claimed=proof.epoch)
            state, since = agent.state, agent.state_since
            if epoch is None:
                epoch = max(agent.epoch, proof.epoch) + 2
                state, since = AgentState.QUARANTINED, self._clock.now()
                await self._audit.append(unit, leaves.agent_quarantined(agent, stated=proof.epoch))
            elif agent.state is AgentState.PENDING:
                state, since = AgentState.ACTIVE, self._clock.now()
            values = {"epoch": epoch, "is_epoch_acked": False, "state": state.value, "state_since": since}
            await self._store.change_agent(unit, agent.id, **values, version=proof.version)
            await unit.commit(unaudited="each connection moves the epoch; a wrong one has its leaf")
            return replace(agent, epoch=epoch, is_epoch_acked=False, state=state, state_since=since)

    async def _acknowledge(self, agent_id: str, epoch: int) -> None:
        async with self._store.database.unit_of_work() as unit:
            agent = await self._store.locked_agent(unit, agent_id)
            if agent is None or agent.epoch != epoch:  # another connection of the same agent came in between
                raise HandshakeError(handshake.CLOSE_SUPERSEDED)
            await self._store.change_agent(unit, agent_id, is_epoch_acked=True, last_seen_at=self._clock.now())
            await unit.commit(unaudited="the welcome arrived")

    async def _offer_key_sets(self, transport: Transport, first: Message, held: int) -> None:
        chain = await self._key_sets.chain(after=held)
        for start in range(0, len(chain), KEY_SETS_PER_FRAME):
            tokens = chain[start : start + KEY_SETS_PER_FRAME]
            await transport.send(frames.encode(KeySetsMessage(id=self._new_id(), re=first.id, tokens=tokens)))

    @contextmanager
    def _counted(self, address: str) -> Iterator[None]:
        if self._strangers[address] >= STRANGERS_PER_ADDRESS or self._strangers.total() >= STRANGERS:
            raise HandshakeError(handshake.CLOSE_BACK_OFF)
        self._strangers[address] += 1
        try:
            yield
        finally:
            self._strangers[address] -= 1
            if not self._strangers[address]:
                del self._strangers[address]

    def _new_id(self) -> str:
        return self._ids.new("msg")


_M = TypeVar("_M", bound=Message)


async def _receive(transport: Transport, kind: type[_M], code: int) -> _M:
    try:
        message = frames.decode(await transport.receive())
    except frames.MalformedError as error:
        raise HandshakeError(code) from error
    if not isinstance(message, kind):
        raise HandshakeError(code)
    return message


def _version(text: str) -> tuple[int, int]:
    """Major and minor of a version text; (0, 0) for one that cannot be read."""
    major, _, rest = text.partition(".")
    minor = rest.partition(".")[0]
    if not (major.isascii() and major.isdecimal() and minor.isascii() and minor.isdecimal()):
        return 0, 0
    return int(major[:9]), int(minor[:9])
