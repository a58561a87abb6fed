"""Approval passkeys of owners."""

import sqlalchemy as sa
from alembic import op

revision = "0010_passkeys"
down_revision = "0009_evidence"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Expand."""
    op.create_table(
        "identity_passkey",
        sa.Column("credential", sa.String(), nullable=False),
        sa.Column("person_id", sa.String(), nullable=False),
        sa.Column("public_key", sa.String(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("suspended_at", sa.BigInteger(), nullable=True),
        sa.PrimaryKeyConstraint("credential", name="pk_identity_passkey"),
        sa.ForeignKeyConstraint(
            ["person_id"],
            ["identity_person.id"],
            ondelete="CASCADE",
            name="fk_identity_passkey_person_id_identity_person",
        ),
    )
    op.create_index("ix_identity_passkey_person_id", "identity_passkey", ["person_id"])


def downgrade() -> None:
    """Take it back."""
    op.drop_table("identity_passkey")
