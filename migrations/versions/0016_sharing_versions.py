"""What an owner said about a site at each save, kept as it was."""

import sqlalchemy as sa
from alembic import op

revision = "0016_sharing_versions"
down_revision = "0015_emergency"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Expand: the code before writes none, and the first save after it keeps what there was."""
    op.create_table(
        "sharing_version",
        sa.Column("site_id", sa.String(), nullable=False),
        sa.Column("seq", sa.Integer(), nullable=False),
        sa.Column("author", sa.String(), nullable=False),
        sa.Column("author_name", sa.String(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("body", sa.String(), nullable=False),
        sa.Column("sha256", sa.String(), nullable=False),
        sa.PrimaryKeyConstraint("site_id", "seq", name="pk_sharing_version"),
        sa.CheckConstraint("seq >= 1", name="ck_sharing_version_seq"),
    )


def downgrade() -> None:
    """Take it back."""
    op.drop_table("sharing_version")
