"""Whose passkeys an owner wants to approve at a site."""

import sqlalchemy as sa
from alembic import op

revision = "0011_owners"
down_revision = "0010_passkeys"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Expand: the code before writes rows without it."""
    op.add_column("sharing_site", sa.Column("owners", sa.String(), nullable=False, server_default=""))


def downgrade() -> None:
    """Take it back."""
    op.drop_column("sharing_site", "owners")
