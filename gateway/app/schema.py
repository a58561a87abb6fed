"""The database's schema and this program's: whether they agree, and how to make them."""

from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection

from gateway.kernel.database import Database
from gateway.kernel.errors import UnavailableError
from migrations.run import config, upgrade

__all__ = ["at_head", "upgrade"]


async def at_head(database: Database) -> None:
    """The schema is the newest this program knows.

    Raises:
        UnavailableError: it is older, or newer.
    """
    head = ScriptDirectory.from_config(config()).get_current_head()

    def _current(connection: Connection) -> str | None:
        return MigrationContext.configure(connection).get_current_revision()

    async with database.read() as connection:
        current = await connection.run_sync(_current)
    if current != head:
        raise UnavailableError(f"the database is at {current}, this program needs {head}: run lenspact migrate")
