"""Rows of partners."""

from datetime import datetime

from sqlalchemy import CheckConstraint, Column, Float, ForeignKey, Index, String, Text, UniqueConstraint
from sqlmodel import Field, SQLModel

from gateway.kernel.database import UtcMs


class OrganisationRow(SQLModel, table=True):
    """An organisation that shares cameras."""

    __tablename__ = "partners_organisation"

    id: str = Field(primary_key=True)
    kind: str
    name: str
    address: str
    contact_email: str
    state: str
    created_at: datetime = Field(sa_column=Column(UtcMs, nullable=False))
    withdrawn_at: datetime | None = Field(default=None, sa_column=Column(UtcMs, nullable=True))


class MemberRow(SQLModel, table=True):
    """A person of an organisation; a person belongs to one organisation."""

    __tablename__ = "partners_member"
    __table_args__ = (UniqueConstraint("person_id", name="uq_partners_member_person_id"),)

    organisation_id: str = Field(
        sa_column=Column(String, ForeignKey("partners_organisation.id", ondelete="CASCADE"), primary_key=True)
    )
    person_id: str = Field(primary_key=True)
    role: str
    name: str
    email: str


class SiteRow(SQLModel, table=True):
    """A place with cameras."""

    __tablename__ = "partners_site"
    __table_args__ = (Index("ix_partners_site_organisation_id", "organisation_id"),)

    id: str = Field(primary_key=True)
    organisation_id: str = Field(
        sa_column=Column(String, ForeignKey("partners_organisation.id", ondelete="CASCADE"), nullable=False)
    )
    name: str
    address: str
    lat: float = Field(sa_column=Column(Float, nullable=False))  # degrees, WGS 84
    lon: float = Field(sa_column=Column(Float, nullable=False))
    zone: str
    people_live_here: bool


class AcceptanceRow(SQLModel, table=True):
    """An accepted agreement; kept for ever, also after withdrawal, without the person's name then."""

    __tablename__ = "partners_acceptance"
    __table_args__ = (Index("ix_partners_acceptance_organisation_id", "organisation_id"),)

    id: str = Field(primary_key=True)
    organisation_id: str = Field(
        sa_column=Column(String, ForeignKey("partners_organisation.id", ondelete="CASCADE"), nullable=False)
    )
    version: str
    sha256: str
    person_id: str
    person_name: str
    accepted_at: datetime = Field(sa_column=Column(UtcMs, nullable=False))
    consent: str = Field(default="", sa_column=Column(String(20), nullable=False, server_default=""))
    touch: str = Field(default="", sa_column=Column(Text, nullable=False, server_default=""))  # canonical JSON


class VersionRow(SQLModel, table=True):
    """A version of the agreement; a signed one never changes."""

    __tablename__ = "partners_mou_version"
    __table_args__ = (CheckConstraint("(signed_at IS NULL) = (signed_by = '')", name="ck_partners_mou_version_signed"),)

    sha256: str = Field(primary_key=True)  # of the body
    body: str  # canonical JSON
    proposed_by: str
    proposed_by_name: str
    proposed_at: datetime = Field(sa_column=Column(UtcMs, nullable=False))
    signed_by: str
    signed_by_name: str
    signed_at: datetime | None = Field(default=None, sa_column=Column(UtcMs, nullable=True))
