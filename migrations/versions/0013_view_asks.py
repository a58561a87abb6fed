"""Requests to watch live that are put to a camera's owner: one for each incident and owner."""

import sqlalchemy as sa
from alembic import op

revision = "0013_view_asks"
down_revision = "0012_generations"
branch_labels = None
depends_on = None

ID = 30
SHA256 = 64


def upgrade() -> None:
    """Expand."""
    op.create_table(
        "view_ask",
        sa.Column("id", sa.String(ID), primary_key=True),
        *(sa.Column(name, sa.String(ID), nullable=False) for name in ("incident_id", "organisation_id", "agency_id")),
        *(sa.Column(name, sa.String(ID), nullable=False) for name in ("person_id", "site_id", "agent_id", "camera_id")),
        sa.Column("purpose", sa.String(40), nullable=False),
        sa.Column("state", sa.String(10), nullable=False),
        sa.Column("document", sa.LargeBinary, nullable=False),
        sa.Column("document_sha256", sa.String(SHA256), nullable=False),
        sa.Column("approval", sa.LargeBinary),
        sa.Column("session_id", sa.String(ID), nullable=False),
        *(sa.Column(name, sa.BigInteger, nullable=False) for name in ("created_at", "expires_at")),
        sa.Column("answered_at", sa.BigInteger),
        sa.Column("version", sa.Integer, nullable=False),
        sa.UniqueConstraint("incident_id", "organisation_id", name="uq_view_ask_incident_id_organisation_id"),
        sa.UniqueConstraint("document_sha256", name="uq_view_ask_document_sha256"),
        sa.CheckConstraint("state IN ('asked','approved','opened','declined','lapsed')", name="ck_view_ask_state"),
        sa.CheckConstraint("state NOT IN ('approved','opened') OR approval IS NOT NULL", name="ck_view_ask_approval"),
        sa.CheckConstraint("created_at < expires_at", name="ck_view_ask_life"),
    )
    op.create_index("ix_view_ask_state_expires_at", "view_ask", ["state", "expires_at"])
    op.create_index("ix_view_ask_organisation_id_id", "view_ask", ["organisation_id", "id"])


def downgrade() -> None:
    """Take it back."""
    op.drop_table("view_ask")
