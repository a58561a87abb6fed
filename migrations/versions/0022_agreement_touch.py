"""An owner's signature under the agreement, made with an approval passkey over the version's digest."""

import sqlalchemy as sa
from alembic import op

revision = "0022_agreement_touch"
down_revision = "0022_on_behalf"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Expand: what was accepted before was accepted by the session alone."""
    op.add_column("partners_acceptance", sa.Column("touch", sa.Text(), nullable=False, server_default=""))


def downgrade() -> None:
    """Take it back."""
    op.drop_column("partners_acceptance", "touch")
