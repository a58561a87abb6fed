"""Live views of a camera whose owner wants to be asked."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from gateway.kernel.database import Database
from tests.support.live import (
    Plane,
    live_plane,
)


@pytest.fixture
async def plane(database: Database, tmp_path: Path) -> AsyncIterator[Plane]:
    """Live views on both databases, of a camera whose owner wants to be asked."""
    async with live_plane(database, tmp_path) as running:
        running.decider.needs_yes = True
        yield running
