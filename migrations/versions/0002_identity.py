"""Tables of the edge and of identity."""

import sqlalchemy as sa
from alembic import op

revision = "0002_identity"
down_revision = "0001_audit"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Expand."""
    op.create_table(
        "edge_rate_counter",
        sa.Column("key", sa.String(), nullable=False),
        sa.Column("period", sa.BigInteger(), nullable=False),
        sa.Column("count", sa.Integer(), nullable=False),
        sa.Column("until", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("key", "period", name="pk_edge_rate_counter"),
    )
    op.create_index("ix_edge_rate_counter_until", "edge_rate_counter", ["until"])
    op.create_table(
        "edge_pulse",
        sa.Column("id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_edge_pulse"),
    )


def downgrade() -> None:
    """Take it back."""
    op.drop_table("edge_pulse")
    op.drop_table("edge_rate_counter")
