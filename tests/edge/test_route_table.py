"""Walks the real application's route table: what holds for every route is tested on every route."""

from typing import Any

import pytest

from gateway.app.settings import Settings
from gateway.edge.requires import ALLOWED, PUBLIC, needs_of, undeclared
from tests.support.application import app_of, services_for


@pytest.mark.anyio
async def test_every_route_declares_a_known_action(settings: Settings, sqlite_database: Any, clock: Any, ids: Any):
    """No handler without an action, no action outside the table."""
    services = services_for(settings, sqlite_database, clock=clock, ids=ids)
    app = app_of(services, settings)
    await services.close()
    handlers = [handler for route in app.routes for handler in getattr(route, "route_handlers", [])]
    declared = {needs_of(handler.opt).action for handler in handlers if handler.http_methods != {"OPTIONS"}}

    assert undeclared(app) == []
    assert declared <= set(ALLOWED) | {PUBLIC}
