"""What a site gave of its recordings within a day is looked up by its place."""

from alembic import op

revision = "0025_recordings_given"
down_revision = "0024_camera_labels"
branch_labels = None
depends_on = None
INDEX = "ix_clip_request_site_id_state_changed_at"


def upgrade() -> None:
    """Expand: the code before does not look for it."""
    op.create_index(INDEX, "clip_request", ["site_id", "state", "changed_at"])


def downgrade() -> None:
    """Take it back."""
    op.drop_index(INDEX, table_name="clip_request")
