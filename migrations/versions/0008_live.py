"""Tables of live."""

revision = "0008_live"
down_revision = "0007_sharing"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Expand."""


def downgrade() -> None:
    """Take it back."""
