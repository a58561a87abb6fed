"""Rows of requests to look. They never leave `store`."""

from datetime import datetime
from typing import Any

from sqlalchemy import CheckConstraint, Column, Index, Integer, LargeBinary, String, UniqueConstraint
from sqlmodel import Field, SQLModel

from gateway.kernel.database import UtcMs


def _id(*, key: bool = False) -> Column[Any]:
    return Column(String(30), primary_key=key, nullable=False)


class ViewAskRow(SQLModel, table=True):
    """One request; one owner is asked once of each act for an incident, which the schema holds too."""

    __tablename__ = "view_ask"
    __table_args__ = (
        UniqueConstraint("incident_id", "organisation_id", "act", name="uq_view_ask_incident_id_organisation_id_act"),
        UniqueConstraint("document_sha256", name="uq_view_ask_document_sha256"),
        CheckConstraint("state IN ('asked','approved','opened','declined','lapsed')", name="state"),
        CheckConstraint("state NOT IN ('approved','opened') OR approval IS NOT NULL", name="approval"),
        CheckConstraint("created_at < expires_at", name="life"),
        CheckConstraint("act IN ('live.view','recorded.view','still.take')", name="act"),
        Index("ix_view_ask_state_expires_at", "state", "expires_at"),
        Index("ix_view_ask_organisation_id_id", "organisation_id", "id"),
    )

    id: str = Field(sa_column=_id(key=True))
    incident_id: str = Field(sa_column=_id())
    organisation_id: str = Field(sa_column=_id())
    agency_id: str = Field(sa_column=_id())
    person_id: str = Field(sa_column=_id())
    site_id: str = Field(sa_column=_id())
    agent_id: str = Field(sa_column=_id())
    camera_id: str = Field(sa_column=_id())
    purpose: str = Field(sa_column=Column(String(40), nullable=False))
    state: str = Field(sa_column=Column(String(10), nullable=False))
    document: bytes = Field(sa_column=Column(LargeBinary, nullable=False))  # canonical JSON, what the owner approves
    document_sha256: str = Field(sa_column=Column(String(64), nullable=False))
    approval: bytes | None = Field(default=None, sa_column=Column(LargeBinary, nullable=True))  # canonical JSON
    session_id: str = Field(default="", sa_column=Column(String(30), nullable=False))
    created_at: datetime = Field(sa_column=Column(UtcMs, nullable=False))
    expires_at: datetime = Field(sa_column=Column(UtcMs, nullable=False))
    answered_at: datetime | None = Field(default=None, sa_column=Column(UtcMs, nullable=True))
    version: int = Field(default=1, sa_column=Column(Integer, nullable=False))
    answered_by: str = Field(default="", sa_column=Column(String(30), nullable=False, server_default=""))
    act: str = Field(default="live.view", sa_column=Column(String(20), nullable=False, server_default="live.view"))
