"""Tables of partners."""

import sqlalchemy as sa
from alembic import op

revision = "0003_partners"
down_revision = "0002_identity"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Expand."""
    op.create_table(
        "partners_organisation",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("address", sa.String(), nullable=False),
        sa.Column("contact_email", sa.String(), nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("withdrawn_at", sa.BigInteger(), nullable=True),
        sa.PrimaryKeyConstraint("id", name="pk_partners_organisation"),
        sa.CheckConstraint("kind IN ('business', 'resident', 'city')", name="ck_partners_organisation_kind"),
        sa.CheckConstraint("state IN ('pending', 'active', 'withdrawn')", name="ck_partners_organisation_state"),
    )
    op.create_table(
        "partners_member",
        sa.Column("organisation_id", sa.String(), nullable=False),
        sa.Column("person_id", sa.String(), nullable=False),
        sa.Column("role", sa.String(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("email", sa.String(), nullable=False),
        sa.PrimaryKeyConstraint("organisation_id", "person_id", name="pk_partners_member"),
        sa.UniqueConstraint("person_id", name="uq_partners_member_person_id"),
        sa.CheckConstraint("role IN ('owner', 'manager', 'answers')", name="ck_partners_member_role"),
        sa.ForeignKeyConstraint(
            ["organisation_id"],
            ["partners_organisation.id"],
            name="fk_partners_member_organisation_id_partners_organisation",
            ondelete="CASCADE",
        ),
    )
    op.create_table(
        "partners_site",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("organisation_id", sa.String(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("address", sa.String(), nullable=False),
        sa.Column("lat", sa.Float(), nullable=False),
        sa.Column("lon", sa.Float(), nullable=False),
        sa.Column("zone", sa.String(), nullable=False),
        sa.Column("people_live_here", sa.Boolean(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_partners_site"),
        sa.ForeignKeyConstraint(
            ["organisation_id"],
            ["partners_organisation.id"],
            name="fk_partners_site_organisation_id_partners_organisation",
            ondelete="CASCADE",
        ),
    )
    op.create_index("ix_partners_site_organisation_id", "partners_site", ["organisation_id"])
    op.create_table(
        "partners_acceptance",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("organisation_id", sa.String(), nullable=False),
        sa.Column("version", sa.String(), nullable=False),
        sa.Column("sha256", sa.String(), nullable=False),
        sa.Column("person_id", sa.String(), nullable=False),
        sa.Column("person_name", sa.String(), nullable=False),
        sa.Column("accepted_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_partners_acceptance"),
        sa.ForeignKeyConstraint(
            ["organisation_id"],
            ["partners_organisation.id"],
            name="fk_partners_acceptance_organisation_id_partners_organisation",
            ondelete="CASCADE",
        ),
    )
    op.create_index("ix_partners_acceptance_organisation_id", "partners_acceptance", ["organisation_id"])


def downgrade() -> None:
    """Take it back."""
    for table in ("partners_acceptance", "partners_site", "partners_member", "partners_organisation"):
        op.drop_table(table)
