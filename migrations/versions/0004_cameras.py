"""Tables of cameras."""

revision = "0004_cameras"
down_revision = "0003_partners"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Expand."""


def downgrade() -> None:
    """Take it back."""
