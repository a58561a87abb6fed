"""Views of a recording: which act a session is, the range it was granted, and how much of that was shown."""

import sqlalchemy as sa
from alembic import op

revision = "0029_recorded_views"
down_revision = "0028_live_stream"
branch_labels = None
depends_on = None
_RANGE = "(act = 'recorded.view') = (range_from IS NOT NULL AND range_to IS NOT NULL)"


def upgrade() -> None:
    """Expand: every session so far was a live view."""
    with op.batch_alter_table("live_session") as table:
        table.add_column(sa.Column("act", sa.String(20), nullable=False, server_default="live.view"))
        table.add_column(sa.Column("range_from", sa.BigInteger()))
        table.add_column(sa.Column("range_to", sa.BigInteger()))
        table.add_column(sa.Column("footage_s", sa.Integer()))
        table.create_check_constraint("range", _RANGE)


def downgrade() -> None:
    """Take it back."""
    with op.batch_alter_table("live_session") as table:
        table.drop_constraint("range", type_="check")
        for name in ("footage_s", "range_to", "range_from", "act"):
            table.drop_column(name)
