"""Rows of stills. They never leave `store`."""

from datetime import datetime

from sqlalchemy import CheckConstraint, Column, Index, Integer, LargeBinary, String, Text
from sqlmodel import Field, SQLModel

from gateway.kernel.database import UtcMs


class StillRow(SQLModel, table=True):
    """One still, under the id of its session."""

    __tablename__ = "live_still"
    __table_args__ = (
        Index("ix_live_still_expires_at", "expires_at"),
        CheckConstraint("size_bytes > 0 AND width > 0 AND height > 0", name="size"),
        CheckConstraint("taken_at < expires_at", name="life"),
    )

    id: str = Field(sa_column=Column(String(30), primary_key=True, nullable=False))
    person_id: str = Field(sa_column=Column(String(30), nullable=False))
    camera_id: str = Field(sa_column=Column(String(30), nullable=False))
    sha256: str = Field(sa_column=Column(String(64), nullable=False))
    size_bytes: int = Field(sa_column=Column(Integer, nullable=False))
    width: int = Field(sa_column=Column(Integer, nullable=False))
    height: int = Field(sa_column=Column(Integer, nullable=False))
    statement: str = Field(sa_column=Column(Text, nullable=False))
    wrapped_key: bytes = Field(sa_column=Column(LargeBinary, nullable=False))
    nonce: bytes = Field(sa_column=Column(LargeBinary, nullable=False))
    taken_at: datetime = Field(sa_column=Column(UtcMs, nullable=False))
    expires_at: datetime = Field(sa_column=Column(UtcMs, nullable=False))
