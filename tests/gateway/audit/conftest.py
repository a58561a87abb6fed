"""A whole log on a test's database."""

import pytest

from gateway.kernel.database import Database
from tests.support.log_bench import LogBench


@pytest.fixture
def bench(database: Database) -> LogBench:
    """On SQLite and on PostgreSQL."""
    return LogBench(database)


@pytest.fixture
def sqlite_bench(sqlite_database: Database) -> LogBench:
    """Where the engine is not the question."""
    return LogBench(sqlite_database)
