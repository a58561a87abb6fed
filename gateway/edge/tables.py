"""Rows of the edge itself: rate counters, and the row that proves the database writable."""

from datetime import datetime

from sqlmodel import Field, SQLModel

from gateway.kernel.database import UtcMs


class RateCounterRow(SQLModel, table=True):
    """How often one keyed thing happened in one window."""

    __tablename__ = "edge_rate_counter"

    key: str = Field(primary_key=True)  # hex HMAC of endpoint and account or address; names nobody
    period: int = Field(primary_key=True)  # number of the window since 1970
    count: int
    until: datetime = Field(sa_type=UtcMs, index=True)  # may be swept after this


class PulseRow(SQLModel, table=True):
    """One row per gateway, rewritten by the readiness probe."""

    __tablename__ = "edge_pulse"

    id: int = Field(primary_key=True)
    at: datetime = Field(sa_type=UtcMs)
