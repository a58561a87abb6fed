"""The access line and the metrics show traffic, and nobody."""

from typing import Any

import msgspec
import pytest

from gateway.app.api import create_app
from gateway.app.settings import Settings
from gateway.edge.observe import FIELDS, Figure, Metrics, Source
from gateway.kernel.principal import Role
from tests.edge.conftest import ROUTES
from tests.fakes.authenticator import FakeAuthenticator
from tests.support.application import browser, services_for

CANARY = "canary5f2e"


@pytest.mark.anyio
async def test_no_canary_reaches_the_access_line(
    settings: Settings, sqlite_database: Any, clock: Any, ids: Any, authenticator: FakeAuthenticator
):
    """Paths, queries, headers, cookies, bodies, names: none of it is in lines or metrics, whose fields are a list."""
    lines: list[bytes] = []
    services = services_for(settings, sqlite_database, clock=clock, ids=ids, authenticator=authenticator)
    app = create_app(services, settings, routes=ROUTES, write_access_line=lines.append)
    async with browser(app, session=authenticator.sign_in(Role.ADMIN)) as client:
        client.cookies.set("other", CANARY)
        headers = {"authorization": CANARY, "user-agent": CANARY, "x-forwarded-for": CANARY}
        await client.get(f"/fail/{CANARY}?token={CANARY}", headers=headers)
        await client.get(f"/{CANARY}", headers=headers)
        await client.post("/form", data={"name": CANARY}, headers=headers)
        await client.request(CANARY.upper(), "/form")

    text = b"".join(lines).decode() + await services.metrics.page()
    await services.close()
    assert len(lines) == 4
    assert CANARY not in text.lower()
    assert "Robin" not in text
    assert all(tuple(msgspec.json.decode(line)) == FIELDS for line in lines)
    assert msgspec.json.decode(lines[0])["route"] == "/fail/{how}"


@pytest.mark.anyio
async def test_a_source_that_fails_shows_no_number():
    """What cannot be measured is left out and said to be missing; the others are shown as they are."""

    async def works() -> list[Figure]:
        two = [Figure("queue", "What waits.", count, state=state) for state, count in (("a", 2), ("b", 0))]
        return [*two, Figure("lost_total", "What was lost.", 7, "counter"), Figure("lag_seconds", "How late.", 1.25)]

    async def fails() -> list[Figure]:
        raise ConnectionError(CANARY)

    page = await Metrics([Source("works", works), Source("fails", fails)]).page()

    lines = page.splitlines()
    assert 'lenspact_queue{state="a"} 2' in lines
    assert 'lenspact_queue{state="b"} 0' in lines
    assert lines.count("# TYPE lenspact_queue gauge") == 1
    assert "# TYPE lenspact_lost_total counter" in lines
    assert "lenspact_lag_seconds 1.250" in lines
    assert 'lenspact_scrape_failed{state="fails"} 1' in lines
    assert 'lenspact_scrape_failed{state="works"} 0' in lines
    assert CANARY not in page


def test_metrics_are_cumulative():
    """Histogram buckets add up, as the text format demands."""
    metrics = Metrics()
    for duration in (0.001, 0.02, 99.0):
        metrics.observe("GET", "/x", 200, duration)
    text = metrics.text()

    assert 'bucket{route="/x",le="0.005"} 1' in text
    assert 'bucket{route="/x",le="0.025"} 2' in text
    assert 'bucket{route="/x",le="+Inf"} 3' in text
    assert 'requests_total{method="GET",route="/x",status="200"} 3' in text
