"""Rows of incidents."""

from datetime import datetime

from sqlalchemy import Column, Float, ForeignKey, Index, String, UniqueConstraint, text
from sqlmodel import Field, SQLModel

from gateway.kernel.database import UtcMs


class IncidentRow(SQLModel, table=True):
    """An incident; where it is stands in `incidents_stop`."""

    __tablename__ = "incidents_incident"
    __table_args__ = (
        Index("ix_incidents_incident_agency_id_status_opened_at", "agency_id", "status", "opened_at"),
        Index(
            "uq_incidents_incident_open_number",
            "agency_id",
            "number",
            unique=True,
            sqlite_where=text("number <> '' AND status = 'open'"),
            postgresql_where=text("number <> '' AND status = 'open'"),
        ),
    )

    id: str = Field(primary_key=True)
    agency_id: str
    kind: str
    origin: str
    priority: int
    number: str  # the call number; empty = no number yet
    opened_at: datetime = Field(sa_column=Column(UtcMs, nullable=False))
    opened_by: str  # person; empty = a feed
    status: str
    closed_at: datetime | None = Field(default=None, sa_column=Column(UtcMs, nullable=True))
    needs_review: bool


class StopRow(SQLModel, table=True):
    """One place of an incident, in order."""

    __tablename__ = "incidents_stop"

    incident_id: str = Field(sa_column=Column(String, ForeignKey("incidents_incident.id"), primary_key=True))
    number: int = Field(primary_key=True)  # 0 = where it was opened
    lat: float = Field(sa_column=Column(Float, nullable=False))  # degrees, WGS 84
    lon: float = Field(sa_column=Column(Float, nullable=False))
    address: str
    at: datetime = Field(sa_column=Column(UtcMs, nullable=False))


class FeedRow(SQLModel, table=True):
    """A dispatch system or alarm feed, by the SHA-256 of its key."""

    __tablename__ = "incidents_feed"
    __table_args__ = (UniqueConstraint("key_sha256", name="uq_incidents_feed_key_sha256"),)

    agency_id: str = Field(primary_key=True)
    name: str = Field(primary_key=True)
    key_sha256: str
    created_at: datetime = Field(sa_column=Column(UtcMs, nullable=False))
