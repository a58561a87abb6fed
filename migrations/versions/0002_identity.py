"""Tables of identity."""

revision = "0002_identity"
down_revision = "0001_audit"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Expand."""


def downgrade() -> None:
    """Take it back."""
