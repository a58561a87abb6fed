"""Fixtures every test may use. Outside parts have one fixture each that starts, waits and stops them."""

import shutil
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from anyio.from_thread import BlockingPortal, start_blocking_portal

from tests.fakes.clock import FakeClock
from tests.fakes.ids import SequentialIds

if TYPE_CHECKING:  # the agent's and the verifier's tests run where the gateway's packages are not installed
    from playwright.sync_api import Browser

    from gateway.kernel.database import Database


def pytest_terminal_summary(terminalreporter: Any) -> None:
    """Why tests were skipped, each reason once: it names the line that installs what is missing."""
    skipped = terminalreporter.stats.get("skipped", [])
    reasons = Counter(str(report.longrepr[2]).removeprefix("Skipped: ") for report in skipped)
    for reason, count in sorted(reasons.items()):
        terminalreporter.write_line(f"{count} skipped: {reason}")


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
def ids() -> SequentialIds:
    return SequentialIds()


@pytest.fixture(scope="session")
def postgres() -> Iterator[str]:
    from tests.support import databases

    with databases.postgres_server() as dsn:
        yield dsn


@pytest.fixture(scope="session")
def postgres_template(postgres: str) -> Iterator[str]:
    from tests.support import databases

    name = databases.run(databases.create_database, postgres)
    databases.run(databases.migrate, databases.url_of(postgres, name))
    yield name
    databases.run(databases.drop_database, postgres, name)


@pytest.fixture(scope="session")
def sqlite_template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    from tests.support import databases

    path = tmp_path_factory.mktemp("sqlite") / "template.db"
    databases.run(databases.migrate, f"sqlite+in_loop:///{path}")
    return path


@pytest.fixture(params=["sqlite", pytest.param("postgres", marks=pytest.mark.postgres)])
async def database(request: pytest.FixtureRequest, tmp_path: Path) -> "AsyncIterator[Database]":
    """A migrated database of the test's own, once on SQLite and once on PostgreSQL."""
    from gateway.kernel.database import Database

    if request.param == "sqlite":
        path = tmp_path / "lenspact.db"
        shutil.copy(request.getfixturevalue("sqlite_template"), path)
        database = Database(f"sqlite+in_loop:///{path}")
        yield database
        await database.close()
        return
    async with _on_postgres(request) as database:
        yield database


@asynccontextmanager
async def _on_postgres(request: pytest.FixtureRequest) -> "AsyncIterator[Database]":
    from gateway.kernel.database import Database
    from tests.support import databases

    server = request.getfixturevalue("postgres")
    name = await databases.create_database(server, template=request.getfixturevalue("postgres_template"))
    database = Database(databases.url_of(server, name))
    yield database
    await database.close()
    await databases.drop_database(server, name)


@pytest.fixture
async def postgres_database(request: pytest.FixtureRequest) -> "AsyncIterator[Database]":
    """A migrated PostgreSQL database of the test's own."""
    async with _on_postgres(request) as database:
        yield database


@pytest.fixture
async def sqlite_database(tmp_path: Path, sqlite_template: Path) -> "AsyncIterator[Database]":
    """A migrated SQLite database of the test's own, where the engine is not the question."""
    from gateway.kernel.database import Database

    path = tmp_path / "lenspact.db"
    shutil.copy(sqlite_template, path)
    database = Database(f"sqlite+in_loop:///{path}")
    yield database
    await database.close()


@pytest.fixture(scope="module")
def chromium() -> "Iterator[Browser]":
    """One Chromium for a file."""
    from tests.support.browser import browser

    with browser() as chromium:
        yield chromium


@pytest.fixture(scope="module")
def portal() -> Iterator[BlockingPortal]:
    """An event loop in a thread of its own, for tests that wait for a browser while a server answers it."""
    with start_blocking_portal() as portal:
        yield portal


@pytest.fixture
def served_database(portal: BlockingPortal, tmp_path: Path, sqlite_template: Path) -> "Iterator[Database]":
    """A migrated SQLite database whose connections live in the portal's loop, and are closed there."""
    from gateway.kernel.database import Database

    path = tmp_path / "lenspact.db"
    shutil.copy(sqlite_template, path)
    database = Database(f"sqlite+in_loop:///{path}")
    yield database
    portal.call(database.close)
