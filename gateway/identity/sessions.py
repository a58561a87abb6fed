"""Sessions of our own making: the token is known to the browser alone, the database holds its hash.

A token is always made here and never taken from a request, so none can be planted; a sign-in makes a new one and
ends the old. Nothing is stored for people who are not signed in. Two limits hold for each session, whoever is first:
idle and absolute, by what the person may do.
"""

import base64
from collections.abc import Sequence
from typing import Final

from gateway.audit import Kind, LeafDraft
from gateway.identity.model import TOKEN_BYTES, TOUCH_PERIOD, Door, Membership, Person, Session, lifetime_of, ref_of
from gateway.identity.ports import Log, Memberships, PeopleStore, SessionStore
from gateway.kernel.database import Database, UnitOfWork
from gateway.kernel.errors import NotFoundError
from gateway.kernel.principal import ANONYMOUS, Principal
from partner_agent.wire.clock import Clock
from partner_agent.wire.ids import IdSource

MAX_TOKEN_LENGTH: Final = 100
SWEEP_PERIOD_S: Final = 600.0


def new_token(ids: IdSource) -> str:
    """256 random bits as text."""
    return base64.urlsafe_b64encode(ids.secret(TOKEN_BYTES)).rstrip(b"=").decode()


class Sessions:
    """Begins, recognises and ends sessions."""

    def __init__(
        self,
        *,
        database: Database,
        store: SessionStore,
        people: PeopleStore,
        memberships: Memberships,
        log: Log,
        clock: Clock,
        ids: IdSource,
    ) -> None:
        self._database = database
        self._store = store
        self._people = people
        self._memberships = memberships
        self._log = log
        self._clock = clock
        self._ids = ids

    async def authenticate(self, session_token: str) -> Principal:
        """Who holds this token; `ANONYMOUS` when it is unknown or over, or its person suspended or no longer a member.

        Roles are read each time, so a change of roles holds from the next request on.
        """
        if len(session_token) > MAX_TOKEN_LENGTH:
            return ANONYMOUS
        found = await self._store.get(ref_of(session_token))
        if found is None:
            return ANONYMOUS
        session, person = found
        if not session.is_live(self._clock.now()) or person.is_suspended:
            return ANONYMOUS
        membership = await self._membership(session.door, person.id)
        if membership is None and session.door is Door.AGENCY:
            return ANONYMOUS
        await self._touch(session, membership)
        return _principal(session, person, membership)

    async def begin(
        self, unit: UnitOfWork, person_id: str, *, door: Door, factors: frozenset[str], network: str, old_token: str
    ) -> str:
        """A new session, and the end of the one this browser had. Returns the token for the cookie."""
        if old_token:
            await self._store.remove(unit, ref_of(old_token))
        membership = await self._membership(door, person_id)
        lifetime = lifetime_of(door, membership.roles if membership else frozenset())
        now = self._clock.now()
        token = new_token(self._ids)
        session = Session(
            ref=ref_of(token),
            person_id=person_id,
            door=door,
            factors=factors,
            created_at=now,
            last_seen_at=now,
            idle_until=now + lifetime.idle,
            absolute_until=now + lifetime.absolute,
            network=network,
        )
        await self._store.add(unit, session)
        draft = LeafDraft(
            kind=Kind.SIGN_IN_SUCCEEDED,
            streams=frozenset({person_id}),
            public={"door": door.value, "factors": "/".join(sorted(factors))},
            restricted={"person": person_id, "network": network},
        )
        await self._log.append(unit, draft)
        return token

    async def end(self, session_ref: str, *, by: Principal) -> None:
        """End one of the caller's own sessions.

        Raises:
            NotFoundError: there is none of theirs by this name.
        """
        async with self._database.unit_of_work() as unit:
            if await self._store.remove(unit, session_ref) != by.person_id:
                raise NotFoundError("There is no such session of yours.")
            await self._tell_end(unit, by.person_id, reason="by_person")
            await unit.commit()

    async def end_all(self, unit: UnitOfWork, person_id: str, *, reason: str) -> None:
        """End every session of a person, inside the caller's transaction."""
        if await self._store.remove_all(unit, person_id):
            await self._tell_end(unit, person_id, reason=reason)

    async def of_caller(self, principal: Principal) -> Sequence[Session]:
        """The caller's own live sessions."""
        return await self._store.of_person(principal.person_id, self._clock.now())

    async def is_live(self, session_ref: str) -> bool:
        """Whether a session still counts: for streams that outlive the request which began them."""
        found = await self._store.get(session_ref)
        return found is not None and found[0].is_live(self._clock.now()) and not found[1].is_suspended

    async def sweep(self) -> None:
        """Remove what is over, for ever."""
        while True:
            await self._store.sweep(self._clock.now())
            await self._clock.sleep(SWEEP_PERIOD_S)

    async def _membership(self, door: Door, person_id: str) -> Membership | None:
        if door is Door.AGENCY:
            return await self._people.agency_membership(person_id)
        return await self._memberships.membership_of(person_id)

    async def _touch(self, session: Session, membership: Membership | None) -> None:
        now = self._clock.now()
        if now - session.last_seen_at < TOUCH_PERIOD:
            return
        lifetime = lifetime_of(session.door, membership.roles if membership else frozenset())
        await self._store.touch(session.ref, last_seen_at=now, idle_until=now + lifetime.idle)

    async def _tell_end(self, unit: UnitOfWork, person_id: str, *, reason: str) -> None:
        draft = LeafDraft(
            kind=Kind.SIGN_IN_ENDED,
            streams=frozenset({person_id}),
            public={"reason": reason},
            restricted={"person": person_id},
        )
        await self._log.append(unit, draft)


def _principal(session: Session, person: Person, membership: Membership | None) -> Principal:
    return Principal(
        kind=session.door.kind,
        person_id=person.id,
        organisation_id=membership.organisation_id if membership else "",
        roles=membership.roles if membership else frozenset(),
        name=person.name,
        session_ref=session.ref,
        unit=membership.unit if membership else "",
        factors=session.factors,
    )
