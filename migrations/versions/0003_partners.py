"""Tables of partners."""

revision = "0003_partners"
down_revision = "0002_identity"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Expand."""


def downgrade() -> None:
    """Take it back."""
