"""Publishing which keys of the gateway agents may believe: each version signed by the root, chained, and a leaf.

The root signs and goes away again; a running gateway only checks that the keys it signs with are the ones published.
The form is `partner_agent.wire.keyset`.
"""

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta

from gateway.audit import AuditLog
from gateway.kernel.errors import ConflictError, PreconditionError
from gateway.kernel.keyring import Keyring, RootSigner
from gateway.sites import leaves
from gateway.sites.model import KEYS_DUE
from gateway.sites.store import SiteStore
from partner_agent.wire import keyset
from partner_agent.wire.clock import Clock
from partner_agent.wire.keyset import Key, KeySet
from partner_agent.wire.limits import KEY_LIFE_DAYS
from partner_agent.wire.tokens import PublicKey, TokenError


@dataclass(frozen=True, slots=True)
class Published:
    """What every key set says beside the keys."""

    gateway: str
    hosts: tuple[str, ...]  # host[:port] of every URL an agent may be handed
    relay_fingerprints: tuple[str, ...] = ()  # of the relays' DTLS certificates, RFC 8122 form


class KeySets:
    """The chain of key sets."""

    def __init__(
        self, *, store: SiteStore, audit: AuditLog, clock: Clock, keyring: Keyring, published: Published
    ) -> None:
        self._store = store
        self._audit = audit
        self._clock = clock
        self._keyring = keyring
        self._published = published
        self._told: int | None = None  # the version that connected sites know, as far as this process told them
        self.root: PublicKey = keyring.root_public

    async def chain(self, *, after: int = 0) -> list[str]:
        """The signed versions after `after`, oldest first."""
        return await self._store.key_sets(after=after)

    async def newest(self) -> KeySet | None:
        """The version in force.

        Raises:
            PreconditionError: the stored chain is not of this root.
        """
        try:
            return keyset.advance(None, await self.chain(), self.root)
        except TokenError as error:
            raise PreconditionError("The stored key sets were not signed by this gateway's root key.") from error

    async def publish(self, root: RootSigner) -> KeySet:
        """Sign and store the next version, with the keys in use and full lives.

        Raises:
            PreconditionError: `root` is not the root this gateway's agents pinned.
            ConflictError: somebody else published at this moment.
        """
        if root.public.kid != self.root.kid:
            raise PreconditionError("This is another root key; the sites have pinned the one made at set-up.")
        now = self._clock.now()
        expires_at = now + timedelta(days=KEY_LIFE_DAYS)
        signed = keyset.sign(
            root,
            self.root,
            gateway=self._published.gateway,
            previous=await self.newest(),
            keys=[Key(role=role, public=public, expires_at=expires_at) for role, public in self._keys_in_use()],
            hosts=self._published.hosts,
            relay_fingerprints=self._published.relay_fingerprints,
            log_origin=self._keyring.log.name,
            now=now,
        )
        async with self._store.database.unit_of_work() as unit:
            await self._store.add_key_set(unit, signed, signed_at=now, expires_at=expires_at)
            await self._audit.append(unit, leaves.key_set_published(version=signed.version, sha256=signed.sha256))
            await unit.commit()
        return signed

    async def ensure_current(self) -> None:
        """Publish if something changed or an end is near and the root is here (the demo keeps it).

        Raises:
            PreconditionError: agents would not believe our keys, and the root is not here to sign new ones.
        """
        newest = await self.newest()
        problem = self.problem_of(newest, self._clock.now())
        if not problem and newest and not is_due(newest, self._clock.now()):
            return
        if self._keyring.root:
            with suppress(ConflictError):  # whoever published first has said the same
                await self.publish(self._keyring.root)
        elif problem:
            raise PreconditionError(f"{problem} Run: lenspact keys publish --root FILE")

    async def untold(self) -> Sequence[str]:
        """See that a current one is in force; the signed versions that came since the last asking, oldest first.

        What was in force at the first asking is not among them: sites read it when they connect. An asking that ends in
        an error tells nothing, so the next one still has what it would have told.

        Raises:
            PreconditionError: as `ensure_current`.
        """
        if self._told is None:
            newest = await self.newest()
            self._told = newest.version if newest else 0
        await self.ensure_current()
        chain = await self.chain(after=self._told)
        self._told += len(chain)
        return chain

    def problem_of(self, newest: KeySet | None, now: datetime) -> str:
        """One sentence about why agents would refuse what we sign or hand out; empty if they would not."""
        if newest is None:
            return "No key set has been published."
        for role, public in self._keys_in_use():
            if public.kid not in {key.kid for key in newest.live(role, now)}:
                return f"The {role} key is not in the published key set, or its time there is over."
        is_same = newest.hosts == frozenset(self._published.hosts)
        if not is_same or newest.relay_fingerprints != frozenset(self._published.relay_fingerprints):
            return "Hosts or relays have changed since the key set was published."
        return ""

    def _keys_in_use(self) -> Sequence[tuple[str, PublicKey]]:
        ring = self._keyring
        signers = (ring.grant, ring.lease, ring.promise, ring.link, ring.ticket, ring.log)
        return [(signer.role.value, signer.public) for signer in signers]


def is_due(newest: KeySet, now: datetime) -> bool:
    """Whether the first key ends so soon that the next version should be signed now."""
    return min(key.expires_at for key in newest.keys) - now < KEYS_DUE
