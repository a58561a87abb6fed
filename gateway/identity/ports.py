"""What identity needs of others: the log, partners' memberships, mail, and rows."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from gateway.audit import LeafDraft
from gateway.identity.model import (
    Agency,
    AgencyUser,
    Credential,
    Link,
    LinkPurpose,
    Membership,
    Passkey,
    Person,
    Session,
)
from gateway.kernel.database import UnitOfWork
from gateway.kernel.principal import Role


@dataclass(frozen=True, slots=True)
class Mail:
    """One message, plain text only."""

    to: str
    subject: str
    text: str


class Mailer(Protocol):
    """Hands a message on, once."""

    async def send(self, mail: Mail) -> None:
        """Give `mail` to the next station.

        Raises:
            UnavailableError: not taken; try again later.
            InvalidError: never will be taken: the address cannot receive mail.
        """


class Log(Protocol):
    """The audit log."""

    async def append(self, unit: UnitOfWork, draft: LeafDraft, /) -> object:
        """Write a leaf into the caller's transaction."""


class Memberships(Protocol):
    """Partners know who belongs to which organisation."""

    async def membership_of(self, person_id: str) -> Membership | None:
        """What this person is among partners; None when nothing."""

    async def address_confirmed(self, person_id: str) -> None:
        """The person opened a mailed link, so the address is theirs."""


class PeopleStore(Protocol):
    """Persons, the agency and its users."""

    async def agency(self) -> Agency | None:
        """The agency, once there is one."""

    async def add_agency(self, unit: UnitOfWork, agency: Agency) -> None:
        """Write the agency."""

    async def person(self, person_id: str) -> Person | None:
        """By id."""

    async def person_at(self, email: str) -> Person | None:
        """By address, outside a transaction."""

    async def person_by_email(self, unit: UnitOfWork, email: str) -> Person | None:
        """By address in its compared form, inside a transaction."""

    async def add_person(self, unit: UnitOfWork, person: Person, *, at: datetime) -> None:
        """Write a person.

        Raises:
            ConflictError: the address is taken.
        """

    async def remove_person(self, unit: UnitOfWork, person_id: str) -> None:
        """Delete a person; sessions and credential go with them."""

    async def agency_membership(self, person_id: str) -> Membership | None:
        """What a person is within the agency."""

    async def put_agency_membership(self, unit: UnitOfWork, person_id: str, membership: Membership) -> None:
        """Write or replace it."""

    async def agency_users(self) -> Sequence[AgencyUser]:
        """Everybody of the agency, by name."""

    async def count_admins(self, unit: UnitOfWork) -> int:
        """How many unsuspended, enrolled administrators there are; locks out a concurrent change."""

    async def set_suspended(self, unit: UnitOfWork, person_id: str, at: datetime | None) -> None:
        """Suspend, or let back in."""


class SessionStore(Protocol):
    """Sessions by the hash of their token."""

    async def get(self, ref: str) -> tuple[Session, Person] | None:
        """The session and whose it is."""

    async def add(self, unit: UnitOfWork, session: Session) -> None:
        """Write a new one."""

    async def touch(self, ref: str, *, last_seen_at: datetime, idle_until: datetime) -> None:
        """Note a use, in a transaction of its own."""

    async def remove(self, unit: UnitOfWork, ref: str) -> str:
        """End one; returns whose it was, empty when there was none."""

    async def remove_all(self, unit: UnitOfWork, person_id: str) -> int:
        """End every session of a person; returns how many."""

    async def of_person(self, person_id: str, now: datetime) -> Sequence[Session]:
        """The live ones of a person, newest first."""

    async def sweep(self, now: datetime) -> None:
        """Remove those that are over, and links and steps too."""


class SecretStore(Protocol):
    """One-time secrets and credentials."""

    async def add_link(self, unit: UnitOfWork, link: Link, *, at: datetime) -> None:
        """Write a link or a step."""

    async def link(self, ref: str, purpose: LinkPurpose, now: datetime) -> Link | None:
        """An unused, unexpired one of this purpose; reading changes nothing."""

    async def use_link(self, unit: UnitOfWork, ref: str, purpose: LinkPurpose, now: datetime) -> Link | None:
        """Take it, once: of two at the same time one gets None."""

    async def drop_links(self, unit: UnitOfWork, person_id: str) -> None:
        """Forget every unused secret of a person."""

    async def credential(self, person_id: str) -> Credential | None:
        """Password and seed."""

    async def put_credential(self, unit: UnitOfWork, credential: Credential, *, at: datetime) -> None:
        """Write or replace them."""

    async def drop_credential(self, unit: UnitOfWork, person_id: str) -> None:
        """Forget password and seed: nobody signs in with them any more."""

    async def advance_step(self, unit: UnitOfWork, person_id: str, step: int) -> bool:
        """Accept the code of `step` unless it, or a later one, was accepted: compare-and-set."""

    async def rehash(self, person_id: str, password_hash: str) -> None:
        """Replace a hash made with older parameters."""


class PasskeyStore(Protocol):
    """Approval passkeys."""

    async def of_person(self, person_id: str) -> Sequence[Passkey]:
        """A person's, oldest first."""

    async def add(self, unit: UnitOfWork, passkey: Passkey) -> bool:
        """Write a new one; False if its credential is registered already."""

    async def set_suspended(self, unit: UnitOfWork, credential: str, at: datetime | None) -> None:
        """It is to approve nothing from now on; None: it may again."""

    async def remove(self, unit: UnitOfWork, credential: str) -> None:
        """Forget it."""


class RoleChange(Protocol):
    """Told when somebody's roles change or end, so that what runs in their name ends too."""

    async def roles_changed(self, unit: UnitOfWork, person_id: str, roles: frozenset[Role]) -> None:
        """`roles` is empty when the person was suspended."""
