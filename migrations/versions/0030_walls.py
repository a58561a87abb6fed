"""What people choose for their own screens, and an index by the code that pictures carry."""

import sqlalchemy as sa
from alembic import op

revision = "0030_walls"
down_revision = "0031_black_areas"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Expand."""
    op.create_table(
        "identity_preference",
        sa.Column("person_id", sa.String(), nullable=False),
        sa.Column("name", sa.String(40), nullable=False),
        sa.Column("value", sa.String(40), nullable=False),
        sa.ForeignKeyConstraint(
            ["person_id"],
            ["identity_person.id"],
            name="fk_identity_preference_person_id_identity_person",
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("person_id", "name", name="pk_identity_preference"),
    )
    op.create_index("ix_live_session_mark", "live_session", [sa.text("substr(id, 23)")])


def downgrade() -> None:
    """Take it back."""
    op.drop_index("ix_live_session_mark", table_name="live_session")
    op.drop_table("identity_preference")
