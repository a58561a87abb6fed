"""Rows of live views. They never leave `store`."""

from datetime import datetime

from sqlalchemy import BigInteger, CheckConstraint, Column, Float, Index, Integer, String, text
from sqlmodel import Field, SQLModel

from gateway.kernel.database import UtcMs

ID_LENGTH = 30  # prefix, underscore, 26 characters
HEX_SHA256 = 64


class LiveSession(SQLModel, table=True):
    """One live view, from the question to both accounts."""

    __tablename__ = "live_session"
    __table_args__ = (
        Index("ix_live_session_state", "state"),
        Index("ix_live_session_site_id_ended_at", "site_id", "ended_at"),
        Index("ix_live_session_camera_id_requested_at", "camera_id", "requested_at"),
        Index("ix_live_session_person_id_requested_at", "person_id", "requested_at"),
        Index("ix_live_session_mark", text("substr(id, 23)")),  # the code a picture carries: the last 8 characters
        CheckConstraint("state IN ('requested','accepted','established','refused','failed','ended')", name="state"),
        CheckConstraint("opened_by IN ('person','incident')", name="opened_by"),
        CheckConstraint("(state IN ('requested','accepted','established')) = (ended_at IS NULL)", name="ended_at"),
        CheckConstraint("(act = 'recorded.view') = (range_from IS NOT NULL AND range_to IS NOT NULL)", name="range"),
        CheckConstraint("enlarged_s >= 0 AND on_screen_s >= 0", name="seconds"),
    )

    id: str = Field(sa_column=Column(String(ID_LENGTH), primary_key=True))
    grant_id: str = Field(sa_column=Column(String(ID_LENGTH), nullable=False, unique=True))
    publication: str = Field(sa_column=Column(String(ID_LENGTH), nullable=False))
    camera_id: str = Field(sa_column=Column(String(ID_LENGTH), nullable=False))
    local_camera: str = Field(sa_column=Column(String(80), nullable=False))
    site_id: str = Field(sa_column=Column(String(ID_LENGTH), nullable=False))
    organisation_id: str = Field(sa_column=Column(String(ID_LENGTH), nullable=False))
    agent_id: str = Field(sa_column=Column(String(ID_LENGTH), nullable=False))
    person_id: str = Field(sa_column=Column(String(ID_LENGTH), nullable=False))
    agency_id: str = Field(sa_column=Column(String(ID_LENGTH), nullable=False))
    unit: str = Field(sa_column=Column(String(80), nullable=False))
    role: str = Field(sa_column=Column(String(40), nullable=False))
    purpose: str = Field(sa_column=Column(String(40), nullable=False))
    incident_id: str = Field(sa_column=Column(String(ID_LENGTH), nullable=False))
    opened_by: str = Field(sa_column=Column(String(10), nullable=False))
    fingerprint: str = Field(sa_column=Column(String(95), nullable=False))
    policy_sha256: str = Field(sa_column=Column(String(HEX_SHA256), nullable=False))
    grant_sha256: str = Field(sa_column=Column(String(HEX_SHA256), nullable=False))
    state: str = Field(sa_column=Column(String(12), nullable=False))
    requested_at: datetime = Field(sa_column=Column(UtcMs, nullable=False))
    horizon_at: datetime = Field(sa_column=Column(UtcMs, nullable=False))
    max_seconds: int = Field(sa_column=Column(Integer, nullable=False))
    ground: str = Field(default="", sa_column=Column(String(20), nullable=False))  # condition of the owner's rule
    second_id: str = Field(default="", sa_column=Column(String(ID_LENGTH), nullable=False))  # of emergency access
    on_behalf_of: str = Field(default="", sa_column=Column(String(200), nullable=False))  # as the operator said
    has_sound: bool = Field(default=False)
    shown_to: str = Field(default="", sa_column=Column(String(80), nullable=False))  # on whose phone
    act: str = Field(default="live.view", sa_column=Column(String(20), nullable=False))
    range_from: datetime | None = Field(default=None, sa_column=Column(UtcMs))  # of a recording, as granted
    range_to: datetime | None = Field(default=None, sa_column=Column(UtcMs))
    footage_s: int | None = Field(default=None, sa_column=Column(Integer))  # shown of it, by the site's account
    accepted_at: datetime | None = Field(default=None, sa_column=Column(UtcMs))
    established_at: datetime | None = Field(default=None, sa_column=Column(UtcMs))
    ended_at: datetime | None = Field(default=None, sa_column=Column(UtcMs))
    end_reason: str = Field(default="", sa_column=Column(String(20), nullable=False))
    site_code: str = Field(default="", sa_column=Column(String(40), nullable=False))
    on_screen_s: int = Field(default=0, sa_column=Column(Integer, nullable=False))
    enlarged_s: int = Field(default=0, sa_column=Column(Integer, nullable=False))
    relay_seconds: float | None = Field(default=None, sa_column=Column(Float))
    relay_bytes: int | None = Field(default=None, sa_column=Column(BigInteger))
    site_seconds: float | None = Field(default=None, sa_column=Column(Float))
    site_bytes: int | None = Field(default=None, sa_column=Column(BigInteger))
    is_reconciled: bool = Field(default=False)
