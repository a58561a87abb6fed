"""Rows of the log.

Events, leaves and checkpoints are insert-only and tiles only grow: triggers hold that on both engines.
"""

from datetime import datetime
from typing import Any

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    Column,
    ForeignKey,
    Identity,
    Index,
    Integer,
    LargeBinary,
    String,
    text,
)
from sqlmodel import Field, SQLModel

from gateway.kernel.database import UtcMs

_BIG = BigInteger().with_variant(Integer, "sqlite")  # SQLite numbers rows only in an INTEGER primary key


def _event_id(*, is_key: bool) -> Column[Any]:
    return Column("event_id", String(30), ForeignKey("audit_event.event_id"), primary_key=is_key, nullable=False)


class AuditEvent(SQLModel, table=True):
    """One event: its final leaf, and the few words it is found by."""

    __tablename__ = "audit_event"
    __table_args__ = (
        Index("ix_audit_event_xid_seq", "xid", "seq"),
        Index("ix_audit_event_kind_event_id", "kind", "event_id"),
        Index("ix_audit_event_at", "at"),
        CheckConstraint("length(leaf) <= 8192", name="leaf_bytes"),
    )

    seq: int | None = Field(default=None, sa_column=Column(_BIG, Identity(always=True), primary_key=True))
    # PostgreSQL: the writing transaction, since numbers are given out before it is known who commits first; SQLite: 0.
    xid: int = Field(default=0, sa_column=Column(BigInteger, nullable=False, server_default=text("0")))
    event_id: str = Field(sa_column=Column(String(30), nullable=False, unique=True))
    once: str | None = Field(default=None, sa_column=Column(String(200), unique=True))
    kind: str = Field(sa_column=Column(String(40), nullable=False))
    decision: str = Field(default="", sa_column=Column(String(10), nullable=False))
    at: datetime = Field(sa_column=Column(UtcMs, nullable=False))
    leaf: bytes = Field(sa_column=Column(LargeBinary, nullable=False))


class AuditStream(SQLModel, table=True):
    """Whom an event concerns."""

    __tablename__ = "audit_stream"

    stream: str = Field(sa_column=Column(String(30), primary_key=True))
    event_id: str = Field(sa_column=_event_id(is_key=True))


class AuditDetail(SQLModel, table=True):
    """The opening of one commitment; deleting the row is the erasure."""

    __tablename__ = "audit_detail"

    event_id: str = Field(sa_column=_event_id(is_key=True))
    field: str = Field(sa_column=Column(String(40), primary_key=True))
    is_restricted: bool = Field(nullable=False)
    salt: bytes = Field(sa_column=Column(LargeBinary, nullable=False))  # 16 bytes, one per field
    value: bytes = Field(sa_column=Column(LargeBinary, nullable=False))  # canonical JSON


class AuditLeaf(SQLModel, table=True):
    """The number an event has in the log."""

    __tablename__ = "audit_leaf"

    leaf_index: int = Field(sa_column=Column(BigInteger, primary_key=True, autoincrement=False))
    event_id: str = Field(sa_column=Column(String(30), ForeignKey("audit_event.event_id"), nullable=False, unique=True))
    leaf_hash: bytes = Field(sa_column=Column(LargeBinary, nullable=False, index=True))


class AuditTile(SQLModel, table=True):
    """256 hashes of one level, or fewer at the right edge."""

    __tablename__ = "audit_tile"

    level: int = Field(primary_key=True)
    tile_index: int = Field(sa_column=Column(BigInteger, primary_key=True, autoincrement=False))
    data: bytes = Field(sa_column=Column(LargeBinary, nullable=False))


class AuditCheckpoint(SQLModel, table=True):
    """A signed head."""

    __tablename__ = "audit_checkpoint"

    tree_size: int = Field(sa_column=Column(BigInteger, primary_key=True, autoincrement=False))
    root: bytes = Field(sa_column=Column(LargeBinary, nullable=False))
    note: str
    at: datetime = Field(sa_column=Column(UtcMs, nullable=False))


class AuditCursor(SQLModel, table=True):
    """How far the sequencer has read: one row.

    `xid_offset` is what `moved.adopt` added to the transaction numbers of this PostgreSQL server, so that they go on
    rising after a move from another one.
    """

    __tablename__ = "audit_cursor"
    __table_args__ = (CheckConstraint("id = 1", name="one_row"),)

    id: int = Field(default=1, primary_key=True)
    xid: int = Field(sa_column=Column(BigInteger, nullable=False))
    seq: int = Field(sa_column=Column(BigInteger, nullable=False))
    xid_offset: int = Field(default=0, sa_column=Column(BigInteger, nullable=False, server_default=text("0")))
