"""Emergency access, on both databases and on the lighter one."""

import pytest

from tests.support.emergencies import Bench


@pytest.fixture
async def bench(database, clock, ids):
    """On both databases."""
    return Bench(database, clock, ids)


@pytest.fixture
async def lite(sqlite_database, clock, ids):
    """Where the engine is not the question."""
    return Bench(sqlite_database, clock, ids)
