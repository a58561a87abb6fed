"""The page behind a place's printed sign."""

import sqlalchemy as sa
from alembic import op

revision = "0020_signs"
down_revision = "0019_reports"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Expand: the code before knows no sign."""
    op.create_table(
        "sharing_sign",
        sa.Column("site_id", sa.String(), nullable=False),
        sa.Column("token", sa.String(), nullable=False),
        sa.Column("is_public", sa.Boolean(), nullable=False),
        sa.Column("changed_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("site_id", name="pk_sharing_sign"),
    )
    op.create_index("ix_sharing_sign_token", "sharing_sign", ["token"], unique=True)


def downgrade() -> None:
    """Take it back."""
    op.drop_table("sharing_sign")
