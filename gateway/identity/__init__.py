"""Who is asking: people, sessions, sign-in and agency users."""

from gateway.identity.door import Identity, IdentityParts, build_identity
from gateway.identity.mailers import SmtpMailer, SmtpServer, SpoolMailer
from gateway.identity.model import PASSKEY_NAME_CHARACTERS, Agency, AgencyUser, Membership, Passkey, Person, Session
from gateway.identity.pages import sign_in_routes
from gateway.identity.passkeys import Passkeys
from gateway.identity.passwords import Passwords, load_blocklist
from gateway.identity.people import People
from gateway.identity.ports import Mail, Mailer, Memberships, RoleChange
from gateway.identity.preferences import Preferences
from gateway.identity.spool import newest_link

__all__ = [
    "PASSKEY_NAME_CHARACTERS",
    "Agency",
    "AgencyUser",
    "Identity",
    "IdentityParts",
    "Mail",
    "Mailer",
    "Membership",
    "Memberships",
    "Passkey",
    "Passkeys",
    "Passwords",
    "People",
    "Person",
    "Preferences",
    "RoleChange",
    "Session",
    "SmtpMailer",
    "SmtpServer",
    "SpoolMailer",
    "build_identity",
    "load_blocklist",
    "newest_link",
    "sign_in_routes",
]
