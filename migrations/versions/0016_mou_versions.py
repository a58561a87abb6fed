"""Versions of the agreement, with the agency's signature; how an owner's consent came about."""

import sqlalchemy as sa
from alembic import op

revision = "0016_mou_versions"
down_revision = "0016_sharing_versions"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Expand."""
    op.create_table(
        "partners_mou_version",
        sa.Column("sha256", sa.String(), primary_key=True),
        sa.Column("body", sa.String(), nullable=False),
        sa.Column("proposed_by", sa.String(), nullable=False),
        sa.Column("proposed_by_name", sa.String(), nullable=False),
        sa.Column("proposed_at", sa.BigInteger(), nullable=False),
        sa.Column("signed_by", sa.String(), nullable=False),
        sa.Column("signed_by_name", sa.String(), nullable=False),
        sa.Column("signed_at", sa.BigInteger(), nullable=True),
        sa.CheckConstraint("(signed_at IS NULL) = (signed_by = '')", name="ck_partners_mou_version_signed"),
    )
    op.add_column("partners_acceptance", sa.Column("consent", sa.String(20), nullable=False, server_default=""))


def downgrade() -> None:
    """Take it back."""
    op.drop_column("partners_acceptance", "consent")
    op.drop_table("partners_mou_version")
