"""Stills: one picture each, until it expires."""

import sqlalchemy as sa
from alembic import op

revision = "0034_stills"
down_revision = "0030_walls"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Expand."""
    op.create_table(
        "live_still",
        sa.Column("id", sa.String(30), nullable=False),
        sa.Column("person_id", sa.String(30), nullable=False),
        sa.Column("camera_id", sa.String(30), nullable=False),
        sa.Column("sha256", sa.String(64), nullable=False),
        sa.Column("size_bytes", sa.Integer(), nullable=False),
        sa.Column("width", sa.Integer(), nullable=False),
        sa.Column("height", sa.Integer(), nullable=False),
        sa.Column("statement", sa.Text(), nullable=False),
        sa.Column("wrapped_key", sa.LargeBinary(), nullable=False),
        sa.Column("nonce", sa.LargeBinary(), nullable=False),
        sa.Column("taken_at", sa.BigInteger(), nullable=False),
        sa.Column("expires_at", sa.BigInteger(), nullable=False),
        sa.CheckConstraint("size_bytes > 0 AND width > 0 AND height > 0", name="ck_live_still_size"),
        sa.CheckConstraint("taken_at < expires_at", name="ck_live_still_life"),
        sa.PrimaryKeyConstraint("id", name="pk_live_still"),
    )
    op.create_index("ix_live_still_expires_at", "live_still", ["expires_at"])


def downgrade() -> None:
    """Take it back."""
    op.drop_index("ix_live_still_expires_at", table_name="live_still")
    op.drop_table("live_still")
