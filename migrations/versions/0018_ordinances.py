"""Ordinance packs that were proposed, and who decided."""

import sqlalchemy as sa
from alembic import op

revision = "0018_ordinances"
down_revision = "0017_suspensions"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Expand."""
    op.create_table(
        "sharing_ordinance",
        sa.Column("id", sa.String(), primary_key=True),
        sa.Column("body", sa.String(), nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("proposed_by", sa.String(), nullable=False),
        sa.Column("proposed_by_name", sa.String(), nullable=False),
        sa.Column("proposed_at", sa.BigInteger(), nullable=False),
        sa.Column("decided_by", sa.String(), nullable=False),
        sa.Column("decided_by_name", sa.String(), nullable=False),
        sa.Column("decided_at", sa.BigInteger(), nullable=True),
        sa.CheckConstraint("state IN ('proposed', 'approved', 'declined')", name="ordinance_state"),
        sa.CheckConstraint("state <> 'approved' OR decided_by <> proposed_by", name="ordinance_two_people"),
    )


def downgrade() -> None:
    """Take it back."""
    op.drop_table("sharing_ordinance")
