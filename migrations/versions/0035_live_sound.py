"""Whether a live view may be heard."""

import sqlalchemy as sa
from alembic import op

revision = "0035_live_sound"
down_revision = "0034_stills"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Expand: what was there before was silent."""
    op.add_column("live_session", sa.Column("has_sound", sa.Boolean(), nullable=False, server_default=sa.false()))


def downgrade() -> None:
    """Take it back."""
    op.drop_column("live_session", "has_sound")
