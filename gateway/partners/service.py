"""What partners do: register, confirm, describe their sites, add people, accept the agreement, withdraw.

Each public method that changes something is one decision: one transaction with its leaf. Who may call it was checked
at the edge by role; here everything is done inside the caller's own organisation, and what belongs to another is
`NotFoundError`, as if it were not there.
"""

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime

from gateway.audit import Kind, LeafDraft
from gateway.kernel.database import Database, UnitOfWork
from gateway.kernel.errors import ConflictError, LimitedError, NotFoundError
from gateway.kernel.phrases import phrase
from gateway.kernel.principal import Principal, Role
from gateway.partners.memoranda import Memoranda
from gateway.partners.model import (
    MAX_MEMBERS,
    MAX_SITES,
    Acceptance,
    Member,
    Organisation,
    OrganisationState,
    Registration,
    Site,
    Version,
    refuse_losing_the_last_owner,
    refuse_unless_active,
)
from gateway.partners.ports import AgreementWatcher, Log, MemberWatcher, PartnerRows, People, Signatures, SiteWatcher
from partner_agent.wire.clock import Clock
from partner_agent.wire.ids import IdSource
from partner_agent.wire.touches import Assertion
from policies.mou import Consent

WELCOME = "/portal/set-up"
ANSWERS_FIRST = "/portal/answer-key"  # whoever only answers adds a passkey first
LEFT = "left"  # the public reason of an erasure: they no longer take part


class Partners:
    """Use cases of partner organisations."""

    def __init__(
        self,
        *,
        database: Database,
        rows: PartnerRows,
        log: Log,
        people: People,
        signatures: Signatures,
        agreement: Version,
        clock: Clock,
        ids: IdSource,
        watchers: tuple[SiteWatcher, ...] = (),
        member_watchers: tuple[MemberWatcher, ...] = (),
        agreement_watchers: tuple[AgreementWatcher, ...] = (),
    ) -> None:
        """`agreement`: the version that came with the installation."""
        self.agreement = agreement
        self.memoranda = Memoranda(
            database=database,
            rows=rows,
            log=log,
            shipped=agreement,
            clock=clock,
            ids=ids,
            signatures=signatures,
            tell_of_sites=self._tell_of_sites,
            watchers=agreement_watchers,
        )
        self._database = database
        self._rows = rows
        self._log = log
        self._people = people
        self._clock = clock
        self._ids = ids
        self._watchers = watchers
        self._member_watchers = member_watchers

    async def register(self, wish: Registration) -> None:
        """Put a newcomer on the list as pending, and mail the link that confirms.

        Says the same whether or not the address is known: a known person gets a plain sign-in link and nothing is made.
        """
        async with self._database.unit_of_work() as unit:
            person_id = await self._people.person_for(unit, email=wish.email, name=wish.contact_name)
            if await self._rows.member(person_id, unit=unit) is None:
                organisation = Organisation(
                    id=self._ids.new("org"),
                    kind=wish.kind,
                    name=wish.name,
                    address=wish.address,
                    contact_email=wish.email,
                    state=OrganisationState.PENDING,
                    created_at=self._clock.now(),
                )
                await self._rows.add_organisation(unit, organisation)
                member = Member(organisation.id, person_id, Role.OWNER, wish.contact_name, wish.email)
                await self._rows.add_member(unit, member)
                public = {"organisation_kind": wish.kind.value}
                await self._leaf(unit, Kind.PARTNER_REGISTERED, organisation.id, public=public)
                await unit.commit()
        await self._people.send_link(wish.email, next_path=WELCOME)

    async def address_confirmed(self, person_id: str) -> None:
        """The person opened a mailed link: their organisation, if still pending, is active now."""
        async with self._database.unit_of_work() as unit:
            member = await self._rows.member(person_id, unit=unit)
            organisation = await self._rows.organisation(member.organisation_id, unit=unit) if member else None
            if organisation is None or organisation.state is not OrganisationState.PENDING:
                return
            await self._rows.save_organisation(unit, replace(organisation, state=OrganisationState.ACTIVE))
            await self._tell_of_sites(unit, organisation)
            await self._leaf(unit, Kind.PARTNER_CONFIRMED, organisation.id, person=person_id)
            await unit.commit()

    async def membership_of(self, person_id: str) -> Member | None:
        """Where this person belongs, for whoever makes the `Principal`."""
        return await self._rows.member(person_id)

    async def organisation(self, organisation_id: str) -> Organisation:
        """The organisation.

        Raises:
            NotFoundError: there is none, or it withdrew.
        """
        return _found(await self._rows.organisation(organisation_id))

    async def members(self, organisation_id: str) -> list[Member]:
        """Everybody of the organisation."""
        return await self._rows.members(organisation_id)

    async def sites(self, organisation_id: str) -> list[Site]:
        """The places of the organisation."""
        return await self._rows.sites(organisation_id)

    async def site(self, site_id: str, *, organisation_id: str = "") -> Site:
        """One place; only of `organisation_id` unless that is empty.

        Raises:
            NotFoundError: there is none, or it belongs to somebody else.
        """
        site = await self._rows.site(site_id)
        if site is None or (organisation_id and site.organisation_id != organisation_id):
            raise NotFoundError("There is no such place.")
        return site

    async def acceptances(self, organisation_id: str) -> list[Acceptance]:
        """Agreements the organisation accepted, newest first."""
        return await self._rows.acceptances(organisation_id)

    async def has_accepted(self, organisation_id: str) -> bool:
        """Whether a version of the agreement is accepted, so that something counts between both sides."""
        return await self.memoranda.in_force(organisation_id) is not None

    async def change_organisation(self, principal: Principal, *, name: str, address: str) -> None:
        """Correct name and address."""
        async with self._database.unit_of_work() as unit:
            organisation = await self._mine(unit, principal)
            await self._rows.save_organisation(unit, replace(organisation, name=name, address=address))
            await self._leaf(unit, Kind.PARTNER_CHANGED, organisation.id, person=principal.person_id)
            await unit.commit()

    async def save_site(self, principal: Principal, site: Site, *, is_new: bool) -> Site:
        """Add a place (its id is made here) or correct one; whoever keeps its facts is told in the same transaction."""
        async with self._database.unit_of_work() as unit:
            organisation = await self._mine(unit, principal)
            refuse_unless_active(organisation)
            present = await self._rows.sites(organisation.id, unit=unit)
            if is_new:
                if len(present) >= MAX_SITES:
                    raise LimitedError(
                        phrase("An organisation has at most %(most)d places.", most=MAX_SITES), retry_after_s=86_400
                    )
                site = replace(site, id=self._ids.new("sit"), organisation_id=organisation.id)
            elif site.id not in {s.id for s in present} or site.organisation_id != organisation.id:
                raise NotFoundError("There is no such place.")
            await self._rows.save_site(unit, site)
            kind = Kind.SITE_ADDED if is_new else Kind.SITE_CHANGED
            public = {"people_live_here": site.people_live_here}
            await self._leaf(unit, kind, organisation.id, site=site.id, person=principal.person_id, public=public)
            await self._tell_of_site(unit, site)
            await unit.commit()
        return site

    async def remove_site(self, principal: Principal, site_id: str) -> None:
        """Delete a place and what stands there."""
        async with self._database.unit_of_work() as unit:
            organisation = await self._mine(unit, principal)
            site = next((s for s in await self._rows.sites(organisation.id, unit=unit) if s.id == site_id), None)
            if site is None:
                raise NotFoundError("There is no such place.")
            await self._remove_site(unit, site, person=principal.person_id)
            await unit.commit()

    async def add_member(self, principal: Principal, *, name: str, email: str, role: Role) -> None:
        """Add a person, who gets a sign-in link by mail.

        Raises:
            ConflictError: the person belongs to an organisation already.
        """
        async with self._database.unit_of_work() as unit:
            organisation = await self._mine(unit, principal)
            refuse_unless_active(organisation)
            if len(await self._rows.members(organisation.id, unit=unit)) >= MAX_MEMBERS:
                raise LimitedError(
                    phrase("An organisation has at most %(most)d people.", most=MAX_MEMBERS), retry_after_s=86_400
                )
            person_id = await self._people.person_for(unit, email=email, name=name)
            if await self._rows.member(person_id, unit=unit) is not None:
                raise ConflictError("This address cannot be added. Ask the person for another one.")
            await self._rows.add_member(unit, Member(organisation.id, person_id, role, name, email))
            public = {"role": role.value}
            by = principal.person_id
            await self._leaf(
                unit, Kind.PARTNER_MEMBER_ADDED, organisation.id, member=person_id, person=by, public=public
            )
            await unit.commit()
        await self._people.send_link(email, next_path=ANSWERS_FIRST if role is Role.ANSWERS else "/portal")

    async def remove_member(self, principal: Principal, person_id: str) -> None:
        """Remove a person, sign them out and delete what is known of them; never the last owner.

        What they may approve ends first: should the rest fail, they can do less than before, and it is done again.
        """
        _leaving(await self.members(principal.organisation_id), person_id)
        for watcher in self._member_watchers:
            await watcher.member_leaves(principal, person_id)
        async with self._database.unit_of_work() as unit:
            organisation = await self._mine(unit, principal)
            leaving = _leaving(await self._rows.members(organisation.id, unit=unit), person_id)
            await self._rows.remove_member(unit, leaving)
            by = principal.person_id
            await self._forget(unit, person_id, by=by)
            await self._leaf(unit, Kind.PARTNER_MEMBER_REMOVED, organisation.id, member=person_id, person=by)
            await unit.commit()

    async def accept_agreement(
        self,
        principal: Principal,
        *,
        sha256: str,
        consent: Consent = Consent.FREE,
        assertion: Assertion | None = None,
    ) -> None:
        """Sign the agreement that is offered; `Memoranda.accept`."""
        await self.memoranda.accept(principal, sha256=sha256, consent=consent, assertion=assertion)

    async def withdraw(self, principal: Principal) -> None:
        """End it all: places, cameras, people and details are deleted; the log keeps that somebody took part.

        What they wrote themselves is erased from the details of their leaves; the leaves, with its salted hashes, stay.
        """
        now: datetime = self._clock.now()
        async with self._database.unit_of_work() as unit:
            organisation = await self._mine(unit, principal)
            for site in await self._rows.sites(organisation.id, unit=unit):
                await self._remove_site(unit, site, person=principal.person_id)
            members = await self._rows.members(organisation.id, unit=unit)
            await self._rows.erase_organisation(unit, organisation.id, at=now)
            for member in members:
                await self._forget(unit, member.person_id, by=principal.person_id)
            await self._log.erase_words(unit, organisation.id, legal_basis=LEFT, by_person=principal.person_id)
            await self._leaf(unit, Kind.PARTNER_WITHDREW, organisation.id, person=principal.person_id)
            await unit.commit()

    async def _forget(self, unit: UnitOfWork, person_id: str, *, by: str) -> None:
        """Sign somebody out who belongs to the organisation no more, and keep nothing that names them."""
        await self._people.end_sessions(unit, person_id)
        if await self._people.forget(unit, person_id):
            await self._log.erase_words(unit, person_id, legal_basis=LEFT, by_person=by)

    async def _tell_of_sites(self, unit: UnitOfWork, organisation: Organisation) -> None:
        """What holds for the organisation holds for each of its places."""
        for site in await self._rows.sites(organisation.id, unit=unit):
            await self._tell_of_site(unit, site)

    async def _tell_of_site(self, unit: UnitOfWork, site: Site) -> None:
        for watcher in self._watchers:
            await watcher.site_changed(unit, site)

    async def _remove_site(self, unit: UnitOfWork, site: Site, *, person: str) -> None:
        for watcher in self._watchers:
            await watcher.site_removed(unit, site)
        await self._rows.remove_site(unit, site.id)
        await self._leaf(unit, Kind.SITE_REMOVED, site.organisation_id, site=site.id, person=person)

    async def _mine(self, unit: UnitOfWork, principal: Principal) -> Organisation:
        return _found(await self._rows.organisation(principal.organisation_id, unit=unit))

    async def _leaf(
        self,
        unit: UnitOfWork,
        kind: Kind,
        organisation_id: str,
        *,
        public: Mapping[str, str | int | bool] | None = None,
        **who: str,
    ) -> None:
        """One leaf about the organisation and the ids in `who`, which are both its details and its streams.

        What is shown of its cameras stands on it, and is decided again.
        """
        draft = LeafDraft(
            kind=kind,
            streams=frozenset({organisation_id, *who.values()}),
            public=public or {},
            details={"organisation": organisation_id, **who},
        )
        await self._log.append(unit, draft)
        unit.bump(organisation_id)


def _leaving(members: list[Member], person_id: str) -> Member:
    """The member who is to be removed, if they may be."""
    leaving = next((m for m in members if m.person_id == person_id), None)
    if leaving is None:
        raise NotFoundError("There is no such person.")
    refuse_losing_the_last_owner(members, leaving=leaving, role_after=None)
    return leaving


def _found(organisation: Organisation | None) -> Organisation:
    if organisation is None or organisation.state is OrganisationState.WITHDRAWN:
        raise NotFoundError("There is no such organisation.")
    return organisation
