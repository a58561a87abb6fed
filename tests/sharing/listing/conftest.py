"""Sharing, for lists."""

import pytest

from tests.support.sharing import sharing_world


@pytest.fixture
def w(database, clock, ids):
    """Sharing on a database of its own."""
    return sharing_world(database, clock=clock, ids=ids)
