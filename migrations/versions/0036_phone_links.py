"""Links to phones, and on whose phone a view is shown."""

import sqlalchemy as sa
from alembic import op

revision = "0036_phone_links"
down_revision = "0035_live_sound"
branch_labels = None
depends_on = None
_OPENED = "(opened_at IS NULL) = (device_sha256 = '') AND (opened_at IS NULL) = (ends_at IS NULL)"


def upgrade() -> None:
    """Expand: every view so far was shown to whoever opened it."""
    op.create_table(
        "live_phone_link",
        sa.Column("id", sa.String(30), nullable=False),
        sa.Column("secret_sha256", sa.String(64), nullable=False),
        sa.Column("person_id", sa.String(30), nullable=False),
        sa.Column("agency_id", sa.String(30), nullable=False),
        sa.Column("factors", sa.String(80), nullable=False),
        sa.Column("sent_from", sa.String(30), nullable=False),
        sa.Column("camera_id", sa.String(30), nullable=False),
        sa.Column("site_id", sa.String(30), nullable=False),
        sa.Column("organisation_id", sa.String(30), nullable=False),
        sa.Column("purpose", sa.String(40), nullable=False),
        sa.Column("incident_id", sa.String(30), nullable=False),
        sa.Column("recipient", sa.String(80), nullable=False),
        sa.Column("lasts_s", sa.Integer(), nullable=False),
        sa.Column("made_at", sa.BigInteger(), nullable=False),
        sa.Column("open_until", sa.BigInteger(), nullable=False),
        sa.Column("opened_at", sa.BigInteger()),
        sa.Column("device_sha256", sa.String(64), nullable=False),
        sa.Column("ends_at", sa.BigInteger()),
        sa.Column("session_id", sa.String(30), nullable=False),
        sa.Column("ended_at", sa.BigInteger()),
        sa.Column("end_reason", sa.String(20), nullable=False),
        sa.CheckConstraint("lasts_s > 0 AND made_at < open_until", name="ck_live_phone_link_life"),
        sa.CheckConstraint(_OPENED, name="ck_live_phone_link_opened"),
        sa.CheckConstraint("(ended_at IS NULL) = (end_reason = '')", name="ck_live_phone_link_ended"),
        sa.PrimaryKeyConstraint("id", name="pk_live_phone_link"),
    )
    op.create_index("ix_live_phone_link_person_id_made_at", "live_phone_link", ["person_id", "made_at"])
    op.add_column("live_session", sa.Column("shown_to", sa.String(80), nullable=False, server_default=""))


def downgrade() -> None:
    """Take it back."""
    op.drop_column("live_session", "shown_to")
    op.drop_index("ix_live_phone_link_person_id_made_at", table_name="live_phone_link")
    op.drop_table("live_phone_link")
