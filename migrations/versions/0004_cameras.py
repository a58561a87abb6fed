"""Tables of cameras."""

import sqlalchemy as sa
from alembic import op

revision = "0004_cameras"
down_revision = "0003_partners"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Expand."""
    op.create_table(
        "cameras_camera",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("organisation_id", sa.String(), nullable=False),
        sa.Column("site_id", sa.String(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("cell", sa.Integer(), nullable=False),
        sa.Column("lat", sa.Float(), nullable=False),
        sa.Column("lon", sa.Float(), nullable=False),
        sa.Column("heading_deg", sa.Integer(), nullable=True),
        sa.Column("is_public_facing", sa.Boolean(), nullable=False),
        sa.Column("people_live_here", sa.Boolean(), nullable=False),
        sa.Column("purpose", sa.String(), nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_cameras_camera"),
        sa.CheckConstraint("heading_deg BETWEEN 0 AND 359", name="ck_cameras_camera_heading"),
        sa.CheckConstraint("state IN ('listed', 'connected')", name="ck_cameras_camera_state"),
        sa.ForeignKeyConstraint(
            ["site_id"], ["partners_site.id"], name="fk_cameras_camera_site_id_partners_site", ondelete="CASCADE"
        ),
    )
    op.create_index("ix_cameras_camera_cell_lat_lon", "cameras_camera", ["cell", "lat", "lon"])
    op.create_index("ix_cameras_camera_lat_lon", "cameras_camera", ["lat", "lon"])
    op.create_index("ix_cameras_camera_site_id", "cameras_camera", ["site_id"])
    op.create_index("ix_cameras_camera_organisation_id", "cameras_camera", ["organisation_id"])


def downgrade() -> None:
    """Take it back."""
    op.drop_table("cameras_camera")
