"""The capability on a test's database."""

from pathlib import Path

import pytest

from gateway.kernel.database import Database
from tests.support.site_bench import SiteBench


@pytest.fixture
def bench(database: Database, tmp_path: Path) -> SiteBench:
    """On SQLite and on PostgreSQL."""
    return SiteBench(database, tmp_path)


@pytest.fixture
def lite(sqlite_database: Database, tmp_path: Path) -> SiteBench:
    """Where the engine is not the question."""
    return SiteBench(sqlite_database, tmp_path)
