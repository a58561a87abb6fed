"""Tables of evidence."""

import sqlalchemy as sa
from alembic import op

revision = "0009_evidence"
down_revision = "0008_live"
branch_labels = None
depends_on = None

TABLES = ("evidence_package", "clip_chunk", "clip_upload", "clip_request")


def upgrade() -> None:
    """Expand."""
    _requests()
    _uploads()
    op.create_table(
        "evidence_package",
        sa.Column("id", sa.String(30), primary_key=True),
        sa.Column("request_id", sa.String(30), nullable=False),
        sa.Column("upload_id", sa.String(30), nullable=False),
        sa.Column("name", sa.String(80), nullable=False),
        sa.Column("head", sa.LargeBinary, nullable=False),
        sa.Column("recording_bytes", sa.BigInteger, nullable=False),
        sa.Column("size_bytes", sa.BigInteger, nullable=False),
        sa.Column("sha256", sa.String(64), nullable=False),
        sa.Column("sealed_at", sa.BigInteger, nullable=False),
        sa.ForeignKeyConstraint(
            ["request_id"], ["clip_request.id"], name="fk_evidence_package_request_id_clip_request"
        ),
        sa.ForeignKeyConstraint(["upload_id"], ["clip_upload.id"], name="fk_evidence_package_upload_id_clip_upload"),
        sa.UniqueConstraint("request_id", name="uq_evidence_package_request_id"),
    )


def downgrade() -> None:
    """Take it back."""
    for table in TABLES:
        op.drop_table(table)


def _requests() -> None:
    ids = ("agency_id", "person_id", "organisation_id", "site_id", "agent_id", "camera_id")
    op.create_table(
        "clip_request",
        sa.Column("id", sa.String(30), primary_key=True),
        *(sa.Column(name, sa.String(30), nullable=False) for name in ids),
        sa.Column("asker", sa.LargeBinary, nullable=False),
        sa.Column("purpose", sa.String(40), nullable=False),
        sa.Column("incident_id", sa.String(30), nullable=False),
        sa.Column("t0", sa.BigInteger, nullable=False),
        sa.Column("t1", sa.BigInteger, nullable=False),
        sa.Column("state", sa.String(20), nullable=False),
        sa.Column("cause", sa.String(40), nullable=False),
        sa.Column("document", sa.LargeBinary, nullable=False),
        sa.Column("document_sha256", sa.String(64), nullable=False),
        sa.Column("approval", sa.LargeBinary),
        sa.Column("session_id", sa.String(30), nullable=False),
        sa.Column("held_until", sa.BigInteger),
        *(sa.Column(name, sa.BigInteger, nullable=False) for name in ("created_at", "expires_at", "changed_at")),
        sa.Column("version", sa.Integer, nullable=False),
        sa.UniqueConstraint("document_sha256", name="uq_clip_request_document_sha256"),
        sa.CheckConstraint("t0 < t1", name="ck_clip_request_range"),
    )
    op.create_index("ix_clip_request_agency_id_id", "clip_request", ["agency_id", "id"])
    op.create_index("ix_clip_request_organisation_id_id", "clip_request", ["organisation_id", "id"])
    op.create_index("ix_clip_request_state_expires_at", "clip_request", ["state", "expires_at"])
    op.create_index("ix_clip_request_session_id", "clip_request", ["session_id"])


def _uploads() -> None:
    op.create_table(
        "clip_upload",
        sa.Column("id", sa.String(30), primary_key=True),
        sa.Column("request_id", sa.String(30), nullable=False),
        sa.Column("token_sha256", sa.String(64), nullable=False),
        sa.Column("state", sa.String(20), nullable=False),
        sa.Column("length", sa.BigInteger, nullable=False),
        sa.Column("received", sa.BigInteger, nullable=False),
        sa.Column("chunks", sa.Integer, nullable=False),
        sa.Column("capture", sa.String, nullable=False),
        sa.Column("agent_jwk", sa.String, nullable=False),
        sa.Column("declared_sha256", sa.String(64), nullable=False),
        sa.Column("wrapped_key", sa.LargeBinary, nullable=False),
        sa.Column("created_at", sa.BigInteger, nullable=False),
        sa.Column("expires_at", sa.BigInteger, nullable=False),
        sa.ForeignKeyConstraint(["request_id"], ["clip_request.id"], name="fk_clip_upload_request_id_clip_request"),
        sa.UniqueConstraint("request_id", name="uq_clip_upload_request_id"),
        sa.UniqueConstraint("token_sha256", name="uq_clip_upload_token_sha256"),
        sa.CheckConstraint("0 <= received AND received <= length", name="ck_clip_upload_received"),
    )
    op.create_table(
        "clip_chunk",
        sa.Column("upload_id", sa.String(30), primary_key=True),
        sa.Column("chunk_index", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("size", sa.Integer, nullable=False),
        sa.Column("nonce", sa.LargeBinary, nullable=False),
        sa.ForeignKeyConstraint(["upload_id"], ["clip_upload.id"], name="fk_clip_chunk_upload_id_clip_upload"),
        sa.UniqueConstraint("nonce", name="uq_clip_chunk_nonce"),
    )
