"""Tables of live."""

import sqlalchemy as sa
from alembic import op

revision = "0008_live"
down_revision = "0007_sharing"
branch_labels = None
depends_on = None

ID = 30
SHA256 = 64


def upgrade() -> None:
    """Expand."""
    op.create_table(
        "live_session",
        sa.Column("id", sa.String(ID), primary_key=True),
        *(sa.Column(name, sa.String(ID), nullable=False) for name in ("grant_id", "publication", "camera_id")),
        sa.Column("local_camera", sa.String(80), nullable=False),
        *(sa.Column(name, sa.String(ID), nullable=False) for name in ("site_id", "organisation_id", "agent_id")),
        *(sa.Column(name, sa.String(ID), nullable=False) for name in ("person_id", "agency_id")),
        sa.Column("unit", sa.String(80), nullable=False),
        sa.Column("role", sa.String(40), nullable=False),
        sa.Column("purpose", sa.String(40), nullable=False),
        sa.Column("incident_id", sa.String(ID), nullable=False),
        sa.Column("opened_by", sa.String(10), nullable=False),
        sa.Column("fingerprint", sa.String(95), nullable=False),
        sa.Column("policy_sha256", sa.String(SHA256), nullable=False),
        sa.Column("grant_sha256", sa.String(SHA256), nullable=False),
        sa.Column("state", sa.String(12), nullable=False),
        sa.Column("requested_at", sa.BigInteger, nullable=False),
        sa.Column("horizon_at", sa.BigInteger, nullable=False),
        sa.Column("max_seconds", sa.Integer, nullable=False),
        *(sa.Column(name, sa.BigInteger) for name in ("accepted_at", "established_at", "ended_at")),
        sa.Column("end_reason", sa.String(20), nullable=False),
        sa.Column("site_code", sa.String(40), nullable=False),
        sa.Column("on_screen_s", sa.Integer, nullable=False),
        sa.Column("enlarged_s", sa.Integer, nullable=False),
        sa.Column("relay_seconds", sa.Float),
        sa.Column("relay_bytes", sa.BigInteger),
        sa.Column("site_seconds", sa.Float),
        sa.Column("site_bytes", sa.BigInteger),
        sa.Column("is_reconciled", sa.Boolean, nullable=False),
        *_constraints(),
    )
    op.create_index("ix_live_session_state", "live_session", ["state"])
    op.create_index("ix_live_session_site_id_ended_at", "live_session", ["site_id", "ended_at"])
    for column in ("camera_id", "person_id"):
        op.create_index(f"ix_live_session_{column}_requested_at", "live_session", [column, "requested_at"])


def downgrade() -> None:
    """Take it back."""
    op.drop_table("live_session")


def _constraints() -> tuple[sa.Constraint, ...]:
    states = "'requested','accepted','established','refused','failed','ended'"
    return (
        sa.UniqueConstraint("grant_id", name="uq_live_session_grant_id"),
        sa.CheckConstraint(f"state IN ({states})", name="ck_live_session_state"),
        sa.CheckConstraint("opened_by IN ('person','incident')", name="ck_live_session_opened_by"),
        sa.CheckConstraint(
            "(state IN ('requested','accepted','established')) = (ended_at IS NULL)", name="ck_live_session_ended_at"
        ),
        sa.CheckConstraint("enlarged_s >= 0 AND on_screen_s >= 0", name="ck_live_session_seconds"),
    )
