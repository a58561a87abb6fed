"""Pairing a site: the agent asks for codes, the owner types one, the agent's next poll receives the pairing, once.

A new agent starts with nothing shared. The device code is the agent's secret, the user code the owner's word; both are
kept as hashes. Who may try how often is counted here, in the same transactions. What the codes mean on the wire:
`partner_agent.wire.enrolment`.
"""

import base64
import hashlib
from collections.abc import Callable, Mapping
from datetime import timedelta
from typing import Final

import msgspec

from gateway.audit import AuditLog
from gateway.edge.rate_limit import Limit, RateLimiter, address_prefix
from gateway.kernel.database import UnitOfWork
from gateway.kernel.errors import LimitedError, NotFoundError
from gateway.kernel.principal import Principal
from gateway.sites import leaves, oauth
from gateway.sites.keysets import KeySets
from gateway.sites.model import (
    CODE_LIFE,
    CODES_PER_ADDRESS,
    PENDING_PER_ADDRESS,
    POLL_INTERVAL_S,
    QUOTA_WINDOW,
    WRONG_CODES,
    WRONG_CODES_EVERYWHERE,
    Agent,
    AgentState,
    Enrolment,
    EnrolmentState,
    make_user_code,
    plain,
    read_user_code,
    write_user_code,
)
from gateway.sites.oauth import Answer, EnrolmentRequest, EnrolmentServer, Outcome
from gateway.sites.ports import Site, SiteDirectory
from gateway.sites.store import SiteStore
from partner_agent.wire.clock import Clock
from partner_agent.wire.enrolment import Pairing, check_proof
from partner_agent.wire.ids import IdSource
from partner_agent.wire.tokens import TokenError

DEVICE_CODE_BYTES: Final = 32
_TEXT_LENGTH: Final = 64  # of what the agent says of itself
_KEPT: Final = timedelta(days=1)  # ended enrolments, so that the quota and the owner's page can look back


class Enrolments:
    """The use cases of pairing."""

    def __init__(
        self,
        *,
        store: SiteStore,
        audit: AuditLog,
        key_sets: KeySets,
        clock: Clock,
        ids: IdSource,
        limiter: RateLimiter,
        public_url: str,
        gateway: str,
        directory: SiteDirectory,
        on_revoked: Callable[[str], None],
    ) -> None:
        """`gateway`: the id the gateway signs as. `on_revoked`: told of an agent that was replaced, after commit."""
        self._store = store
        self._audit = audit
        self._key_sets = key_sets
        self._clock = clock
        self._ids = ids
        self._limiter = limiter
        self._gateway = gateway
        self._directory = directory
        self._link_url = link_url(public_url)
        self._token_url = public_url + oauth.TOKEN_PATH
        self._on_revoked = on_revoked
        self.server = EnrolmentServer(public_url=public_url, verification_uri=public_url + "/pair")

    async def begin(self, form: Mapping[str, str], *, address: str) -> Answer:
        """`POST /oauth/device`: codes for a key that was proved.

        Raises:
            LimitedError: this address asked too often, or has too many codes waiting.
        """
        now = self._clock.now()
        quota = Limit("address", address_prefix(address), CODES_PER_ADDRESS, int(QUOTA_WINDOW.total_seconds()))
        await self._limiter.check("oauth.device", [quota])
        try:
            device = check_proof(form.get("jwk", ""), form.get("jwk_proof", ""), token_url=self._token_url, now=now)
        except TokenError:
            return oauth.error("invalid_request")
        device_code = base64.urlsafe_b64encode(self._ids.secret(DEVICE_CODE_BYTES)).rstrip(b"=").decode()
        letters = make_user_code(self._ids.secret(16))
        request = EnrolmentRequest(form, now=now, codes=(device_code, write_user_code(letters)))
        enrolment = Enrolment(
            device_hash=_hash(device_code),
            state=EnrolmentState.WAITING,
            jwk=dict(device.jwk),
            thumbprint=device.kid,
            host=plain(form.get("host", ""), _TEXT_LENGTH),
            version=plain(form.get("version", ""), _TEXT_LENGTH),
            address=address,
            created_at=now,
            expires_at=now + CODE_LIFE,
            interval_s=POLL_INTERVAL_S,
            last_polled_at=None,
            site_id="",
            organisation_id="",
            approved_by="",
            agent_id="",
        )
        async with self._store.database.unit_of_work() as unit:
            if await self._store.pending_codes(unit, enrolment.address, now) >= PENDING_PER_ADDRESS:
                wait_s = int(CODE_LIFE.total_seconds())
                raise LimitedError("Too many pairing codes of this address wait already.", retry_after_s=wait_s)
            answer = self.server.begin(request)
            if request.outcome is Outcome.BEGUN:
                await self._store.forget_codes(unit, now - _KEPT)
                await self._store.add_enrolment(unit, enrolment, user_hash=_hash(letters))
            await unit.commit(unaudited="nobody has agreed to anything yet")
        return answer

    async def poll(self, form: Mapping[str, str]) -> Answer:
        """`POST /oauth/token`: pending, or the pairing; the code is consumed in the transaction that answers."""
        now = self._clock.now()
        device_hash = _hash(form.get("device_code", ""))
        seen = await self._store.peek_enrolment(device_hash)
        if seen is None or seen.is_over(now):  # strangers cost a read, never the one writer
            return self.server.poll(EnrolmentRequest(form, now=now, found=seen))
        chain = await self._key_sets.chain()
        async with self._store.database.unit_of_work() as unit:
            found = await self._store.enrolment(unit, device_hash=device_hash)
            agent = self._new_agent(found) if found and found.state is EnrolmentState.APPROVED else None
            pairing = msgspec.to_builtins(await self._pairing(agent, chain)) if agent else None
            request = EnrolmentRequest(form, now=now, found=found, pairing=pairing)
            answer = self.server.poll(request)
            if found is None or request.outcome is Outcome.NOTHING:
                return answer
            if request.outcome is not Outcome.CONSUMED or agent is None:
                grown = POLL_INTERVAL_S if request.outcome is Outcome.POLLED_TOO_FAST else 0
                values = {"last_polled_at": now, "interval_s": found.interval_s + grown}
                await self._store.change_enrolment(unit, found.device_hash, **values)
                await unit.commit(unaudited="a poll changes nothing but the pace of polls")
                return answer
            if not await self._register(unit, found, agent):
                return oauth.error("access_denied")
            await unit.commit()
        return answer

    async def look(self, principal: Principal, typed: str) -> Enrolment:
        """The waiting enrolment of a typed code.

        Raises:
            NotFoundError: no such code waits; it was counted as a wrong entry.
            LimitedError: too many wrong entries by this session, or everywhere.
        """
        now = self._clock.now()
        keys = (f"session:{principal.session_ref}", "everywhere")
        async with self._store.database.unit_of_work() as unit:
            for key in keys:
                locked_until = await self._store.locked_until(unit, key)
                if locked_until and now < locked_until:
                    wait_s = int((locked_until - now).total_seconds()) + 1
                    raise LimitedError("Too many wrong codes. Wait, then try again.", retry_after_s=wait_s)
            letters = read_user_code(typed)
            found = await self._store.enrolment(unit, user_hash=_hash(letters)) if letters else None
            if found and found.state is EnrolmentState.WAITING and not found.is_over(now):
                return found
            for key, most in zip(keys, (WRONG_CODES, WRONG_CODES_EVERYWHERE), strict=True):
                if await self._store.count(unit, key, now=now, since=now - QUOTA_WINDOW) >= most:
                    await self._store.lock(unit, key, now=now)
                    await self._audit.append(unit, leaves.code_entry_locked(principal, is_everywhere=key == keys[1]))
            await unit.commit(unaudited="a wrong code is counted; the lock that follows has its leaf")
        raise NotFoundError("No agent waits with this code. Check the letters, or start pairing on the agent again.")

    async def approve(self, principal: Principal, site: Site, typed: str) -> Enrolment:
        """The owner says that this agent is theirs and belongs to `site`; its next poll receives the pairing.

        Raises:
            NotFoundError, LimitedError: as `look`.
        """
        found = await self.look(principal, typed)
        async with self._store.database.unit_of_work() as unit:
            locked = await self._store.enrolment(unit, device_hash=found.device_hash)
            if locked is None or locked.state is not EnrolmentState.WAITING:
                raise NotFoundError("This code has been used. Start pairing on the agent again.")
            await self._store.change_enrolment(
                unit,
                found.device_hash,
                state=EnrolmentState.APPROVED.value,
                site_id=site.id,
                organisation_id=site.organisation_id,
                approved_by=principal.person_id,
            )
            await self._audit.append(unit, leaves.pairing_approved(principal, site, found))
            await unit.commit()
        return found

    async def _register(self, unit: UnitOfWork, found: Enrolment, agent: Agent) -> bool:
        """Store the agent and end the one it replaces; False if its key already serves another site."""
        replaced = await self._store.locked_living_agent(unit, agent.site_id)
        if replaced:
            gone = {"state": AgentState.REVOKED.value, "state_since": self._clock.now()}
            await self._store.change_agent(unit, replaced.id, **gone)
            await self._store.untick_all(unit, replaced.id)
            await self._audit.append(
                unit, leaves.agent_removed(replaced, reason="replaced", person_id=found.approved_by)
            )
            unit.after_commit(lambda: self._on_revoked(replaced.id))
        if await self._store.is_key_in_use(unit, agent.thumbprint):
            return False
        await self._store.add_agent(unit, agent)
        values = {"state": EnrolmentState.REGISTERED.value, "agent_id": agent.id}
        await self._store.change_enrolment(unit, found.device_hash, **values)
        await self._audit.append(unit, leaves.agent_enrolled(agent))
        return True

    def _new_agent(self, found: Enrolment) -> Agent:
        now = self._clock.now()
        return Agent(
            id=self._ids.new("agt"),
            site_id=found.site_id,
            organisation_id=found.organisation_id,
            jwk=found.jwk,
            thumbprint=found.thumbprint,
            state=AgentState.PENDING,
            host=found.host,
            version=found.version,
            epoch=0,
            is_epoch_acked=True,
            lineage="",
            conditions=frozenset(),
            acked_seq=0,
            acked_sha256="",
            acked_at=None,
            registered_at=now,
            state_since=now,
            last_seen_at=None,
        )

    async def _pairing(self, agent: Agent, chain: list[str]) -> Pairing:
        return Pairing(
            agent=agent.id,
            site=agent.site_id,
            partner=agent.organisation_id,
            gateway=self._gateway,
            link_url=self._link_url,
            root=dict(self._key_sets.root.jwk),
            key_sets=chain,
            agencies=await self._directory.agencies(),
        )


def link_url(public_url: str) -> str:
    """The WebSocket address of the link: the audience of every proof, made from settings, never from a request."""
    return public_url.replace("http", "ws", 1) + "/agent/v1"


def _hash(secret: str) -> str:
    return hashlib.sha256(secret.encode()).hexdigest()
