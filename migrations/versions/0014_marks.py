"""Which rules bind each camera, by name: lists are decided once for all cameras that the same rules bind."""

import sqlalchemy as sa
from alembic import op

revision = "0014_marks"
down_revision = "0013_view_asks"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Expand: the code before writes cameras without a mark, and such a camera is decided by itself."""
    op.add_column("cameras_camera", sa.Column("mark", sa.String(), nullable=False, server_default=""))
    op.add_column("cameras_camera", sa.Column("mark_until_ms", sa.BigInteger(), nullable=True))
    op.add_column("cameras_camera", sa.Column("revision", sa.Integer(), nullable=False, server_default="0"))
    op.create_index(
        "ix_cameras_camera_cell_mark_mark_until_ms",
        "cameras_camera",
        ["cell", "mark", "mark_until_ms", "people_live_here"],
    )
    op.create_index("ix_cameras_camera_mark_until_ms", "cameras_camera", ["mark_until_ms"])
    op.create_index(
        "ix_cameras_camera_unmarked",
        "cameras_camera",
        ["site_id"],
        sqlite_where=sa.text("mark = ''"),
        postgresql_where=sa.text("mark = ''"),
    )
    op.create_table(
        "sharing_signature",
        sa.Column("mark", sa.String(), nullable=False),
        sa.Column("body", sa.String(), nullable=False),
        sa.PrimaryKeyConstraint("mark", name="pk_sharing_signature"),
    )


def downgrade() -> None:
    """Take it back."""
    op.drop_table("sharing_signature")
    op.drop_index("ix_cameras_camera_unmarked", "cameras_camera")
    op.drop_index("ix_cameras_camera_mark_until_ms", "cameras_camera")
    op.drop_index("ix_cameras_camera_cell_mark_mark_until_ms", "cameras_camera")
    op.drop_column("cameras_camera", "revision")
    op.drop_column("cameras_camera", "mark_until_ms")
    op.drop_column("cameras_camera", "mark")
