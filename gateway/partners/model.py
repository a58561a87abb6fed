"""Organisations that share cameras: their kinds, people, places and agreement. Pure rules.

An organisation is pending until its contact address is confirmed, active from then on, and withdrawn when its owner
ends it; withdrawn is final. It always keeps at least one owner.
"""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Final

from gateway.kernel.errors import ConflictError, DeniedError
from gateway.kernel.principal import Role
from policies.mou import AgreementTemplate, Memorandum

NAME_LENGTH: Final = 120
ADDRESS_LENGTH: Final = 240
MAX_MEMBERS: Final = 100
MAX_SITES: Final = 200
PARTNER_ROLES: Final = (Role.OWNER, Role.MANAGER, Role.ANSWERS)


class OrganisationKind(StrEnum):
    """Who shares."""

    BUSINESS = "business"
    RESIDENT = "resident"
    CITY = "city"  # a department: schools, transit, parks


class OrganisationState(StrEnum):
    """How far it has come."""

    PENDING = "pending"
    ACTIVE = "active"
    WITHDRAWN = "withdrawn"


@dataclass(frozen=True, slots=True)
class Place:
    """A point on the map, WGS 84 degrees.

    Attributes:
        lat: -85 to 85, as far as the map goes.
        lon: -180 to 180.
    """

    lat: float
    lon: float

    def __post_init__(self) -> None:
        """Refuse what is no place on the map; NaN compares false and is refused too."""
        if not (-85 <= self.lat <= 85 and -180 <= self.lon <= 180):
            raise ValueError("a place lies between -85 and 85 degrees north and -180 and 180 degrees east")


@dataclass(frozen=True, slots=True)
class Registration:
    """What a newcomer says about themselves."""

    kind: OrganisationKind
    name: str
    address: str
    contact_name: str
    email: str


@dataclass(frozen=True, slots=True)
class Organisation:
    """A partner."""

    id: str
    kind: OrganisationKind
    name: str
    address: str
    contact_email: str
    state: OrganisationState
    created_at: datetime


@dataclass(frozen=True, slots=True)
class Member:
    """A person of an organisation."""

    organisation_id: str
    person_id: str
    role: Role
    name: str
    email: str


@dataclass(frozen=True, slots=True)
class Site:
    """A place where an organisation has cameras.

    Attributes:
        zone: IANA time zone of the place; weekly hours are meant in it.
        people_live_here: homes; stricter rules apply.
    """

    id: str
    organisation_id: str
    name: str
    address: str
    place: Place
    zone: str
    people_live_here: bool


@dataclass(frozen=True, slots=True)
class Version:
    """A version of the memorandum of understanding (MOU) and the agency's signature under it.

    Attributes:
        signed_at: when the agency signed it; None for a draft, and for the one that came with the installation.
        is_shipped: it came with the installation, which offers it until the agency signs another.
    """

    memorandum: Memorandum
    proposed_by: str = ""
    proposed_by_name: str = ""
    proposed_at: datetime | None = None
    signed_by: str = ""
    signed_by_name: str = ""
    signed_at: datetime | None = None
    is_shipped: bool = False

    @property
    def sha256(self) -> str:
        """What is signed and logged."""
        return self.memorandum.sha256

    @property
    def is_offered(self) -> bool:
        """Whether owners may sign it."""
        return self.is_shipped or self.signed_at is not None


@dataclass(frozen=True, slots=True)
class Acceptance:
    """Somebody accepted an agreement for their organisation.

    Attributes:
        consent: how it came about, as they said.
        touch: their passkey's signature over the version's digest and all that checking it takes, as canonical JSON;
            empty where they had no passkey, and the session alone says who accepted.
    """

    id: str
    organisation_id: str
    version: str
    sha256: str
    person_id: str
    person_name: str
    accepted_at: datetime
    consent: str = ""
    touch: str = ""


@dataclass(frozen=True, slots=True)
class SignatureOffer:
    """What a page puts to the authenticator of somebody who signs an agreement.

    Attributes:
        challenge: base64url.
        credentials: the passkeys that may sign.
        rp_id: whose passkeys they are.
    """

    challenge: str
    credentials: tuple[str, ...]
    rp_id: str


@dataclass(frozen=True, slots=True)
class AgreementInForce:
    """What counts between the agency and an owner now: what was signed, less what the agency offers no more.

    Attributes:
        accepted: the version the owner signed last.
        rules: what it gives, within what is offered now.
        is_current: whether the owner signed what is offered now.
    """

    accepted: Memorandum
    accepted_at: datetime
    rules: AgreementTemplate
    is_current: bool


def refuse_losing_the_last_owner(members: list[Member], *, leaving: Member, role_after: Role | None) -> None:
    """An organisation without an owner could never change or end anything.

    Raises:
        ConflictError: `leaving` is the only owner and would be none afterwards.
    """
    owners = [m for m in members if m.role is Role.OWNER]
    if role_after is not Role.OWNER and owners == [leaving]:
        raise ConflictError("You are the only owner. Make somebody else an owner first.")


def refuse_unless_active(organisation: Organisation) -> None:
    """Changes need a confirmed organisation.

    Raises:
        DeniedError: it is pending, or withdrawn.
    """
    if organisation.state is not OrganisationState.ACTIVE:
        raise DeniedError("Confirm your e-mail address first: open the link in the message we sent you.")
