"""Whom an organisation has stopped sharing everything with."""

import sqlalchemy as sa
from alembic import op

revision = "0017_suspensions"
down_revision = "0016_mou_versions"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Expand."""
    op.create_table(
        "sharing_suspension",
        sa.Column("organisation_id", sa.String(), nullable=False),
        sa.Column("agency_id", sa.String(), nullable=False),
        sa.Column("since", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("organisation_id", "agency_id", name="pk_sharing_suspension"),
    )


def downgrade() -> None:
    """Take it back."""
    op.drop_table("sharing_suspension")
