"""Tables of evidence."""

revision = "0009_evidence"
down_revision = "0008_live"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Expand."""


def downgrade() -> None:
    """Take it back."""
