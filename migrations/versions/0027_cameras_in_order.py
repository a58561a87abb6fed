"""On SQLite a page of cameras is read out of one index that holds all of it, in the order in which it is shown.

A row of the table costs a page of the file each; a page of 500 took three times as long. PostgreSQL keeps the short
index: an entry there may not be longer than 2,704 bytes, and what owners write may.
"""

import sqlalchemy as sa
from alembic import op

revision = "0027_cameras_in_order"
down_revision = "0026_answered_by"
branch_labels = None
depends_on = None
SHORT = "ix_cameras_camera_cell_lat_lon"
WHOLE = "ix_cameras_camera_in_order"
COLUMNS = (
    *("cell", "lat", "lon", "id", "organisation_id", "site_id", "name", "heading_deg", "is_public_facing"),
    *("people_live_here", "purpose", "labels", "state", "mark", "mark_until_ms", "revision"),
)


def upgrade() -> None:
    """Nothing that is written changes."""
    if _is_sqlite():
        op.create_index(WHOLE, "cameras_camera", list(COLUMNS))
        op.drop_index(SHORT, "cameras_camera")


def downgrade() -> None:
    """Take it back."""
    if _is_sqlite():
        op.create_index(SHORT, "cameras_camera", ["cell", "lat", "lon"])
        op.drop_index(WHOLE, "cameras_camera")


def _is_sqlite() -> bool:
    bind: sa.Connection = op.get_bind()
    return bind.dialect.name == "sqlite"
