"""Tables of incidents."""

import sqlalchemy as sa
from alembic import op

revision = "0006_incidents"
down_revision = "0005_sites"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Expand."""
    op.create_table(
        "incidents_incident",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("agency_id", sa.String(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("origin", sa.String(), nullable=False),
        sa.Column("priority", sa.Integer(), nullable=False),
        sa.Column("number", sa.String(), nullable=False),
        sa.Column("opened_at", sa.BigInteger(), nullable=False),
        sa.Column("opened_by", sa.String(), nullable=False),
        sa.Column("status", sa.String(), nullable=False),
        sa.Column("closed_at", sa.BigInteger(), nullable=True),
        sa.Column("needs_review", sa.Boolean(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_incidents_incident"),
        sa.CheckConstraint("priority BETWEEN 1 AND 5", name="ck_incidents_incident_priority"),
        sa.CheckConstraint("status IN ('open', 'closed')", name="ck_incidents_incident_status"),
        sa.CheckConstraint("(status = 'closed') = (closed_at IS NOT NULL)", name="ck_incidents_incident_closed_at"),
    )
    op.create_index(
        "ix_incidents_incident_agency_id_status_opened_at", "incidents_incident", ["agency_id", "status", "opened_at"]
    )
    one_open = sa.text("number <> '' AND status = 'open'")
    op.create_index(
        "uq_incidents_incident_open_number",
        "incidents_incident",
        ["agency_id", "number"],
        unique=True,
        sqlite_where=one_open,
        postgresql_where=one_open,
    )
    op.create_table(
        "incidents_stop",
        sa.Column("incident_id", sa.String(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("lat", sa.Float(), nullable=False),
        sa.Column("lon", sa.Float(), nullable=False),
        sa.Column("address", sa.String(), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("incident_id", "number", name="pk_incidents_stop"),
        sa.ForeignKeyConstraint(
            ["incident_id"], ["incidents_incident.id"], name="fk_incidents_stop_incident_id_incidents_incident"
        ),
    )
    op.create_table(
        "incidents_feed",
        sa.Column("agency_id", sa.String(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("key_sha256", sa.String(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("agency_id", "name", name="pk_incidents_feed"),
        sa.UniqueConstraint("key_sha256", name="uq_incidents_feed_key_sha256"),
    )


def downgrade() -> None:
    """Take it back."""
    op.drop_table("incidents_feed")
    op.drop_table("incidents_stop")
    op.drop_table("incidents_incident")
