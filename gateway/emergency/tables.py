"""Rows of emergency access. They never leave `store`."""

from datetime import datetime

from sqlalchemy import CheckConstraint, Column, Index, String, Text, text
from sqlmodel import Field, SQLModel

from gateway.kernel.database import UtcMs

ID_LENGTH = 30  # prefix, underscore, 26 characters
_OPEN = "state IN ('asked','confirmed')"


class ConfirmationRow(SQLModel, table=True):
    """One question to a second person, and its answer; an open one per person, camera, act and incident."""

    __tablename__ = "emergency_confirmation"
    __table_args__ = (
        Index(
            "uq_emergency_confirmation_open",
            "incident_id",
            "camera_id",
            "asker_id",
            "act",
            unique=True,
            sqlite_where=text(_OPEN),
            postgresql_where=text(_OPEN),
        ),
        Index("ix_emergency_confirmation_state_expires_at", "state", "expires_at"),
        CheckConstraint("state IN ('asked','confirmed','used','declined','lapsed')", name="state"),
        CheckConstraint("second_id <> asker_id", name="second_id"),
        CheckConstraint("(state = 'used') = (used_by <> '')", name="used_by"),
        CheckConstraint("state NOT IN ('confirmed','used','declined') OR second_id <> ''", name="answered"),
    )

    id: str = Field(sa_column=Column(String(ID_LENGTH), primary_key=True))
    agency_id: str = Field(sa_column=Column(String(ID_LENGTH), nullable=False))
    camera_id: str = Field(sa_column=Column(String(ID_LENGTH), nullable=False))
    site_id: str = Field(sa_column=Column(String(ID_LENGTH), nullable=False))
    organisation_id: str = Field(sa_column=Column(String(ID_LENGTH), nullable=False))
    incident_id: str = Field(sa_column=Column(String(ID_LENGTH), nullable=False))
    act: str = Field(sa_column=Column(String(40), nullable=False))
    purpose: str = Field(sa_column=Column(String(40), nullable=False))
    t0: datetime | None = Field(default=None, sa_column=Column(UtcMs))
    t1: datetime | None = Field(default=None, sa_column=Column(UtcMs))
    legal_basis: str = Field(default="", sa_column=Column(String(200), nullable=False))  # of a recording, as asked
    asker_id: str = Field(sa_column=Column(String(ID_LENGTH), nullable=False))
    unit: str = Field(sa_column=Column(String(80), nullable=False))
    roles: str = Field(sa_column=Column(String(120), nullable=False))  # a space between
    factors: str = Field(sa_column=Column(String(120), nullable=False))  # a space between
    session_ref: str = Field(sa_column=Column(String(64), nullable=False))  # hex SHA-256 of the session asked from
    state: str = Field(sa_column=Column(String(12), nullable=False))
    asked_at: datetime = Field(sa_column=Column(UtcMs, nullable=False))
    expires_at: datetime = Field(sa_column=Column(UtcMs, nullable=False))
    second_id: str = Field(sa_column=Column(String(ID_LENGTH), nullable=False))
    second_factors: str = Field(sa_column=Column(String(120), nullable=False))  # a space between
    answered_at: datetime | None = Field(default=None, sa_column=Column(UtcMs))
    used_by: str = Field(sa_column=Column(String(ID_LENGTH), nullable=False))
    used_at: datetime | None = Field(default=None, sa_column=Column(UtcMs))


class ReportRow(SQLModel, table=True):
    """A report that is owed after a view; one that is open per agency and incident (or view without one)."""

    __tablename__ = "emergency_report"
    __table_args__ = (
        Index(
            "uq_emergency_report_open",
            "agency_id",
            "subject",
            unique=True,
            sqlite_where=text("written_at IS NULL"),
            postgresql_where=text("written_at IS NULL"),
        ),
        Index("ix_emergency_report_agency_id_due_at", "agency_id", "due_at"),
        CheckConstraint("(written_at IS NULL) = (written_by = '')", name="written"),
    )

    id: str = Field(sa_column=Column(String(ID_LENGTH), primary_key=True))
    agency_id: str = Field(sa_column=Column(String(ID_LENGTH), nullable=False))
    subject: str = Field(sa_column=Column(String(ID_LENGTH), nullable=False))  # incident, or the view without one
    incident_id: str = Field(sa_column=Column(String(ID_LENGTH), nullable=False))
    session_id: str = Field(sa_column=Column(String(ID_LENGTH), nullable=False))  # the first view it is about
    camera_id: str = Field(sa_column=Column(String(ID_LENGTH), nullable=False))
    organisation_id: str = Field(sa_column=Column(String(ID_LENGTH), nullable=False))
    person_id: str = Field(sa_column=Column(String(ID_LENGTH), nullable=False))  # who looked, and owes it
    owed_at: datetime = Field(sa_column=Column(UtcMs, nullable=False))
    due_at: datetime = Field(sa_column=Column(UtcMs, nullable=False))
    is_overdue_logged: bool = Field(default=False)
    text: str = Field(sa_column=Column(Text, nullable=False))
    written_by: str = Field(sa_column=Column(String(ID_LENGTH), nullable=False))
    written_at: datetime | None = Field(default=None, sa_column=Column(UtcMs))
