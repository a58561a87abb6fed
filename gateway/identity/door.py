"""Identity as one thing: built from its outside parts, and the few calls other capabilities make."""

from collections.abc import Sequence
from dataclasses import dataclass

from gateway.edge.origin import PublicOrigin
from gateway.edge.rate_limit import RateLimiter
from gateway.identity.outbox import Outbox
from gateway.identity.passkeys import Passkeys
from gateway.identity.passwords import Passwords
from gateway.identity.people import People
from gateway.identity.ports import Log, Mail, Mailer, Memberships, PeopleStore, RoleChange, SecretStore
from gateway.identity.sealing import Sealer
from gateway.identity.sessions import Sessions
from gateway.identity.sign_in import SignIn
from gateway.identity.store import SqlPasskeys, SqlPeople, SqlSecrets, SqlSessions
from gateway.kernel.background import Background, Place
from gateway.kernel.bus import MemoryBus
from gateway.kernel.database import Database, UnitOfWork
from partner_agent.wire.clock import Clock
from partner_agent.wire.ids import IdSource


@dataclass(frozen=True, slots=True, kw_only=True)
class IdentityParts:
    """What identity is built from.

    Attributes:
        key: 32 bytes that seal small secrets.
    """

    database: Database
    log: Log
    memberships: Memberships
    mailer: Mailer
    bus: MemoryBus
    origin: PublicOrigin
    key: bytes
    limiter: RateLimiter
    blocklist: frozenset[str]
    passwords: Passwords
    clock: Clock
    ids: IdSource
    watchers: Sequence[RoleChange] = ()


@dataclass(frozen=True, slots=True)
class Identity:
    """People, sessions, sign-in and mail."""

    people: People
    sessions: Sessions
    sign_in: SignIn
    outbox: Outbox
    limiter: RateLimiter
    passkeys: Passkeys

    async def person_for(self, unit: UnitOfWork, *, email: str, name: str) -> str:
        """The `per_…` of the person with this address, made if there is none yet."""
        return await self.people.person_for(unit, email=email, name=name)

    async def end_sessions(self, unit: UnitOfWork, person_id: str) -> None:
        """Sign the person out everywhere."""
        await self.sessions.end_all(unit, person_id, reason="membership_changed")

    async def forget(self, unit: UnitOfWork, person_id: str) -> bool:
        """Delete a person who belongs nowhere any more; False for people of the agency."""
        return await self.people.forget(unit, person_id)

    async def send_link(self, email: str, *, next_path: str) -> None:
        """Mail a sign-in link that leads to `next_path`; says nothing about whether the address is known."""
        await self.sign_in.send_link(email, next_path=next_path)

    async def send_mail(self, unit: UnitOfWork, mail: Mail) -> None:
        """Send a message once the caller's transaction is committed."""
        await self.outbox.put(unit, mail)

    @property
    def background(self) -> tuple[Background, ...]:
        """What must run beside the pages."""
        return (
            Background("mail", self.outbox.run, Place.WORKER),
            Background("session sweeper", self.sessions.sweep, Place.WORKER),
            Background("rate counter sweeper", self.limiter.sweep, Place.WORKER),
        )


def build_identity(parts: IdentityParts) -> Identity:
    """Everything wired."""
    database, clock, ids, log = parts.database, parts.clock, parts.ids, parts.log
    people_store, secrets = SqlPeople(database), SqlSecrets(database)
    sealer = Sealer(key=parts.key, ids=ids)
    outbox = Outbox(database=database, mailer=parts.mailer, sealer=sealer, bus=parts.bus, clock=clock, ids=ids)
    sessions = _build_sessions(parts, people_store)
    sign_in = SignIn(
        database=database,
        people=people_store,
        secrets=secrets,
        sessions=sessions,
        memberships=parts.memberships,
        passwords=parts.passwords,
        sealer=sealer,
        outbox=outbox,
        limiter=parts.limiter,
        log=log,
        origin=parts.origin,
        clock=clock,
        ids=ids,
    )
    people = People(
        database=database,
        store=people_store,
        secrets=secrets,
        sessions=sessions,
        sign_in=sign_in,
        passwords=parts.passwords,
        blocklist=parts.blocklist,
        sealer=sealer,
        outbox=outbox,
        log=log,
        origin=parts.origin,
        watchers=parts.watchers,
        clock=clock,
        ids=ids,
    )
    return Identity(people, sessions, sign_in, outbox, parts.limiter, _build_passkeys(parts, secrets))


def _build_passkeys(parts: IdentityParts, secrets: SecretStore) -> Passkeys:
    return Passkeys(
        database=parts.database,
        store=SqlPasskeys(parts.database),
        secrets=secrets,
        log=parts.log,
        origin=parts.origin,
        clock=parts.clock,
        ids=parts.ids,
    )


def _build_sessions(parts: IdentityParts, people: PeopleStore) -> Sessions:
    return Sessions(
        database=parts.database,
        store=SqlSessions(parts.database),
        people=people,
        memberships=parts.memberships,
        log=parts.log,
        clock=parts.clock,
        ids=parts.ids,
    )
