"""Rows of the agents on site. The secret codes are here as hashes only."""

from datetime import datetime
from typing import Any

from sqlalchemy import CheckConstraint, Column, Index, text
from sqlmodel import Field, SQLModel

from gateway.kernel.database import UtcMs


def _moment(*, optional: bool = False) -> Any:
    return Field(default=None, sa_column=Column(UtcMs, nullable=optional))


class AgentRow(SQLModel, table=True):
    """A paired agent; one that is not revoked per site and per key."""

    __tablename__ = "site_agent"
    __table_args__ = (
        CheckConstraint("state IN ('pending', 'active', 'quarantined', 'revoked')", name="state"),
        CheckConstraint("epoch >= 0", name="epoch"),
        Index(
            "uq_site_agent_living",
            "site_id",
            unique=True,
            sqlite_where=text("state <> 'revoked'"),
            postgresql_where=text("state <> 'revoked'"),
        ),
        Index(
            "uq_site_agent_living_key",
            "thumbprint",
            unique=True,
            sqlite_where=text("state <> 'revoked'"),
            postgresql_where=text("state <> 'revoked'"),
        ),
    )

    id: str = Field(primary_key=True)
    site_id: str = Field(index=True)
    organisation_id: str
    jwk: str  # public JWK, canonical JSON
    thumbprint: str  # RFC 7638
    state: str
    host: str
    version: str
    epoch: int = 0
    is_epoch_acked: bool = True
    lineage: str = ""
    conditions: str = ""  # words of the link, sorted, a space between
    acked_seq: int = 0
    acked_sha256: str = ""
    acked_at: datetime | None = _moment(optional=True)
    registered_at: datetime = _moment()
    state_since: datetime = _moment()
    last_seen_at: datetime | None = _moment(optional=True)  # flushed in batches; the link hub knows better


class EnrolmentRow(SQLModel, table=True):
    """One device authorization (RFC 8628), from code to registration."""

    __tablename__ = "site_enrolment"
    __table_args__ = (
        CheckConstraint("state IN ('waiting', 'approved', 'denied', 'registered')", name="state"),
        CheckConstraint("state IN ('waiting', 'denied') OR site_id <> ''", name="site"),
    )

    device_hash: str = Field(primary_key=True)  # hex SHA-256 of the device code
    user_hash: str = Field(unique=True)  # hex SHA-256 of the eight letters
    state: str
    jwk: str
    thumbprint: str
    host: str  # self-reported
    version: str  # self-reported
    address: str = Field(index=True)  # as seen by us
    created_at: datetime = _moment()
    expires_at: datetime = _moment()
    interval_s: int
    last_polled_at: datetime | None = _moment(optional=True)
    site_id: str = ""
    organisation_id: str = ""
    approved_by: str = ""
    agent_id: str = ""


class CodeQuotaRow(SQLModel, table=True):
    """How often wrong pairing codes were typed in the present window."""

    __tablename__ = "site_code_quota"

    key: str = Field(primary_key=True)  # session:… | everywhere
    window_started_at: datetime = _moment()
    count: int
    locked_until: datetime | None = _moment(optional=True)


class AgentCameraRow(SQLModel, table=True):
    """A camera the agent told of; `camera_id` is set when the owner ticks it."""

    __tablename__ = "site_agent_camera"

    agent_id: str = Field(primary_key=True, foreign_key="site_agent.id")
    local_id: str = Field(primary_key=True)  # minted by the agent
    label: str
    codec: str = ""
    width: int = 0  # pixels
    height: int = 0  # pixels
    health: str
    health_since: datetime = _moment()
    camera_id: str | None = Field(default=None, unique=True)  # one registered camera is one lens
    areas: str = "[]"  # what can be black in its live pictures: [[name, label], …] as JSON
    live: str = ""  # which stream is shown instead of the one meant for live views, and why
    is_listed: bool = True


class ConnectionCheckRow(SQLModel, table=True):
    """What an agent last found of its site's connection."""

    __tablename__ = "site_connection_check"

    agent_id: str = Field(primary_key=True, foreign_key="site_agent.id")
    at: datetime = _moment()
    answer: str  # the frame of its `connection_checked`: words and round figures


class KeySetRow(SQLModel, table=True):
    """One signed version of the gateway's key set; the chain is offered to agents from theirs on."""

    __tablename__ = "site_key_set"

    version: int = Field(primary_key=True)
    sha256: str = Field(unique=True)
    token: str
    signed_at: datetime = _moment()
    expires_at: datetime = _moment()  # of the key that ends first
