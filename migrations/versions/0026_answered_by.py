"""Who of the organisation answered a request to watch live, or for a recording."""

import sqlalchemy as sa
from alembic import op

revision = "0026_answered_by"
down_revision = "0025_recordings_given"
branch_labels = None
depends_on = None
TABLES = ("view_ask", "clip_request")


def upgrade() -> None:
    """Expand: of what was answered before, the log alone says by whom."""
    for table in TABLES:
        op.add_column(table, sa.Column("answered_by", sa.String(30), nullable=False, server_default=""))


def downgrade() -> None:
    """Take it back."""
    for table in TABLES:
        op.drop_column(table, "answered_by")
