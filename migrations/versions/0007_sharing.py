"""Tables of sharing."""

revision = "0007_sharing"
down_revision = "0006_incidents"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Expand."""


def downgrade() -> None:
    """Take it back."""
