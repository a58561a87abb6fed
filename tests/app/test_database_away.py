"""A PostgreSQL that refuses connections, or ends them: every door says to try again, and nothing is internal."""

from pathlib import Path

import anyio
import asyncpg
import pytest

from gateway.app.services import build_services
from gateway.identity import Passwords
from gateway.kernel.database import Database
from gateway.kernel.errors import UnavailableError
from gateway.kernel.postgres_signal import NAME, PostgresSignal
from partner_agent.wire.clock import SystemClock
from tests.support.application import app_of, browser, settings_for
from tests.support.processes import free_port

pytestmark = pytest.mark.anyio

NOBODY_THERE = "postgresql://postgres@127.0.0.1:{port}/lenspact"


async def test_a_database_that_refuses_is_unavailable():
    """Reading, changing and looking at generations say that it cannot be reached, whoever refuses."""
    database = Database(NOBODY_THERE.format(port=free_port()).replace("postgresql", "postgresql+asyncpg"))
    with pytest.raises(UnavailableError, match="cannot be reached, so nothing was changed"):
        async with database.read():
            pass
    with pytest.raises(UnavailableError, match="cannot be reached"):
        async with database.unit_of_work():
            pass
    with pytest.raises(UnavailableError, match="cannot be reached"):
        await database.generations_since(0)
    await database.close()


@pytest.mark.postgres
async def test_a_database_that_is_not_there_is_unavailable(postgres: str):
    """The server answers and has no such database (it is being restored): try again, no internal error."""
    dsn = postgres.replace("postgresql", "postgresql+asyncpg", 1).rsplit("/", 1)[0] + "/lenspact_never_made"
    database = Database(dsn)
    with pytest.raises(UnavailableError, match="cannot be reached"):
        async with database.read():
            pass
    await database.close()


@pytest.mark.parametrize("path", ["/api/v1/incidents", "/portal", "/log/checkpoint"])
async def test_every_door_says_when_to_come_again(tmp_path: Path, path: str):
    """503 with Retry-After, as problem+json for programs and as a page for people."""
    settings = settings_for(tmp_path, database_url=NOBODY_THERE.format(port=free_port()))
    services = build_services(settings, passwords=Passwords(memory_kib=64, passes=1))
    app = app_of(services, settings)
    async with browser(app, session="s" * 43) as client:
        for accept, kind in (("application/json", "application/problem+json"), ("text/html", "text/html")):
            answer = await client.get(path, headers={"accept": accept})
            assert answer.status_code == 503, answer.text
            assert answer.headers["retry-after"] == "5"
            if path == "/portal" or kind != "text/html":
                assert answer.headers["content-type"].startswith(kind)
        assert (await client.get("/healthz")).status_code == 200
        ready = await client.get("/readyz")
        assert ready.status_code == 503
        assert {"database", "freshness"} <= {
            name for name, is_fine in ready.json()["checks"].items() if is_fine != "ok"
        }
    await services.close()


@pytest.mark.postgres
async def test_the_listening_connection_comes_back(postgres: str):
    """Cut by the server, it is there again; what was changed meanwhile wakes the reader once it is."""
    there = Database(postgres.replace("postgresql", "postgresql+asyncpg", 1))
    signal = PostgresSignal(postgres, signal=there.signal, clock=SystemClock())
    admin = await asyncpg.connect(postgres)

    async def pids() -> list[int]:
        mine = "SELECT pid FROM pg_stat_activity WHERE application_name = $1 AND datname = current_database()"
        return [row["pid"] for row in await admin.fetch(mine, NAME)]

    async with anyio.create_task_group() as tasks:
        before = set(await pids())
        with there.generation_news() as news:
            tasks.start_soon(signal.run)
            with anyio.fail_after(10):
                await news.get()
                (first,) = set(await pids()) - before
                await admin.execute("SELECT pg_notify('lenspact_generations', '1')")
                await news.get()
                news.clear()
                await admin.execute("SELECT pg_terminate_backend($1)", first)
                await news.get()
                assert first not in set(await pids()) - before
        tasks.cancel_scope.cancel()
    await admin.close()
    await there.close()
