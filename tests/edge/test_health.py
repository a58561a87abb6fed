"""Readiness is told truthfully."""

from typing import Any

import anyio
import pytest
from sqlalchemy import text

from gateway.app.settings import Settings
from gateway.edge.health import Probe, readiness
from gateway.kernel.database import Database
from tests.support.application import app_of, browser, services_for

pytestmark = pytest.mark.anyio


async def test_each_check_is_told(settings: Settings, database: Database, clock: Any, ids: Any):
    """A writable database at head and a signed log are fine on both engines, by any Host; a missing relay is told."""
    services = services_for(settings, database, clock=clock, ids=ids)
    await services.sequencer.run_once()  # a log that was never signed is not ready
    async with browser(app_of(services, settings)) as client:
        answer = await client.get("/readyz", headers={"host": "10.0.0.3"})
        alive = await client.get("/healthz")
    await services.close()

    assert answer.status_code == 503  # no relay runs here; that everything is ready is tried on the running program
    fine = dict.fromkeys(("database", "migrations", "log", "freshness", "ordinance"), "ok")
    assert answer.json()["checks"] == {**fine, "relay": "failing"}
    assert alive.status_code == 200


async def test_old_schema_is_not_ready(settings: Settings, database: Database, clock: Any, ids: Any):
    """A database behind the program answers 503 and names the check."""
    async with database.unit_of_work() as unit:
        await unit.session.execute(text("UPDATE alembic_version SET version_num = '0001_audit'"))
        await unit.commit(unaudited="test")
    services = services_for(settings, database, clock=clock, ids=ids)
    async with browser(app_of(services, settings)) as client:
        answer = await client.get("/readyz")
    await services.close()

    assert answer.status_code == 503
    assert answer.json()["checks"]["migrations"] == "failing"
    assert "0001" not in answer.text


async def test_late_or_failing_probe_is_a_no():
    """A probe that hangs or raises is a no, and does not hold up the others."""

    async def hang() -> None:
        await anyio.sleep_forever()

    async def fail() -> None:
        raise OSError("down")

    async def fine() -> None:
        return None

    checks = await readiness([Probe("hangs", hang), Probe("fails", fail), Probe("works", fine)])

    assert checks == {"hangs": False, "fails": False, "works": True}
