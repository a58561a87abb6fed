"""Rows of evidence: requests, uploads and their chunks, packages."""

from datetime import datetime
from typing import Any

from sqlalchemy import BigInteger, CheckConstraint, Column, ForeignKey, Index, LargeBinary, String
from sqlmodel import Field, SQLModel

from gateway.kernel.database import UtcMs


def _id(*, key: bool = False, to: str = "") -> Column[Any]:
    return Column(String(30), *([ForeignKey(to)] if to else []), primary_key=key, nullable=False)


def _time(*, nullable: bool = False) -> Column[Any]:
    return Column(UtcMs, nullable=nullable)


class ClipRequestRow(SQLModel, table=True):
    """One request for one recording."""

    __tablename__ = "clip_request"
    __table_args__ = (
        CheckConstraint("t0 < t1", name="range"),
        Index("ix_clip_request_agency_id_id", "agency_id", "id"),
        Index("ix_clip_request_organisation_id_id", "organisation_id", "id"),
        Index("ix_clip_request_state_expires_at", "state", "expires_at"),
        Index("ix_clip_request_site_id_state_changed_at", "site_id", "state", "changed_at"),
    )

    id: str = Field(sa_column=_id(key=True))
    agency_id: str = Field(sa_column=_id())
    person_id: str = Field(sa_column=_id())
    asker: bytes = Field(sa_column=Column(LargeBinary, nullable=False))  # canonical JSON {unit, roles, factors}
    organisation_id: str = Field(sa_column=_id())
    site_id: str = Field(sa_column=_id())
    agent_id: str = Field(sa_column=_id())
    camera_id: str = Field(sa_column=_id())
    purpose: str = Field(sa_column=Column(String(40), nullable=False))
    incident_id: str = Field(default="", sa_column=Column(String(30), nullable=False))
    t0: datetime = Field(sa_column=_time())
    t1: datetime = Field(sa_column=_time())
    state: str = Field(sa_column=Column(String(20), nullable=False))
    cause: str = Field(default="", sa_column=Column(String(40), nullable=False))
    document: bytes = Field(sa_column=Column(LargeBinary, nullable=False))  # canonical JSON, what the owner approves
    document_sha256: str = Field(sa_column=Column(String(64), nullable=False, unique=True))
    approval: bytes | None = Field(default=None, sa_column=Column(LargeBinary, nullable=True))  # canonical JSON
    session_id: str = Field(default="", sa_column=Column(String(30), nullable=False, index=True))
    held_until: datetime | None = Field(default=None, sa_column=_time(nullable=True))
    created_at: datetime = Field(sa_column=_time())
    expires_at: datetime = Field(sa_column=_time())
    changed_at: datetime = Field(sa_column=_time())
    version: int = Field(default=1, nullable=False)
    answered_by: str = Field(default="", sa_column=Column(String(30), nullable=False, server_default=""))


class UploadRow(SQLModel, table=True):
    """One file on its way here; `received` is the truth a client resumes from."""

    __tablename__ = "clip_upload"
    __table_args__ = (CheckConstraint("0 <= received AND received <= length", name="received"),)

    id: str = Field(sa_column=_id(key=True))
    request_id: str = Field(sa_column=Column(String(30), ForeignKey("clip_request.id"), nullable=False, unique=True))
    token_sha256: str = Field(sa_column=Column(String(64), nullable=False, unique=True))
    state: str = Field(sa_column=Column(String(20), nullable=False))
    length: int = Field(default=0, sa_column=Column(BigInteger, nullable=False))  # bytes
    received: int = Field(default=0, sa_column=Column(BigInteger, nullable=False))  # bytes, durable
    chunks: int = Field(default=0, nullable=False)
    capture: str = ""  # capture+jwt
    agent_jwk: str = ""  # canonical JSON
    declared_sha256: str = Field(default="", sa_column=Column(String(64), nullable=False))
    wrapped_key: bytes = Field(sa_column=Column(LargeBinary, nullable=False))
    created_at: datetime = Field(sa_column=_time())
    expires_at: datetime = Field(sa_column=_time())


class ChunkRow(SQLModel, table=True):
    """One encrypted piece of a file. The nonce is unique over all chunks ever written."""

    __tablename__ = "clip_chunk"

    upload_id: str = Field(sa_column=_id(key=True, to="clip_upload.id"))
    chunk_index: int = Field(primary_key=True)
    size: int = Field(nullable=False)  # plain bytes
    nonce: bytes = Field(sa_column=Column(LargeBinary, nullable=False, unique=True))


class PackageRow(SQLModel, table=True):
    """A sealed package: what stands before the recording; the recording lies in its upload."""

    __tablename__ = "evidence_package"

    id: str = Field(sa_column=_id(key=True))
    request_id: str = Field(sa_column=Column(String(30), ForeignKey("clip_request.id"), nullable=False, unique=True))
    upload_id: str = Field(sa_column=_id(to="clip_upload.id"))
    name: str = Field(sa_column=Column(String(80), nullable=False))
    head: bytes = Field(sa_column=Column(LargeBinary, nullable=False))
    recording_bytes: int = Field(sa_column=Column(BigInteger, nullable=False))
    size_bytes: int = Field(sa_column=Column(BigInteger, nullable=False))
    sha256: str = Field(sa_column=Column(String(64), nullable=False))
    sealed_at: datetime = Field(sa_column=_time())
