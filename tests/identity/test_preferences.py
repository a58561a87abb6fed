"""What people choose for their own screens."""

from datetime import UTC, datetime

import pytest

from gateway.identity.preferences import Preferences
from gateway.identity.tables import PersonRow
from gateway.kernel.database import Database
from gateway.kernel.errors import InvalidError

pytestmark = pytest.mark.anyio
NOW = datetime(2026, 11, 28, tzinfo=UTC)


async def test_a_document_is_no_preference(database: Database):
    """A value is a word: nothing grows here."""
    with pytest.raises(InvalidError):
        await Preferences(database).keep("per_1", "wall", "9" * 41)


async def test_each_person_s_choice_is_their_own(database: Database):
    """Kept, replaced by the next one, and nobody else's; who chose nothing has nothing."""
    ana, bo = "per_1", "per_2"
    async with database.unit_of_work() as unit:
        for person in (ana, bo):
            unit.session.add(PersonRow(id=person, email=f"{person}@example.org", name=person, created_at=NOW))
        await unit.commit(unaudited="a test's people")
    kept = Preferences(database)

    await kept.keep(ana, "wall", "9")
    await kept.keep(ana, "wall", "16")

    assert [await kept.read(person, "wall") for person in (ana, bo)] == ["16", ""]
