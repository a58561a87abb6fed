"""Tables of incidents."""

revision = "0006_incidents"
down_revision = "0005_sites"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Expand."""


def downgrade() -> None:
    """Take it back."""
