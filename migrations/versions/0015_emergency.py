"""Emergency access by two people, and what a view stands on."""

import sqlalchemy as sa
from alembic import op

revision = "0015_emergency"
down_revision = "0014_marks"
branch_labels = None
depends_on = None

ID = 30
OPEN = "state IN ('asked','confirmed')"


def upgrade() -> None:
    """Expand: the code before writes views without the new columns."""
    _confirmations()
    op.add_column("live_session", sa.Column("ground", sa.String(20), nullable=False, server_default=""))
    op.add_column("live_session", sa.Column("second_id", sa.String(ID), nullable=False, server_default=""))


def _confirmations() -> None:
    ids = ("agency_id", "camera_id", "site_id", "organisation_id", "incident_id")
    op.create_table(
        "emergency_confirmation",
        sa.Column("id", sa.String(ID), primary_key=True),
        *(sa.Column(name, sa.String(ID), nullable=False) for name in ids),
        *(sa.Column(name, sa.String(40), nullable=False) for name in ("act", "purpose")),
        *(sa.Column(name, sa.BigInteger) for name in ("t0", "t1")),
        sa.Column("asker_id", sa.String(ID), nullable=False),
        sa.Column("unit", sa.String(80), nullable=False),
        *(sa.Column(name, sa.String(120), nullable=False) for name in ("roles", "factors")),
        sa.Column("session_ref", sa.String(64), nullable=False),
        sa.Column("state", sa.String(12), nullable=False),
        *(sa.Column(name, sa.BigInteger, nullable=False) for name in ("asked_at", "expires_at")),
        sa.Column("second_id", sa.String(ID), nullable=False),
        sa.Column("second_factors", sa.String(120), nullable=False),
        sa.Column("answered_at", sa.BigInteger),
        sa.Column("used_by", sa.String(ID), nullable=False),
        sa.Column("used_at", sa.BigInteger),
        sa.CheckConstraint(
            "state IN ('asked','confirmed','used','declined','lapsed')", name="ck_emergency_confirmation_state"
        ),
        sa.CheckConstraint("second_id <> asker_id", name="ck_emergency_confirmation_second_id"),
        sa.CheckConstraint("(state = 'used') = (used_by <> '')", name="ck_emergency_confirmation_used_by"),
        sa.CheckConstraint(
            "state NOT IN ('confirmed','used','declined') OR second_id <> ''", name="ck_emergency_confirmation_answered"
        ),
    )
    op.create_index(
        "uq_emergency_confirmation_open",
        "emergency_confirmation",
        ["incident_id", "camera_id", "asker_id", "act"],
        unique=True,
        sqlite_where=sa.text(OPEN),
        postgresql_where=sa.text(OPEN),
    )
    op.create_index("ix_emergency_confirmation_state_expires_at", "emergency_confirmation", ["state", "expires_at"])


def downgrade() -> None:
    """Take it back."""
    op.drop_column("live_session", "second_id")
    op.drop_column("live_session", "ground")
    op.drop_table("emergency_confirmation")
