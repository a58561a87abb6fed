"""Each generation carries the generation of everything at its last change, so that one query finds what changed."""

import sqlalchemy as sa
from alembic import op

revision = "0012_generations"
down_revision = "0011_owners"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Expand: the code before counts without it."""
    op.add_column("sharing_generation", sa.Column("stamp", sa.Integer(), nullable=False, server_default="0"))
    op.create_index("ix_sharing_generation_stamp", "sharing_generation", ["stamp"])


def downgrade() -> None:
    """Take it back."""
    op.drop_index("ix_sharing_generation_stamp", "sharing_generation")
    op.drop_column("sharing_generation", "stamp")
