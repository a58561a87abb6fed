"""Rows of identity. Addresses and names are here and nowhere else; secrets are hashes or sealed."""

from datetime import datetime

from sqlalchemy import Column, ForeignKey, Index, LargeBinary, String
from sqlmodel import Field, SQLModel

from gateway.kernel.database import UtcMs


def _person() -> Column[str]:
    return Column(String, ForeignKey("identity_person.id", ondelete="CASCADE"), nullable=False)


class AgencyRow(SQLModel, table=True):
    """The agency whose gateway this is: one row."""

    __tablename__ = "identity_agency"

    id: str = Field(primary_key=True)
    name: str


class PersonRow(SQLModel, table=True):
    """Somebody with a mail address."""

    __tablename__ = "identity_person"

    id: str = Field(primary_key=True)
    email: str = Field(unique=True)  # compared form: NFC, lower case
    name: str
    created_at: datetime = Field(sa_type=UtcMs)
    suspended_at: datetime | None = Field(default=None, sa_type=UtcMs)


class AgencyUserRow(SQLModel, table=True):
    """A person of the agency."""

    __tablename__ = "identity_agency_user"

    person_id: str = Field(
        sa_column=Column(String, ForeignKey("identity_person.id", ondelete="CASCADE"), primary_key=True)
    )
    agency_id: str = Field(sa_column=Column(String, ForeignKey("identity_agency.id"), nullable=False))
    roles: str  # sorted, separated by a blank
    unit: str  # such as rtcc; empty for none


class CredentialRow(SQLModel, table=True):
    """Password and one-time-code seed."""

    __tablename__ = "identity_credential"

    person_id: str = Field(
        sa_column=Column(String, ForeignKey("identity_person.id", ondelete="CASCADE"), primary_key=True)
    )
    password_hash: str  # Argon2id, with its parameters
    sealed_seed: bytes = Field(sa_column=Column(LargeBinary, nullable=False))  # AES-256-GCM, bound to the person
    last_step: int  # newest accepted time step of 30 s
    enrolled_at: datetime = Field(sa_type=UtcMs)


class PasskeyRow(SQLModel, table=True):
    """An owner's approval passkey."""

    __tablename__ = "identity_passkey"
    __table_args__ = (Index("ix_identity_passkey_person_id", "person_id"),)

    credential: str = Field(primary_key=True)  # raw id, base64url
    person_id: str = Field(sa_column=_person())
    public_key: str  # COSE key, base64url
    name: str  # its owner's own word for it
    created_at: datetime = Field(sa_type=UtcMs)
    suspended_at: datetime | None = Field(default=None, sa_type=UtcMs)


class SessionRow(SQLModel, table=True):
    """A signed-in browser."""

    __tablename__ = "identity_session"
    __table_args__ = (Index("ix_identity_session_person_id", "person_id"),)

    ref: str = Field(primary_key=True)  # hex SHA-256 of the token
    person_id: str = Field(sa_column=_person())
    door: str
    factors: str  # sorted, separated by a blank
    network: str  # address prefix it began from
    created_at: datetime = Field(sa_type=UtcMs)
    last_seen_at: datetime = Field(sa_type=UtcMs)
    idle_until: datetime = Field(sa_type=UtcMs)
    absolute_until: datetime = Field(sa_type=UtcMs)


class LinkRow(SQLModel, table=True):
    """A one-time secret."""

    __tablename__ = "identity_link"
    __table_args__ = (Index("ix_identity_link_expires_at", "expires_at"),)

    ref: str = Field(primary_key=True)  # hex SHA-256 of the secret
    purpose: str
    person_id: str  # empty for a decoy
    next_path: str
    sealed_seed: bytes = Field(sa_column=Column(LargeBinary, nullable=False))
    created_at: datetime = Field(sa_type=UtcMs)
    expires_at: datetime = Field(sa_type=UtcMs)
    used_at: datetime | None = Field(default=None, sa_type=UtcMs)


class MailRow(SQLModel, table=True):
    """A message that waits to be sent; gone once it is."""

    __tablename__ = "identity_mail"
    __table_args__ = (Index("ix_identity_mail_due_at", "due_at"),)

    id: str = Field(primary_key=True)
    sealed: bytes = Field(sa_column=Column(LargeBinary, nullable=False))  # the whole message: it may hold a link
    created_at: datetime = Field(sa_type=UtcMs)
    due_at: datetime = Field(sa_type=UtcMs)
    attempts: int


class PreferenceRow(SQLModel, table=True):
    """What a person chose for their own screen."""

    __tablename__ = "identity_preference"

    person_id: str = Field(
        sa_column=Column(String, ForeignKey("identity_person.id", ondelete="CASCADE"), primary_key=True)
    )
    name: str = Field(sa_column=Column(String(40), primary_key=True))
    value: str = Field(sa_column=Column(String(40), nullable=False))
