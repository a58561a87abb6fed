"""Which stream of a camera is shown live, where it is not the one meant for that."""

import sqlalchemy as sa
from alembic import op

revision = "0028_live_stream"
down_revision = "0027_cameras_in_order"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Expand: until an agent says otherwise, the one meant for it."""
    op.add_column("site_agent_camera", sa.Column("live", sa.String(20), nullable=False, server_default=""))


def downgrade() -> None:
    """Take it back."""
    op.drop_column("site_agent_camera", "live")
