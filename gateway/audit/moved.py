"""Adopts a log whose PostgreSQL database was restored on another server.

The order of the log rests on transaction numbers, which begin anew there; the sequencer notices and stops. Adopting
lifts the new server's numbers above every old one, so that the order goes on; events that were written in between are
numbered after it by `Sequencer.number_stragglers`. It changes no leaf.
"""

from typing import Final

from sqlalchemy import text

from gateway.kernel.database import UnitOfWork
from gateway.kernel.errors import ConflictError

_STATE: Final = text(
    "SELECT coalesce((SELECT max(xid) FROM audit_event), 0) AS last, "
    "coalesce((SELECT xid_offset FROM audit_cursor), 0) AS lifted, "
    "pg_snapshot_xmax(pg_current_snapshot())::text::bigint AS next"
)


async def adopt(unit: UnitOfWork) -> int:
    """Go on from a database that was moved, in the caller's transaction; what was added to transaction numbers.

    Raises:
        ConflictError: it was not moved; nothing was changed.
    """
    if unit.session.get_bind().dialect.name != "postgresql":
        raise ConflictError("Only a PostgreSQL database needs this; nothing was changed.")
    await unit.session.execute(text("LOCK TABLE audit_event IN ACCESS EXCLUSIVE MODE"))
    state = (await unit.session.execute(_STATE)).one()
    if state.next + state.lifted > state.last:
        raise ConflictError("This database was not moved; nothing was changed.")
    offset = int(state.last) + 1
    default = f"((pg_current_xact_id())::text)::bigint + {offset}"
    await unit.session.execute(text(f"ALTER TABLE audit_event ALTER COLUMN xid SET DEFAULT {default}"))
    insert = "INSERT INTO audit_cursor (id, xid, seq, xid_offset) VALUES (1, -1, 0, :offset)"
    await unit.session.execute(
        text(f"{insert} ON CONFLICT (id) DO UPDATE SET xid_offset = :offset"), {"offset": offset}
    )
    return offset
