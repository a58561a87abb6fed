"""The order or case with which a second person is asked to confirm a recording."""

import sqlalchemy as sa
from alembic import op

revision = "0023_second_basis"
down_revision = "0022_agreement_touch"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Expand: what was asked before was for views."""
    op.add_column("emergency_confirmation", sa.Column("legal_basis", sa.String(200), nullable=False, server_default=""))


def downgrade() -> None:
    """Take it back."""
    op.drop_column("emergency_confirmation", "legal_basis")
