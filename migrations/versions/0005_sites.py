"""Tables of sites."""

revision = "0005_sites"
down_revision = "0004_cameras"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Expand."""


def downgrade() -> None:
    """Take it back."""
