"""A gateway that takes recordings."""

from pathlib import Path

import pytest

from gateway.kernel.database import Database
from tests.fakes.clock import FakeClock
from tests.fakes.ids import SequentialIds
from tests.support.evidence import EvidenceGateway


@pytest.fixture
def gateway(database: Database, tmp_path: Path, clock: FakeClock, ids: SequentialIds) -> EvidenceGateway:
    """On SQLite and on PostgreSQL."""
    return EvidenceGateway(database, tmp_path, clock, ids)


@pytest.fixture
def sqlite_gateway(sqlite_database: Database, tmp_path: Path, clock: FakeClock, ids: SequentialIds) -> EvidenceGateway:
    """Where the engine is not the question."""
    return EvidenceGateway(sqlite_database, tmp_path, clock, ids)
