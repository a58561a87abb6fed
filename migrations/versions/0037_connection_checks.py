"""Connection checks: the newest answer of each site's agent."""

import sqlalchemy as sa
from alembic import op

revision = "0037_connection_checks"
down_revision = "0036_phone_links"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Expand."""
    op.create_table(
        "site_connection_check",
        sa.Column("agent_id", sa.String(), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("answer", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["agent_id"], ["site_agent.id"], name="fk_site_connection_check_agent_id_site_agent"),
        sa.PrimaryKeyConstraint("agent_id", name="pk_site_connection_check"),
    )


def downgrade() -> None:
    """Take it back."""
    op.drop_table("site_connection_check")
