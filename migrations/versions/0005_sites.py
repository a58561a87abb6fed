"""Tables of sites: agents, enrolments, their cameras, and the gateway's key sets."""

import sqlalchemy as sa
from alembic import op

revision = "0005_sites"
down_revision = "0004_cameras"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Expand."""
    op.create_table(
        "site_agent",
        sa.Column("id", sa.String, primary_key=True),
        sa.Column("site_id", sa.String, nullable=False),
        sa.Column("organisation_id", sa.String, nullable=False),
        sa.Column("jwk", sa.String, nullable=False),
        sa.Column("thumbprint", sa.String, nullable=False),
        sa.Column("state", sa.String, nullable=False),
        sa.Column("host", sa.String, nullable=False),
        sa.Column("version", sa.String, nullable=False),
        sa.Column("epoch", sa.Integer, nullable=False),
        sa.Column("is_epoch_acked", sa.Boolean, nullable=False),
        sa.Column("lineage", sa.String, nullable=False),
        sa.Column("conditions", sa.String, nullable=False),
        sa.Column("acked_seq", sa.Integer, nullable=False),
        sa.Column("acked_sha256", sa.String, nullable=False),
        sa.Column("acked_at", sa.BigInteger),
        sa.Column("registered_at", sa.BigInteger, nullable=False),
        sa.Column("state_since", sa.BigInteger, nullable=False),
        sa.Column("last_seen_at", sa.BigInteger),
        sa.CheckConstraint("state IN ('pending', 'active', 'quarantined', 'revoked')", name="state"),
        sa.CheckConstraint("epoch >= 0", name="epoch"),
    )
    op.create_index("ix_site_agent_site_id", "site_agent", ["site_id"])
    for name, column in (("uq_site_agent_living", "site_id"), ("uq_site_agent_living_key", "thumbprint")):
        living = sa.text("state <> 'revoked'")
        op.create_index(name, "site_agent", [column], unique=True, sqlite_where=living, postgresql_where=living)
    op.create_table(
        "site_enrolment",
        sa.Column("device_hash", sa.String, primary_key=True),
        sa.Column("user_hash", sa.String, nullable=False, unique=True),
        sa.Column("state", sa.String, nullable=False),
        sa.Column("jwk", sa.String, nullable=False),
        sa.Column("thumbprint", sa.String, nullable=False),
        sa.Column("host", sa.String, nullable=False),
        sa.Column("version", sa.String, nullable=False),
        sa.Column("address", sa.String, nullable=False),
        sa.Column("created_at", sa.BigInteger, nullable=False),
        sa.Column("expires_at", sa.BigInteger, nullable=False),
        sa.Column("interval_s", sa.Integer, nullable=False),
        sa.Column("last_polled_at", sa.BigInteger),
        sa.Column("site_id", sa.String, nullable=False),
        sa.Column("organisation_id", sa.String, nullable=False),
        sa.Column("approved_by", sa.String, nullable=False),
        sa.Column("agent_id", sa.String, nullable=False),
        sa.CheckConstraint("state IN ('waiting', 'approved', 'denied', 'registered')", name="state"),
        sa.CheckConstraint("state IN ('waiting', 'denied') OR site_id <> ''", name="site"),
    )
    op.create_index("ix_site_enrolment_address", "site_enrolment", ["address"])
    op.create_table(
        "site_code_quota",
        sa.Column("key", sa.String, primary_key=True),
        sa.Column("window_started_at", sa.BigInteger, nullable=False),
        sa.Column("count", sa.Integer, nullable=False),
        sa.Column("locked_until", sa.BigInteger),
    )
    op.create_table(
        "site_agent_camera",
        sa.Column("agent_id", sa.String, sa.ForeignKey("site_agent.id"), primary_key=True),
        sa.Column("local_id", sa.String, primary_key=True),
        sa.Column("label", sa.String, nullable=False),
        sa.Column("codec", sa.String, nullable=False),
        sa.Column("width", sa.Integer, nullable=False),
        sa.Column("height", sa.Integer, nullable=False),
        sa.Column("health", sa.String, nullable=False),
        sa.Column("health_since", sa.BigInteger, nullable=False),
        sa.Column("camera_id", sa.String, unique=True),
        sa.Column("is_listed", sa.Boolean, nullable=False),
    )
    op.create_table(
        "site_key_set",
        sa.Column("version", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("sha256", sa.String, nullable=False, unique=True),
        sa.Column("token", sa.String, nullable=False),
        sa.Column("signed_at", sa.BigInteger, nullable=False),
        sa.Column("expires_at", sa.BigInteger, nullable=False),
    )


def downgrade() -> None:
    """Take it back."""
    for table in ("site_key_set", "site_agent_camera", "site_code_quota", "site_enrolment", "site_agent"):
        op.drop_table(table)
