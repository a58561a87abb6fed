"""The door for dispatch feeds: by key only, strict, repeatable, problems as problem+json."""

from pathlib import Path

import pytest

from gateway.kernel.database import Database
from gateway.kernel.principal import SYSTEM
from tests.fakes.clock import FakeClock
from tests.fakes.ids import SequentialIds
from tests.support.application import app_of, browser, services_for, settings_for

pytestmark = pytest.mark.anyio
AGENCY = "age_" + "1" * 26
BODY = {"kind": "robbery", "origin": "cad", "number": "C-1", "lat": 41.8819, "lon": -87.6278, "address": "State St"}
PATH = "/api/v1/feeds/incidents"


@pytest.fixture
async def api(tmp_path: Path, sqlite_database: Database, clock: FakeClock, ids: SequentialIds):
    """The application and the key of a feed."""
    settings = settings_for(tmp_path / "state")
    services = services_for(settings, sqlite_database, clock=clock, ids=ids)
    key = await services.incidents.add_feed(AGENCY, "county-cad", by=SYSTEM)
    async with browser(app_of(services, settings)) as client:
        client.headers["accept"] = "application/json"
        yield client, {"authorization": f"Bearer {key}"}
    await services.close()


async def test_a_repeated_message_is_one_incident_that_may_move(api):
    """The same message twice changes nothing; one from another place moves the incident."""
    client, key = api
    opened = await client.post(PATH, json=BODY, headers=key)
    again = await client.post(PATH, json=BODY, headers=key)
    moved = await client.post(PATH, json=BODY | {"lat": 41.89}, headers=key)

    assert (opened.status_code, again.json()) == (200, opened.json())
    assert moved.json()["id"] == opened.json()["id"]
    assert moved.json()["lat"] == 41.89


async def test_without_a_key_there_is_no_way_in(api):
    """No key, a wrong key, and a browser's session are all 401."""
    client, _ = api
    for headers in ({}, {"authorization": "Bearer lpk_wrong"}, {"cookie": "lenspact=session"}):
        answer = await client.post(PATH, json=BODY, headers=headers)
        assert answer.status_code == 401
        assert answer.headers["content-type"] == "application/problem+json"


async def test_the_console_s_door_is_not_the_feed_s(api):
    """A feed's key opens nothing else."""
    client, key = api
    for path in ("/api/v1/incidents", "/portal", "/console"):
        assert (await client.get(path, headers=key)).status_code in {401, 404}


@pytest.mark.parametrize(
    "body",
    [
        {},
        BODY | {"kind": "gossip"},
        BODY | {"origin": "hand"},
        BODY | {"extra": 1},
        BODY | {"priority": 0},
        BODY | {"priority": "1"},
        BODY | {"number": "x" * 41},
        BODY | {"lat": 91},
        BODY | {"lat": "41"},
        BODY | {"address": "x" * 300},
    ],
)
async def test_what_does_not_fit_is_refused(api, body):
    """A problem, never a stack trace, and nothing is opened."""
    client, key = api
    answer = await client.post(PATH, json=body, headers=key)

    assert answer.status_code in {400, 403}
    assert answer.headers["content-type"] == "application/problem+json"
    assert "Traceback" not in answer.text
