"""Rows of sharing."""

from datetime import datetime
from typing import Any

from sqlalchemy import CheckConstraint, Column, Index
from sqlmodel import Field, SQLModel

from gateway.kernel.database import UtcMs


def _moment(*, optional: bool = False) -> Any:
    return Field(default=None, sa_column=Column(UtcMs, nullable=optional))


class SharingSiteRow(SQLModel, table=True):
    """What an owner said about a site."""

    __tablename__ = "sharing_site"
    __table_args__ = (
        CheckConstraint("version >= 1", name="version"),
        Index("ix_sharing_site_organisation_id", "organisation_id"),
    )

    site_id: str = Field(primary_key=True)
    organisation_id: str
    version: int
    clauses: str  # canonical JSON, a list of clauses
    off: str  # canonical JSON, sorted ids of registered cameras
    changed_at: datetime = _moment()
    pending: str = ""  # canonical JSON, the content of a narrowing not yet acknowledged; empty for none
    owners: str = ""  # canonical JSON, the owners that a document is to name and none in force does; empty for no wish


class SharingVersionRow(SQLModel, table=True):
    """What an owner said about a site at one save; never changed, and gone with the site alone."""

    __tablename__ = "sharing_version"
    __table_args__ = (CheckConstraint("seq >= 1", name="seq"),)

    site_id: str = Field(primary_key=True)
    seq: int = Field(primary_key=True)  # the version of the answers
    author: str  # a person; empty where it was written before versions were kept
    author_name: str
    created_at: datetime = _moment()
    body: str  # canonical JSON: clauses, off
    sha256: str  # of the body


class SharingSignRow(SQLModel, table=True):
    """The page behind a place's printed sign."""

    __tablename__ = "sharing_sign"
    __table_args__ = (Index("ix_sharing_sign_token", "token", unique=True),)

    site_id: str = Field(primary_key=True)
    token: str  # 18 random bytes, base64url: whoever has not read the sign cannot find the page
    is_public: bool
    changed_at: datetime = _moment()


class SharingDocumentRow(SQLModel, table=True):
    """A policy document; never changed but for how far it has come."""

    __tablename__ = "sharing_document"
    __table_args__ = (
        CheckConstraint("step IN ('narrowing', 'proposal')", name="step"),
        CheckConstraint("state IN ('sent', 'acknowledged', 'refused', 'superseded')", name="state"),
        Index("ix_sharing_document_agent_id_state", "agent_id", "state"),
    )

    sha256: str = Field(primary_key=True)
    agent_id: str
    site_id: str
    lineage: str
    seq: int
    parent_sha256: str
    step: str
    state: str
    raw: str  # canonical JSON
    created_at: datetime = _moment()
    approve_by: datetime | None = _moment(optional=True)
    answered_at: datetime | None = _moment(optional=True)
    code: str = ""


class SharingSignatureRow(SQLModel, table=True):
    """What the decisions about a camera stand on, once for all cameras with the same; never changed."""

    __tablename__ = "sharing_signature"

    mark: str = Field(primary_key=True)  # what cameras are marked with
    body: str  # canonical JSON


class SharingOrdinanceRow(SQLModel, table=True):
    """An ordinance pack that somebody proposed; who decides is never who proposed, where it is approved."""

    __tablename__ = "sharing_ordinance"
    __table_args__ = (
        CheckConstraint("state IN ('proposed', 'approved', 'declined')", name="ordinance_state"),
        CheckConstraint("state <> 'approved' OR decided_by <> proposed_by", name="ordinance_two_people"),
    )

    id: str = Field(primary_key=True)
    body: str  # canonical JSON
    state: str
    proposed_by: str
    proposed_by_name: str
    proposed_at: datetime = _moment()
    decided_by: str
    decided_by_name: str
    decided_at: datetime | None = _moment(optional=True)


class SharingSuspensionRow(SQLModel, table=True):
    """Whom an organisation shares nothing with, whatever its answers say."""

    __tablename__ = "sharing_suspension"

    organisation_id: str = Field(primary_key=True)
    agency_id: str = Field(primary_key=True)  # or `*` for everybody
    since: datetime = _moment()


class SharingSwitchRow(SQLModel, table=True):
    """The switch of the whole network; one row at most."""

    __tablename__ = "sharing_switch"
    __table_args__ = (CheckConstraint("id = 1", name="one"),)

    id: int = Field(primary_key=True)
    is_suspended: bool
    changed_at: datetime = _moment()
    changed_by: str
