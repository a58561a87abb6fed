"""Rows of links to phones. They never leave `store`."""

from datetime import datetime

from sqlalchemy import CheckConstraint, Column, Index, Integer, String
from sqlmodel import Field, SQLModel

from gateway.kernel.database import UtcMs


class PhoneLinkRow(SQLModel, table=True):
    """One link; of its secrets only the SHA-256."""

    __tablename__ = "live_phone_link"
    __table_args__ = (
        Index("ix_live_phone_link_person_id_made_at", "person_id", "made_at"),
        CheckConstraint("lasts_s > 0 AND made_at < open_until", name="life"),
        CheckConstraint(
            "(opened_at IS NULL) = (device_sha256 = '') AND (opened_at IS NULL) = (ends_at IS NULL)", name="opened"
        ),
        CheckConstraint("(ended_at IS NULL) = (end_reason = '')", name="ended"),
    )

    id: str = Field(sa_column=Column(String(30), primary_key=True, nullable=False))
    secret_sha256: str = Field(sa_column=Column(String(64), nullable=False))
    person_id: str = Field(sa_column=Column(String(30), nullable=False))
    agency_id: str = Field(sa_column=Column(String(30), nullable=False))
    factors: str = Field(sa_column=Column(String(80), nullable=False))  # how the sender had signed in
    sent_from: str = Field(sa_column=Column(String(30), nullable=False))  # the sender's own view
    camera_id: str = Field(sa_column=Column(String(30), nullable=False))
    site_id: str = Field(sa_column=Column(String(30), nullable=False))
    organisation_id: str = Field(sa_column=Column(String(30), nullable=False))
    purpose: str = Field(sa_column=Column(String(40), nullable=False))
    incident_id: str = Field(sa_column=Column(String(30), nullable=False))
    recipient: str = Field(sa_column=Column(String(80), nullable=False))  # as the sender said
    lasts_s: int = Field(sa_column=Column(Integer, nullable=False))  # from when it is opened
    made_at: datetime = Field(sa_column=Column(UtcMs, nullable=False))
    open_until: datetime = Field(sa_column=Column(UtcMs, nullable=False))
    opened_at: datetime | None = Field(default=None, sa_column=Column(UtcMs))
    device_sha256: str = Field(default="", sa_column=Column(String(64), nullable=False))
    ends_at: datetime | None = Field(default=None, sa_column=Column(UtcMs))
    session_id: str = Field(default="", sa_column=Column(String(30), nullable=False))
    ended_at: datetime | None = Field(default=None, sa_column=Column(UtcMs))
    end_reason: str = Field(default="", sa_column=Column(String(20), nullable=False))
