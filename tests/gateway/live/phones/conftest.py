"""A street on both databases."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from gateway.kernel.database import Database
from tests.support.live import live_plane
from tests.support.street import Street


@pytest.fixture
async def street(database: Database, tmp_path: Path) -> AsyncIterator[Street]:
    """On both databases."""
    async with live_plane(database, tmp_path) as plane:
        yield Street(plane)
