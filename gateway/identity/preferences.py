"""What people choose for their own screens, a name and a value each; nothing is decided by it."""

from typing import Final

from sqlalchemy import select
from sqlmodel import col

from gateway.identity.tables import PreferenceRow
from gateway.kernel.database import Database
from gateway.kernel.errors import InvalidError

LENGTH: Final = 40  # of a name and of a value: a word, not a document


class Preferences:
    """Reads and keeps them."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def read(self, person_id: str, name: str) -> str:
        """What the person chose; empty for nothing."""
        chosen = col(PreferenceRow.person_id) == person_id, col(PreferenceRow.name) == name
        async with self._database.read() as connection:
            return str((await connection.execute(select(col(PreferenceRow.value)).where(*chosen))).scalar() or "")

    async def keep(self, person_id: str, name: str, value: str) -> None:
        """Choose it.

        Raises:
            InvalidError: longer than a word.
        """
        if len(value) > LENGTH:
            raise InvalidError("This is too long.")
        async with self._database.unit_of_work() as unit:
            await unit.session.merge(PreferenceRow(person_id=person_id, name=name, value=value))
            await unit.commit(unaudited="how somebody's own screen is laid out")
