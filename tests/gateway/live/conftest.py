"""Live views every test of them may use; a file that wants another sort has a `plane` of its own."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from gateway.kernel.database import Database
from tests.support.live import Plane, live_plane


@pytest.fixture
async def plane(database: Database, tmp_path: Path) -> AsyncIterator[Plane]:
    """Live views on both databases."""
    async with live_plane(database, tmp_path) as running:
        yield running
