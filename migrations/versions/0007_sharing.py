"""Tables of sharing."""

import sqlalchemy as sa
from alembic import op

revision = "0007_sharing"
down_revision = "0006_incidents"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Expand."""
    op.create_table(
        "sharing_site",
        sa.Column("site_id", sa.String(), nullable=False),
        sa.Column("organisation_id", sa.String(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("clauses", sa.String(), nullable=False),
        sa.Column("off", sa.String(), nullable=False),
        sa.Column("changed_at", sa.BigInteger(), nullable=False),
        sa.Column("pending", sa.String(), nullable=False),
        sa.PrimaryKeyConstraint("site_id", name="pk_sharing_site"),
        sa.CheckConstraint("version >= 1", name="ck_sharing_site_version"),
    )
    op.create_index("ix_sharing_site_organisation_id", "sharing_site", ["organisation_id"])
    op.create_table(
        "sharing_document",
        sa.Column("sha256", sa.String(), nullable=False),
        sa.Column("agent_id", sa.String(), nullable=False),
        sa.Column("site_id", sa.String(), nullable=False),
        sa.Column("lineage", sa.String(), nullable=False),
        sa.Column("seq", sa.Integer(), nullable=False),
        sa.Column("parent_sha256", sa.String(), nullable=False),
        sa.Column("step", sa.String(), nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("raw", sa.String(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("approve_by", sa.BigInteger(), nullable=True),
        sa.Column("answered_at", sa.BigInteger(), nullable=True),
        sa.Column("code", sa.String(), nullable=False),
        sa.PrimaryKeyConstraint("sha256", name="pk_sharing_document"),
        sa.CheckConstraint("step IN ('narrowing', 'proposal')", name="ck_sharing_document_step"),
        sa.CheckConstraint(
            "state IN ('sent', 'acknowledged', 'refused', 'superseded')", name="ck_sharing_document_state"
        ),
    )
    op.create_index("ix_sharing_document_agent_id_state", "sharing_document", ["agent_id", "state"])
    op.create_table(
        "sharing_generation",
        sa.Column("scope", sa.String(), nullable=False),
        sa.Column("counter", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("scope", name="pk_sharing_generation"),
    )
    op.create_table(
        "sharing_switch",
        sa.Column("id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("is_suspended", sa.Boolean(), nullable=False),
        sa.Column("changed_at", sa.BigInteger(), nullable=False),
        sa.Column("changed_by", sa.String(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_sharing_switch"),
        sa.CheckConstraint("id = 1", name="ck_sharing_switch_one"),
    )


def downgrade() -> None:
    """Take it back."""
    for table in ("sharing_switch", "sharing_generation", "sharing_document", "sharing_site"):
        op.drop_table(table)
