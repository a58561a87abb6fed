"""What can be black in a camera's live pictures, as its site says."""

import sqlalchemy as sa
from alembic import op

revision = "0031_black_areas"
down_revision = "0029_recorded_views"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Expand: until an agent says otherwise, nothing can be."""
    op.add_column("site_agent_camera", sa.Column("areas", sa.Text(), nullable=False, server_default="[]"))


def downgrade() -> None:
    """Take it back."""
    op.drop_column("site_agent_camera", "areas")
