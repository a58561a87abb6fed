"""The readiness probe of the database."""

from sqlalchemy import text

from gateway.kernel.database import Database
from partner_agent.wire.clock import Clock, to_ms

_PULSE = text("INSERT INTO edge_pulse (id, at) VALUES (1, :at) ON CONFLICT (id) DO UPDATE SET at = :at")


async def database_is_writable(database: Database, clock: Clock) -> None:
    """Write a row and commit: a full disk, a read-only mount or a lost server fails here."""
    async with database.unit_of_work() as unit:
        await unit.session.execute(_PULSE, {"at": to_ms(clock.now())})
        await unit.commit(unaudited="proof that the database is writable")
