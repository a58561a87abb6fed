"""Runs the migrations on an engine: the one way the schema changes, for the program and the tests alike."""

from pathlib import Path

from alembic import command
from alembic.config import Config
from sqlalchemy import Connection
from sqlalchemy.ext.asyncio import AsyncEngine


def config() -> Config:
    """Alembic's configuration; there is no ini file."""
    settings = Config()
    settings.set_main_option("script_location", str(Path(__file__).parent))
    return settings


async def upgrade(engine: AsyncEngine, revision: str = "head") -> None:
    """Bring the database at `engine` to `revision`."""

    def _run(connection: Connection) -> None:
        settings = config()
        settings.attributes["connection"] = connection
        command.upgrade(settings, revision)

    async with engine.connect() as connection:
        await connection.run_sync(_run)
        await connection.commit()


async def downgrade(engine: AsyncEngine, revision: str) -> None:
    """Take the database at `engine` back to `revision`."""

    def _run(connection: Connection) -> None:
        settings = config()
        settings.attributes["connection"] = connection
        command.downgrade(settings, revision)

    async with engine.connect() as connection:
        await connection.run_sync(_run)
        await connection.commit()
