"""The owner's own words for a camera."""

import sqlalchemy as sa
from alembic import op

revision = "0024_camera_labels"
down_revision = "0023_second_basis"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Expand: a camera of before has no label, and the code before writes none."""
    op.add_column("cameras_camera", sa.Column("labels", sa.String(), nullable=False, server_default=""))


def downgrade() -> None:
    """Take it back."""
    op.drop_column("cameras_camera", "labels")
