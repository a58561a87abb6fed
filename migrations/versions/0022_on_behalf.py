"""For which other agency a live view is opened, as its operator says."""

import sqlalchemy as sa
from alembic import op

revision = "0022_on_behalf"
down_revision = "0020_signs"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Expand: the code before writes none, and reads none."""
    op.add_column("live_session", sa.Column("on_behalf_of", sa.String(200), nullable=False, server_default=""))


def downgrade() -> None:
    """Take it back."""
    with op.batch_alter_table("live_session") as batch:
        batch.drop_column("on_behalf_of")
