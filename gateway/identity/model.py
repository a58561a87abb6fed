"""Who people are to the gateway, how long a session lasts, and what a password must be. Pure.

Two doors lead in: `partner` (a mailed link) and `agency` (password and one-time code). A session belongs to one door,
so a person who is both signs in twice. Limits follow NIST SP 800-63B-4, section 2.2.3 (AAL2: at most 24 h, 1 h idle).
"""

import hashlib
import unicodedata
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final

from gateway.kernel.errors import InvalidError
from gateway.kernel.phrases import phrase
from gateway.kernel.principal import PrincipalKind, Role

TOKEN_BYTES: Final = 32  # of a session, a link, a step: 256 bits, so guessing needs no limit
LINK_LIFE: Final = timedelta(minutes=30)  # pages and mails say it from here
LINK_LIFE_MINUTES: Final = int(LINK_LIFE.total_seconds() // 60)
INVITATION_LIFE: Final = timedelta(days=7)
FIRST_ADMIN_LIFE: Final = timedelta(hours=24)
STEP_LIFE: Final = timedelta(minutes=10)  # between password and code, or while setting both up
CHALLENGE_LIFE: Final = timedelta(minutes=5)  # to find the phone and look at it (WebAuthn §5.4: minutes)
MAX_PASSKEYS: Final = 8  # of one person; a site's document names at most 16 of all its owners
PASSKEY_NAME_CHARACTERS: Final = 60
TOUCH_PERIOD: Final = timedelta(seconds=60)  # a session's last use is kept no finer than this
PASSWORD_MIN: Final = 8  # with a second factor (63B-4, 3.1.1.2)
PASSWORD_MAX: Final = 256  # the hasher's input is bounded; at least 64 must be allowed
AGENCY_ROLES: Final = (
    *(Role.OPERATOR, Role.SUPERVISOR, Role.COMPLIANCE, Role.ADMIN, Role.FEDERAL, Role.SECOND),
    Role.CAPTAIN,
    *(Role.FIRE, Role.EMS, Role.EMERGENCY_MANAGEMENT, Role.TRANSPORT),
)


class Door(StrEnum):
    """By which door a session came in."""

    PARTNER = "partner"
    AGENCY = "agency"

    @property
    def kind(self) -> PrincipalKind:
        """What its sessions' callers are."""
        return PrincipalKind.PARTNER if self is Door.PARTNER else PrincipalKind.AGENCY


class LinkPurpose(StrEnum):
    """What a one-time secret is good for; a secret of one purpose is nothing elsewhere."""

    SIGN_IN = "sign_in"  # mailed to a partner's person
    INVITATION = "invitation"  # to a new person of the agency, or printed for the first admin
    SECOND_STEP = "second_step"  # a cookie: the password was right, the code is missing
    ENROLMENT = "enrolment"  # a cookie: the invitation was opened, password and code are being set up
    APPROVAL_PASSKEY = "approval_passkey"  # a challenge: a passkey is being registered in this session


@dataclass(frozen=True, slots=True)
class Agency:
    """The one agency of this gateway."""

    id: str
    name: str


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody with a mail address."""

    id: str
    email: str
    name: str
    is_suspended: bool = False


@dataclass(frozen=True, slots=True)
class Membership:
    """What a person is within one organisation."""

    organisation_id: str
    roles: frozenset[Role]
    unit: str = ""


@dataclass(frozen=True, slots=True)
class AgencyUser:
    """A person of the agency, as administrators see them.

    Attributes:
        is_enrolled: whether password and code are set up.
        last_seen_at: of their newest session, if there is one.
    """

    person: Person
    membership: Membership
    is_enrolled: bool
    last_seen_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Session:
    """A signed-in browser.

    Attributes:
        ref: hex SHA-256 of its token; all that is stored of it.
        idle_until: when it ends unless used.
        absolute_until: when it ends whatever happens.
        network: the address prefix it began from, for the person's own list.
    """

    ref: str
    person_id: str
    door: Door
    factors: frozenset[str]
    created_at: datetime
    last_seen_at: datetime
    idle_until: datetime
    absolute_until: datetime
    network: str = ""

    def is_live(self, now: datetime) -> bool:
        """Whether it still counts."""
        return now < self.idle_until and now < self.absolute_until


@dataclass(frozen=True, slots=True)
class Link:
    """A one-time secret, by its hash.

    Attributes:
        person_id: empty for a decoy: somebody asked for an address nobody has.
        next_path: where to go afterwards.
        sealed_seed: for an enrolment, the one-time-code seed being set up.
    """

    ref: str
    purpose: LinkPurpose
    person_id: str
    expires_at: datetime
    next_path: str = ""
    sealed_seed: bytes = b""


@dataclass(frozen=True, slots=True)
class Credential:
    """Password and one-time-code seed of a person of the agency.

    Attributes:
        last_step: the newest time step whose code was used; older and equal ones are refused.
    """

    person_id: str
    password_hash: str
    sealed_seed: bytes
    last_step: int


@dataclass(frozen=True, slots=True)
class Passkey:
    """An owner's passkey for approvals, good for nothing else.

    Attributes:
        credential: its raw id, base64url without padding.
        public_key: its COSE key, base64url without padding; what sites pin.
        name: what its owner calls it.
    """

    credential: str
    person_id: str
    public_key: str
    name: str
    created_at: datetime
    suspended_at: datetime | None = None

    @property
    def is_suspended(self) -> bool:
        """Whether it is to approve nothing."""
        return self.suspended_at is not None


@dataclass(frozen=True, slots=True)
class Lifetime:
    """How long a session may rest, and how long it may last."""

    idle: timedelta
    absolute: timedelta


def lifetime_of(door: Door, roles: frozenset[Role]) -> Lifetime:
    """Owners 60 min and 24 h, agency 30 min and 12 h, administrators 15 min and 8 h."""
    if door is Door.PARTNER:
        return Lifetime(timedelta(minutes=60), timedelta(hours=24))
    if Role.ADMIN in roles:
        return Lifetime(timedelta(minutes=15), timedelta(hours=8))
    return Lifetime(timedelta(minutes=30), timedelta(hours=12))


def ref_of(token: str) -> str:
    """What is stored of a token: hex SHA-256. Tokens are 256 random bits, so no salt is needed."""
    return hashlib.sha256(token.encode("utf-8", "replace")).hexdigest()


def normal_email(text: str) -> str:
    """The form in which addresses are compared: lower case, NFC, trimmed."""
    return unicodedata.normalize("NFC", text).strip().lower()


def check_agency_roles(roles: frozenset[Role]) -> None:
    """Refuse an empty set, and roles that are not the agency's.

    Raises:
        InvalidError: names the field.
    """
    if not roles or not roles <= frozenset(AGENCY_ROLES):
        raise InvalidError("Choose at least one role.", fields={"roles": "Choose at least one of the agency's roles."})


def check_password(password: str, *, person: Person, blocklist: frozenset[str]) -> str:
    """The password in its compared form (NFC), if it is long enough and not among those tried first.

    Raises:
        InvalidError: says what is wrong; there are no rules of composition.
    """
    normal = unicodedata.normalize("NFC", password)
    if len(normal) < PASSWORD_MIN:
        raise _refused(phrase("Use at least %(least)d characters; a few words in a row work well.", least=PASSWORD_MIN))
    if len(normal) > PASSWORD_MAX:
        raise _refused(phrase("Use at most %(most)d characters.", most=PASSWORD_MAX))
    lowered = normal.lower()
    local = person.email.partition("@")[0]
    names = {person.email, local, person.name.lower(), "lenspact"}
    if (
        lowered in blocklist
        or len(set(lowered)) < 4
        or any(len(n) >= 4 and lowered.strip("0123456789!") == n for n in names)
    ):
        raise _refused("This one is among the first that are tried. Choose another.")
    return normal


def _refused(sentence: str) -> InvalidError:
    return InvalidError(sentence, fields={"password": sentence})
