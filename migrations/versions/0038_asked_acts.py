"""What an owner is asked for: a live view, a view of a recording, or a still; each once for an incident."""

import sqlalchemy as sa
from alembic import op

revision = "0038_asked_acts"
down_revision = "0037_connection_checks"
branch_labels = None
depends_on = None
_BEFORE = "uq_view_ask_incident_id_organisation_id"
_AFTER = "uq_view_ask_incident_id_organisation_id_act"
_ACTS = "act IN ('live.view','recorded.view','still.take')"


def upgrade() -> None:
    """Expand: every request so far was for a live view, and so is what the code before writes."""
    with op.batch_alter_table("view_ask") as table:
        table.add_column(sa.Column("act", sa.String(20), nullable=False, server_default="live.view"))
        table.drop_constraint(_BEFORE, type_="unique")
        table.create_unique_constraint(_AFTER, ["incident_id", "organisation_id", "act"])
        table.create_check_constraint("act", _ACTS)


def downgrade() -> None:
    """Take it back; the code before knows live views alone."""
    op.execute("DELETE FROM view_ask WHERE act <> 'live.view'")
    with op.batch_alter_table("view_ask") as table:
        table.drop_constraint("act", type_="check")
        table.drop_constraint(_AFTER, type_="unique")
        table.create_unique_constraint(_BEFORE, ["incident_id", "organisation_id"])
        table.drop_column("act")
