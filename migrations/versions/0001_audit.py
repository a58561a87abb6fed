"""Tables of audit, and the triggers that make the log insert-only."""

import sqlalchemy as sa
from alembic import op

revision = "0001_audit"
down_revision = None
branch_labels = None
depends_on = None

BIG = sa.BigInteger().with_variant(sa.Integer, "sqlite")
FROZEN = ("audit_event", "audit_leaf", "audit_checkpoint")
TABLES = ("audit_cursor", "audit_checkpoint", "audit_tile", "audit_leaf", "audit_detail", "audit_stream", "audit_event")


def upgrade() -> None:
    """Expand."""
    is_postgres = op.get_bind().dialect.name == "postgresql"
    _events(own_xid="(pg_current_xact_id()::text::bigint)" if is_postgres else "0")
    _tree()
    if is_postgres:
        _postgres_triggers()
    else:
        _sqlite_triggers()


def downgrade() -> None:
    """Take it back."""
    for table in TABLES:
        op.drop_table(table)
    if op.get_bind().dialect.name == "postgresql":
        op.execute("DROP FUNCTION audit_refuse")
        op.execute("DROP FUNCTION audit_tile_grows")


def _events(own_xid: str) -> None:
    op.create_table(
        "audit_event",
        sa.Column("seq", BIG, sa.Identity(always=True), primary_key=True),
        sa.Column("xid", sa.BigInteger, nullable=False, server_default=sa.text(own_xid)),
        sa.Column("event_id", sa.String(30), nullable=False),
        sa.Column("once", sa.String(200)),
        sa.Column("kind", sa.String(40), nullable=False),
        sa.Column("decision", sa.String(10), nullable=False),
        sa.Column("at", sa.BigInteger, nullable=False),
        sa.Column("leaf", sa.LargeBinary, nullable=False),
        sa.UniqueConstraint("event_id", name="uq_audit_event_event_id"),
        sa.UniqueConstraint("once", name="uq_audit_event_once"),
        sa.CheckConstraint("length(leaf) <= 8192", name="ck_audit_event_leaf_bytes"),
    )
    op.create_index("ix_audit_event_xid_seq", "audit_event", ["xid", "seq"])
    op.create_index("ix_audit_event_kind_event_id", "audit_event", ["kind", "event_id"])
    op.create_index("ix_audit_event_at", "audit_event", ["at"])
    op.create_table("audit_stream", sa.Column("stream", sa.String(30), primary_key=True), _event_id("audit_stream"))
    op.create_table(
        "audit_detail",
        _event_id("audit_detail"),
        sa.Column("field", sa.String(40), primary_key=True),
        sa.Column("is_restricted", sa.Boolean, nullable=False),
        sa.Column("salt", sa.LargeBinary, nullable=False),
        sa.Column("value", sa.LargeBinary, nullable=False),
    )


def _event_id(table: str) -> sa.Column[str]:
    key = sa.ForeignKey("audit_event.event_id", name=f"fk_{table}_event_id_audit_event")
    return sa.Column("event_id", sa.String(30), key, primary_key=True)


def _tree() -> None:
    op.create_table(
        "audit_leaf",
        sa.Column("leaf_index", sa.BigInteger, primary_key=True, autoincrement=False),
        sa.Column("event_id", sa.String(30), nullable=False),
        sa.Column("leaf_hash", sa.LargeBinary, nullable=False),
        sa.ForeignKeyConstraint(["event_id"], ["audit_event.event_id"], name="fk_audit_leaf_event_id_audit_event"),
        sa.UniqueConstraint("event_id", name="uq_audit_leaf_event_id"),
    )
    op.create_index("ix_audit_leaf_leaf_hash", "audit_leaf", ["leaf_hash"])
    op.create_table(
        "audit_tile",
        sa.Column("level", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("tile_index", sa.BigInteger, primary_key=True, autoincrement=False),
        sa.Column("data", sa.LargeBinary, nullable=False),
    )
    op.create_table(
        "audit_checkpoint",
        sa.Column("tree_size", sa.BigInteger, primary_key=True, autoincrement=False),
        sa.Column("root", sa.LargeBinary, nullable=False),
        sa.Column("note", sa.String, nullable=False),
        sa.Column("at", sa.BigInteger, nullable=False),
    )
    op.create_table(
        "audit_cursor",
        sa.Column("id", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("xid", sa.BigInteger, nullable=False),
        sa.Column("seq", sa.BigInteger, nullable=False),
        sa.Column("xid_offset", sa.BigInteger, nullable=False, server_default=sa.text("0")),
        sa.CheckConstraint("id = 1", name="ck_audit_cursor_one_row"),
    )


def _sqlite_triggers() -> None:
    for table in FROZEN:
        for act in ("UPDATE", "DELETE"):
            op.execute(
                f"CREATE TRIGGER {table}_no_{act.lower()} BEFORE {act} ON {table} "
                f"BEGIN SELECT RAISE(ABORT, '{table} is insert-only'); END"
            )
    op.execute(
        "CREATE TRIGGER audit_tile_no_delete BEFORE DELETE ON audit_tile "
        "BEGIN SELECT RAISE(ABORT, 'audit_tile only grows'); END"
    )
    op.execute(
        "CREATE TRIGGER audit_tile_grows BEFORE UPDATE ON audit_tile "
        "WHEN OLD.level <> NEW.level OR OLD.tile_index <> NEW.tile_index OR length(NEW.data) <= length(OLD.data) "
        "OR substr(NEW.data, 1, length(OLD.data)) <> OLD.data "
        "BEGIN SELECT RAISE(ABORT, 'audit_tile only grows'); END"
    )


def _postgres_triggers() -> None:
    op.execute(
        "CREATE FUNCTION audit_refuse() RETURNS trigger LANGUAGE plpgsql AS $$ "
        "BEGIN RAISE EXCEPTION '% is insert-only', TG_TABLE_NAME; END $$"
    )
    op.execute(
        "CREATE FUNCTION audit_tile_grows() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN "
        "IF OLD.level <> NEW.level OR OLD.tile_index <> NEW.tile_index OR length(NEW.data) <= length(OLD.data) "
        "OR substring(NEW.data from 1 for length(OLD.data)) <> OLD.data "
        "THEN RAISE EXCEPTION 'audit_tile only grows'; END IF; RETURN NEW; END $$"
    )
    for table in FROZEN:
        op.execute(
            f"CREATE TRIGGER {table}_frozen BEFORE UPDATE OR DELETE OR TRUNCATE ON {table} "
            "FOR EACH STATEMENT EXECUTE FUNCTION audit_refuse()"
        )
    op.execute(
        "CREATE TRIGGER audit_tile_frozen BEFORE DELETE OR TRUNCATE ON audit_tile "
        "FOR EACH STATEMENT EXECUTE FUNCTION audit_refuse()"
    )
    op.execute(
        "CREATE TRIGGER audit_tile_grows BEFORE UPDATE ON audit_tile FOR EACH ROW EXECUTE FUNCTION audit_tile_grows()"
    )
