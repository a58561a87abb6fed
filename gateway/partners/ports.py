"""What partners need of others: the log, people who can sign in, a mail link, and those who hang on a site."""

from datetime import datetime
from typing import Protocol

from gateway.audit import LeafDraft
from gateway.kernel.database import UnitOfWork
from gateway.kernel.principal import Principal
from gateway.partners.model import Acceptance, Member, Organisation, SignatureOffer, Site, Version
from partner_agent.wire.touches import Assertion


class Log(Protocol):
    """The audit log."""

    async def append(self, unit: UnitOfWork, draft: LeafDraft) -> object:
        """Write a leaf into the caller's transaction."""

    async def erase_words(self, unit: UnitOfWork, stream: str, *, legal_basis: str, by_person: str) -> int:
        """Erase what an organisation or a person wrote themselves in every leaf about them; how many details."""


class People(Protocol):
    """Persons and their sign-in, which belong to identity."""

    async def person_for(self, unit: UnitOfWork, *, email: str, name: str) -> str:
        """The `per_…` of the person with this address, made if there is none yet."""

    async def end_sessions(self, unit: UnitOfWork, person_id: str) -> None:
        """Sign the person out everywhere."""

    async def forget(self, unit: UnitOfWork, person_id: str) -> bool:
        """Delete a person's address, name and secrets; False for somebody the agency still knows."""

    async def send_link(self, email: str, *, next_path: str) -> None:
        """Mail a sign-in link that leads to `next_path`; says nothing about whether the address is known."""


class Signatures(Protocol):
    """The names and the passkeys of those who sign."""

    async def agency_name(self) -> str:
        """The agency's own name."""

    async def offer(self, person_id: str, sha256: str) -> SignatureOffer | None:
        """What a person's passkey is to sign for this version; None for somebody who has none."""

    async def signed(self, person_id: str, sha256: str, assertion: Assertion | None) -> str:
        """The checked signature as it is kept; empty for somebody without a passkey.

        Raises:
            PreconditionError: they have a passkey, and this is no signature by it.
        """


class SiteWatcher(Protocol):
    """Who keeps facts of a site beside their own (cameras do), or must end with it."""

    async def site_changed(self, unit: UnitOfWork, site: Site) -> None:
        """The site has these facts now, or its organisation has: confirmed, or the agreement accepted."""

    async def site_removed(self, unit: UnitOfWork, site: Site) -> None:
        """The site is gone; so is what stood there."""


class MemberWatcher(Protocol):
    """Who gave a person something beside their role, and takes it away first."""

    async def member_leaves(self, principal: Principal, person_id: str) -> None:
        """The caller is about to remove this person from their organisation; may be told again."""


class AgreementWatcher(Protocol):
    """Who decides by what is agreed, and must look again when it changes."""

    async def agreement_changed(self, unit: UnitOfWork) -> None:
        """The agency signed a version of the agreement in this transaction."""


class PartnerRows(Protocol):
    """Organisations and what belongs to them, in storage. Methods with a unit change; the others read."""

    async def add_organisation(self, unit: UnitOfWork, organisation: Organisation) -> None:
        """A new one."""

    async def save_organisation(self, unit: UnitOfWork, organisation: Organisation) -> None:
        """Its current facts."""

    async def erase_organisation(self, unit: UnitOfWork, organisation_id: str, *, at: datetime) -> None:
        """Withdrawn: keep the id and kind, delete people and sites, blank every name and address."""

    async def organisation(self, organisation_id: str, *, unit: UnitOfWork | None = None) -> Organisation | None:
        """The organisation; with a unit, locked until its end."""

    async def add_member(self, unit: UnitOfWork, member: Member) -> None:
        """A new member."""

    async def save_member(self, unit: UnitOfWork, member: Member) -> None:
        """A member's current role and name."""

    async def remove_member(self, unit: UnitOfWork, member: Member) -> None:
        """The member is gone."""

    async def member(self, person_id: str, *, unit: UnitOfWork | None = None) -> Member | None:
        """Where this person belongs."""

    async def members(self, organisation_id: str, *, unit: UnitOfWork | None = None) -> list[Member]:
        """Everybody of the organisation, by name."""

    async def save_site(self, unit: UnitOfWork, site: Site) -> None:
        """A new site, or its current facts."""

    async def remove_site(self, unit: UnitOfWork, site_id: str) -> None:
        """The site is gone."""

    async def sites(self, organisation_id: str, *, unit: UnitOfWork | None = None) -> list[Site]:
        """The places of the organisation, by name."""

    async def site(self, site_id: str) -> Site | None:
        """One place."""

    async def add_acceptance(self, unit: UnitOfWork, acceptance: Acceptance) -> None:
        """An agreement was accepted."""

    async def acceptances(self, organisation_id: str) -> list[Acceptance]:
        """What was accepted, newest first."""

    async def add_version(self, unit: UnitOfWork, version: Version) -> None:
        """A draft of the agreement.

        Raises:
            ConflictError: exactly this body is there already.
        """

    async def sign_version(self, unit: UnitOfWork, version: Version) -> None:
        """The agency signed a draft.

        Raises:
            ConflictError: somebody signed it in between.
        """

    async def versions(self, *, unit: UnitOfWork | None = None) -> list[Version]:
        """Every version that was proposed here, newest first."""
