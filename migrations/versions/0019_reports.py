"""Reports that are owed after emergency access, and after views where the ordinance says so."""

import sqlalchemy as sa
from alembic import op

revision = "0019_reports"
down_revision = "0018_ordinances"
branch_labels = None
depends_on = None

ID = 30


def upgrade() -> None:
    """Expand."""
    ids = ("agency_id", "subject", "incident_id", "session_id", "camera_id", "organisation_id", "person_id")
    op.create_table(
        "emergency_report",
        sa.Column("id", sa.String(ID), primary_key=True),
        *(sa.Column(name, sa.String(ID), nullable=False) for name in ids),
        *(sa.Column(name, sa.BigInteger, nullable=False) for name in ("owed_at", "due_at")),
        sa.Column("is_overdue_logged", sa.Boolean, nullable=False),
        sa.Column("text", sa.Text, nullable=False),
        sa.Column("written_by", sa.String(ID), nullable=False),
        sa.Column("written_at", sa.BigInteger),
        sa.CheckConstraint("(written_at IS NULL) = (written_by = '')", name="ck_emergency_report_written"),
    )
    open_ones = sa.text("written_at IS NULL")
    op.create_index(
        "uq_emergency_report_open",
        "emergency_report",
        ["agency_id", "subject"],
        unique=True,
        sqlite_where=open_ones,
        postgresql_where=open_ones,
    )
    op.create_index("ix_emergency_report_agency_id_due_at", "emergency_report", ["agency_id", "due_at"])


def downgrade() -> None:
    """Take it back."""
    op.drop_table("emergency_report")
