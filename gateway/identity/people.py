"""People of the agency: invited by an administrator, enrolled by themselves, given roles, suspended.

The first administrator comes by a link that the machine's own operator prints. There is always one administrator who
can sign in. Changes of roles end the person's sessions, so nobody keeps what they lost.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta

from gateway.audit import Kind, LeafDraft
from gateway.edge.origin import PublicOrigin
from gateway.identity import totp
from gateway.identity.model import (
    FIRST_ADMIN_LIFE,
    INVITATION_LIFE,
    STEP_LIFE,
    Agency,
    AgencyUser,
    Credential,
    Link,
    LinkPurpose,
    Membership,
    Person,
    check_agency_roles,
    check_password,
    normal_email,
    ref_of,
)
from gateway.identity.outbox import Outbox, check_recipient
from gateway.identity.passwords import Passwords
from gateway.identity.ports import Log, Mail, PeopleStore, RoleChange, SecretStore
from gateway.identity.sealing import Sealer
from gateway.identity.sessions import Sessions, new_token
from gateway.identity.sign_in import OVER, WRONG_CODE, Attempt, SignedIn, SignIn
from gateway.kernel.database import Database, UnitOfWork
from gateway.kernel.errors import ConflictError, InvalidError, NotFoundError, UnauthenticatedError
from gateway.kernel.principal import SYSTEM, Principal, Role
from gateway.web import _
from partner_agent.wire.clock import Clock
from partner_agent.wire.ids import IdSource


@dataclass(frozen=True, slots=True)
class Enrolment:
    """What the page shows while somebody sets up their code."""

    person: Person
    uri: str
    written_seed: str


class People:
    """The use cases around people of the agency, and persons in general."""

    def __init__(
        self,
        *,
        database: Database,
        store: PeopleStore,
        secrets: SecretStore,
        sessions: Sessions,
        sign_in: SignIn,
        passwords: Passwords,
        blocklist: frozenset[str],
        sealer: Sealer,
        outbox: Outbox,
        log: Log,
        origin: PublicOrigin,
        watchers: Sequence[RoleChange],
        clock: Clock,
        ids: IdSource,
    ) -> None:
        self._database = database
        self._store = store
        self._secrets = secrets
        self._sessions = sessions
        self._sign_in = sign_in
        self._passwords = passwords
        self._blocklist = blocklist
        self._sealer = sealer
        self._outbox = outbox
        self._log = log
        self._origin = origin
        self._watchers = watchers
        self._clock = clock
        self._ids = ids

    async def agency(self) -> Agency:
        """The agency of this gateway.

        Raises:
            NotFoundError: set-up did not run.
        """
        agency = await self._store.agency()
        if agency is None:
            raise NotFoundError("This gateway has no agency yet: run lenspact setup.")
        return agency

    async def ensure_agency(self, name: str) -> Agency:
        """The agency, made on the first start."""
        agency = await self._store.agency()
        if agency is not None:
            return agency
        agency = Agency(self._ids.new("age"), name)
        async with self._database.unit_of_work() as unit:
            await self._store.add_agency(unit, agency)
            draft = LeafDraft(kind=Kind.SETTING_CHANGED, public={"setting": "agency"}, restricted={"agency": agency.id})
            await self._log.append(unit, draft)
            await unit.commit()
        return agency

    async def person_for(self, unit: UnitOfWork, *, email: str, name: str) -> str:
        """The `per_…` of the person with this address, made in the caller's transaction if there is none yet."""
        address = check_recipient(email)
        person = await self._store.person_by_email(unit, address)
        if person is not None:
            return person.id
        person = Person(self._ids.new("per"), address, name)
        await self._store.add_person(unit, person, at=self._clock.now())
        await self._tell(unit, Kind.PERSON_REGISTERED, person.id, by=SYSTEM)
        return person.id

    async def person(self, person_id: str) -> Person | None:
        """By id."""
        return await self._store.person(person_id)

    async def membership(self, person_id: str) -> Membership | None:
        """What a person of the agency may do now; None for one who is suspended, gone, or of no agency."""
        person = await self._store.person(person_id)
        if person is None or person.is_suspended:
            return None
        return await self._store.agency_membership(person_id)

    async def forget(self, unit: UnitOfWork, person_id: str) -> bool:
        """Delete address, name and secrets of somebody who belongs nowhere any more; False for people of the agency."""
        if await self._store.agency_membership(person_id) is not None:
            return False
        await self._secrets.drop_links(unit, person_id)
        await self._store.remove_person(unit, person_id)
        return True

    async def users(self) -> Sequence[AgencyUser]:
        """Everybody of the agency, by name."""
        return await self._store.agency_users()

    async def invite_first_admin(self, *, email: str, name: str) -> str:
        """A link that makes this person an administrator; for the operator of the machine, who hands it over.

        Used again it makes a new link and ends the old one, which is also how a lost factor is recovered.
        """
        roles = frozenset({Role.ADMIN})
        return await self._invite(email=email, name=name, roles=roles, unit_name="", life=FIRST_ADMIN_LIFE, by=SYSTEM)

    async def invite(self, *, email: str, name: str, roles: frozenset[Role], unit_name: str, by: Principal) -> str:
        """Invite a person of the agency by mail; returns the link too, for handing over in person.

        Raises:
            InvalidError: no roles, or no mail address.
            ConflictError: this person has enrolled already.
        """
        return await self._invite(email=email, name=name, roles=roles, unit_name=unit_name, life=INVITATION_LIFE, by=by)

    async def _invite(
        self, *, email: str, name: str, roles: frozenset[Role], unit_name: str, life: timedelta, by: Principal
    ) -> str:
        check_agency_roles(roles)
        agency = await self.agency()
        token = new_token(self._ids)
        url = self._invitation_url(token)
        now = self._clock.now()
        async with self._database.unit_of_work() as unit:
            person_id = await self.person_for(unit, email=email, name=name)
            if by is not SYSTEM and await self._secrets.credential(person_id):
                raise ConflictError("This person has signed in already. Change their roles in the list.")
            await self._store.put_agency_membership(unit, person_id, Membership(agency.id, roles, unit_name))
            await self._secrets.drop_links(unit, person_id)
            link = Link(ref_of(token), LinkPurpose.INVITATION, person_id, now + life)
            await self._secrets.add_link(unit, link, at=now)
            if by is not SYSTEM:
                await self._outbox.put(unit, _invitation_mail(normal_email(email), agency, url, life))
            await self._tell(unit, Kind.PERSON_ROLES_CHANGED, person_id, by=by, roles=roles)
            await unit.commit()
        return url

    async def invite_again(self, person_id: str, *, by: Principal) -> None:
        """A new invitation by mail for somebody who lost password or phone; those, and their sessions, end at once.

        Raises:
            NotFoundError: not of the agency, or suspended.
            ConflictError: nobody could administer any more.
        """
        await self._member(person_id)
        person = await self._store.person(person_id)
        if person is None or person.is_suspended:
            raise NotFoundError("There is no such person in the agency.")
        agency, now, token = await self.agency(), self._clock.now(), new_token(self._ids)
        async with self._database.unit_of_work() as unit:
            await self._secrets.drop_links(unit, person_id)
            link = Link(ref_of(token), LinkPurpose.INVITATION, person_id, now + INVITATION_LIFE)
            await self._secrets.add_link(unit, link, at=now)
            url = self._invitation_url(token)
            await self._outbox.put(unit, _invitation_mail(person.email, agency, url, INVITATION_LIFE))
            await self._secrets.drop_credential(unit, person_id)
            await self._refuse_without_admin(unit)
            await self._sessions.end_all(unit, person_id, reason="credential_removed")
            await self._tell(unit, Kind.CREDENTIAL_REMOVED, person_id, by=by)
            await unit.commit()

    def _invitation_url(self, token: str) -> str:
        return f"{self._origin.text}/sign-in/invitation/{token}"

    async def begin_enrolment(self, token: str) -> str:
        """Open an invitation, by its button; it stays good until enrolment is complete. Returns a step for a cookie.

        Raises:
            UnauthenticatedError: unknown, used or too old.
        """
        now = self._clock.now()
        invitation = await self._secrets.link(ref_of(token), LinkPurpose.INVITATION, now)
        if invitation is None:
            raise UnauthenticatedError(OVER)
        step_token = new_token(self._ids)
        seed = self._sealer.seal(self._ids.secret(totp.SEED_BYTES), bound_to=invitation.person_id)
        expires_at = now + STEP_LIFE
        # the invitation's hash rides along, to be used up at the end
        step = Link(ref_of(step_token), LinkPurpose.ENROLMENT, invitation.person_id, expires_at, invitation.ref, seed)
        async with self._database.unit_of_work() as unit:
            await self._secrets.add_link(unit, step, at=now)
            await unit.commit(unaudited="half an enrolment; the whole one is audited")
        return step_token

    async def enrolment(self, step_token: str) -> Enrolment:
        """What to show.

        Raises:
            UnauthenticatedError: the step is over.
        """
        step, person = await self._step(step_token)
        seed = self._sealer.open(step.sealed_seed, bound_to=person.id)
        agency = await self.agency()
        uri = totp.otpauth_uri(seed, issuer=f"Lenspact {agency.name}", account=person.email)
        return Enrolment(person, uri, totp.written_seed(seed))

    async def finish_enrolment(self, step_token: str, *, password: str, code: str, attempt: Attempt) -> SignedIn:
        """Set password and code, which proves the app works, and sign in.

        Raises:
            UnauthenticatedError: the step is over.
            InvalidError: the password cannot be used, or the code is wrong; `fields` says which.
        """
        now = self._clock.now()
        step, person = await self._step(step_token)
        normal = check_password(password, person=person, blocklist=self._blocklist)
        seed = self._sealer.open(step.sealed_seed, bound_to=person.id)
        time_step = totp.matching_step(seed, code, now=now, last_step=0)
        if time_step is None:
            raise InvalidError(WRONG_CODE, fields={"code": WRONG_CODE})
        password_hash = await self._passwords.hash(normal)
        credential = Credential(person.id, password_hash, step.sealed_seed, time_step)
        async with self._database.unit_of_work() as unit:
            if not await self._secrets.use_link(unit, step.next_path, LinkPurpose.INVITATION, now):
                raise UnauthenticatedError(OVER)
            await self._secrets.drop_links(unit, person.id)
            await self._secrets.put_credential(unit, credential, at=now)
            await self._sessions.end_all(unit, person.id, reason="credential_changed")
            await self._tell(unit, Kind.CREDENTIAL_ADDED, person.id, by=SYSTEM)
            token = await self._sign_in.begin_agency_session(unit, person.id, attempt)
            await unit.commit()
        return SignedIn(token, "/")

    async def change_roles(self, person_id: str, roles: frozenset[Role], *, unit_name: str, by: Principal) -> None:
        """Give a person of the agency exactly these roles, and sign them out.

        Raises:
            NotFoundError: not of the agency.
            ConflictError: nobody could administer any more.
        """
        check_agency_roles(roles)
        held = await self._member(person_id)
        async with self._database.unit_of_work() as unit:
            await self._store.put_agency_membership(unit, person_id, Membership(held.organisation_id, roles, unit_name))
            await self._refuse_without_admin(unit)
            await self._changed(unit, person_id, roles, by=by)
            await unit.commit()

    async def suspend(self, person_id: str, *, by: Principal) -> None:
        """Let a person in no more; what runs in their name ends.

        Raises:
            NotFoundError: not of the agency.
            ConflictError: nobody could administer any more.
        """
        await self._member(person_id)
        async with self._database.unit_of_work() as unit:
            await self._store.set_suspended(unit, person_id, self._clock.now())
            await self._refuse_without_admin(unit)
            await self._secrets.drop_links(unit, person_id)
            await self._sessions.end_all(unit, person_id, reason="suspended")
            unit.bump(person_id)
            for watcher in self._watchers:
                await watcher.roles_changed(unit, person_id, frozenset())
            await self._tell(unit, Kind.PERSON_SUSPENDED, person_id, by=by)
            await unit.commit()

    async def restore(self, person_id: str, *, by: Principal) -> None:
        """Let a suspended person in again, with the roles they had."""
        held = await self._member(person_id)
        async with self._database.unit_of_work() as unit:
            await self._store.set_suspended(unit, person_id, None)
            await self._tell(unit, Kind.PERSON_ROLES_CHANGED, person_id, by=by, roles=held.roles)
            await unit.commit()

    async def _changed(self, unit: UnitOfWork, person_id: str, roles: frozenset[Role], *, by: Principal) -> None:
        await self._sessions.end_all(unit, person_id, reason="roles_changed")
        unit.bump(person_id)
        for watcher in self._watchers:
            await watcher.roles_changed(unit, person_id, roles)
        await self._tell(unit, Kind.PERSON_ROLES_CHANGED, person_id, by=by, roles=roles)

    async def _refuse_without_admin(self, unit: UnitOfWork) -> None:
        if not await self._store.count_admins(unit):
            raise ConflictError(
                "Nobody could administer this gateway any more. Make somebody else administrator first."
            )

    async def _member(self, person_id: str) -> Membership:
        held = await self._store.agency_membership(person_id)
        if held is None:
            raise NotFoundError("There is no such person in the agency.")
        return held

    async def _step(self, step_token: str) -> tuple[Link, Person]:
        step = await self._secrets.link(ref_of(step_token), LinkPurpose.ENROLMENT, self._clock.now())
        person = await self._store.person(step.person_id) if step else None
        if step is None or person is None or person.is_suspended:
            raise UnauthenticatedError(OVER)
        return step, person

    async def _tell(
        self, unit: UnitOfWork, kind: Kind, person_id: str, *, by: Principal, roles: frozenset[Role] = frozenset()
    ) -> None:
        draft = LeafDraft(
            kind=kind,
            streams=frozenset({person_id}),
            public={"roles": "/".join(sorted(roles))} if roles else {},
            restricted={"person": person_id, "by": by.person_id},
        )
        await self._log.append(unit, draft)


def _invitation_mail(to: str, agency: Agency, url: str, life: timedelta) -> Mail:
    invites = _(
        "%(agency)s invites you to Lenspact. Open this link to choose a password and set up one-time codes:",
        agency=agency.name,
    )
    works = _("It works for %(days)d days. You need an authenticator app on your phone.", days=life.days)
    return Mail(to=to, subject=_("Your access to Lenspact"), text=f"{invites}\n\n{url}\n\n{works}\n")
