"""The access line and the metrics show traffic, and nobody."""

from typing import Any

import msgspec
import pytest

from gateway.app.api import create_app
from gateway.app.settings import Settings
from gateway.edge.observe import FIELDS, Metrics
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
    await services.close()

    text = b"".join(lines).decode() + services.metrics.text()
    assert len(lines) == 4
    assert CANARY not in text.lower()
    assert "Robin" not in text
    assert all(tuple(msgspec.json.decode(line)) == FIELDS for line in lines)
    assert msgspec.json.decode(lines[0])["route"] == "/fail/{how}"


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
