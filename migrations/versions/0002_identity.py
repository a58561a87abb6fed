"""Tables of the edge and of identity."""

import sqlalchemy as sa
from alembic import op

revision = "0002_identity"
down_revision = "0001_audit"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Expand."""
    op.create_table(
        "edge_rate_counter",
        sa.Column("key", sa.String(), nullable=False),
        sa.Column("period", sa.BigInteger(), nullable=False),
        sa.Column("count", sa.Integer(), nullable=False),
        sa.Column("until", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("key", "period", name="pk_edge_rate_counter"),
    )
    op.create_index("ix_edge_rate_counter_until", "edge_rate_counter", ["until"])
    op.create_table(
        "edge_pulse",
        sa.Column("id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_edge_pulse"),
    )
    _people()
    _secrets()


def _people() -> None:
    op.create_table(
        "identity_agency",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_identity_agency"),
    )
    op.create_table(
        "identity_person",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("email", sa.String(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("suspended_at", sa.BigInteger(), nullable=True),
        sa.PrimaryKeyConstraint("id", name="pk_identity_person"),
        sa.UniqueConstraint("email", name="uq_identity_person_email"),
    )
    op.create_table(
        "identity_agency_user",
        sa.Column("person_id", sa.String(), nullable=False),
        sa.Column("agency_id", sa.String(), nullable=False),
        sa.Column("roles", sa.String(), nullable=False),
        sa.Column("unit", sa.String(), nullable=False),
        sa.PrimaryKeyConstraint("person_id", name="pk_identity_agency_user"),
        sa.ForeignKeyConstraint(
            ["person_id"],
            ["identity_person.id"],
            ondelete="CASCADE",
            name="fk_identity_agency_user_person_id_identity_person",
        ),
        sa.ForeignKeyConstraint(
            ["agency_id"], ["identity_agency.id"], name="fk_identity_agency_user_agency_id_identity_agency"
        ),
    )
    op.create_table(
        "identity_session",
        sa.Column("ref", sa.String(), nullable=False),
        sa.Column("person_id", sa.String(), nullable=False),
        sa.Column("door", sa.String(), nullable=False),
        sa.Column("factors", sa.String(), nullable=False),
        sa.Column("network", sa.String(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("last_seen_at", sa.BigInteger(), nullable=False),
        sa.Column("idle_until", sa.BigInteger(), nullable=False),
        sa.Column("absolute_until", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("ref", name="pk_identity_session"),
        sa.ForeignKeyConstraint(
            ["person_id"],
            ["identity_person.id"],
            ondelete="CASCADE",
            name="fk_identity_session_person_id_identity_person",
        ),
    )
    op.create_index("ix_identity_session_person_id", "identity_session", ["person_id"])


def _secrets() -> None:
    op.create_table(
        "identity_credential",
        sa.Column("person_id", sa.String(), nullable=False),
        sa.Column("password_hash", sa.String(), nullable=False),
        sa.Column("sealed_seed", sa.LargeBinary(), nullable=False),
        sa.Column("last_step", sa.Integer(), nullable=False),
        sa.Column("enrolled_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("person_id", name="pk_identity_credential"),
        sa.ForeignKeyConstraint(
            ["person_id"],
            ["identity_person.id"],
            ondelete="CASCADE",
            name="fk_identity_credential_person_id_identity_person",
        ),
    )
    op.create_table(
        "identity_link",
        sa.Column("ref", sa.String(), nullable=False),
        sa.Column("purpose", sa.String(), nullable=False),
        sa.Column("person_id", sa.String(), nullable=False),
        sa.Column("next_path", sa.String(), nullable=False),
        sa.Column("sealed_seed", sa.LargeBinary(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("expires_at", sa.BigInteger(), nullable=False),
        sa.Column("used_at", sa.BigInteger(), nullable=True),
        sa.PrimaryKeyConstraint("ref", name="pk_identity_link"),
    )
    op.create_index("ix_identity_link_expires_at", "identity_link", ["expires_at"])
    op.create_table(
        "identity_mail",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("sealed", sa.LargeBinary(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("due_at", sa.BigInteger(), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_identity_mail"),
    )
    op.create_index("ix_identity_mail_due_at", "identity_mail", ["due_at"])


def downgrade() -> None:
    """Take it back."""
    for table in ("mail", "link", "credential", "session", "agency_user", "person", "agency"):
        op.drop_table(f"identity_{table}")
    op.drop_table("edge_pulse")
    op.drop_table("edge_rate_counter")
