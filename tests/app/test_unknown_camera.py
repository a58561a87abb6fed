"""By the real law, over the real API: a camera the caller may not know of is answered like one that does not exist."""

from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from gateway.app.services import Services
from gateway.audit import Query
from gateway.cameras import CameraFacts
from gateway.kernel.database import Database
from gateway.kernel.principal import Role
from gateway.partners import OrganisationKind, Place, Registration, Site
from policies.clauses import Preset, of_preset
from tests.fakes.authenticator import FakeAuthenticator
from tests.fakes.clock import FakeClock
from tests.fakes.ids import SequentialIds
from tests.support.application import agreeing_owner, app_of, browser, csrf_of, services_for, settings_for
from tests.support.live import BROWSER

pytestmark = pytest.mark.anyio
HERE = Place(41.8819, -87.6278)
NOWHERE = "cam_" + "z" * 26


async def home_camera(services: Services) -> str:
    """A camera at a home whose owner shows it only during an incident nearby."""
    wish = Registration(OrganisationKind.RESIDENT, "Kim household", "60 E Benton Pl", "Jae Kim", "jae@home.example")
    await services.partners.register(wish)
    owner = await agreeing_owner(services, wish)
    place = Site("", "", "Home", wish.address, HERE, "America/Chicago", people_live_here=True)
    site = await services.partners.save_site(owner, place, is_new=True)
    camera = await services.cameras.add(owner, site, CameraFacts("Porch", HERE, 0, True, "Parcels"))
    clause = of_preset(Preset.EMERGENCIES, frozenset({camera.id}), is_home=True)
    await services.sharing.save(owner, site.id, [clause], made_from=0)
    return camera.id


@pytest.mark.parametrize("door", ["live", "clip"])
async def test_hidden_and_missing_cameras_get_one_answer(sqlite_database: Database, tmp_path: Path, door: str):
    """Status, sentence, fields and headers are equal, and neither leaves an entry that would tell them apart."""
    settings, people, clock = settings_for(tmp_path / "state"), FakeAuthenticator(), FakeClock()
    services = services_for(settings, sqlite_database, clock=clock, ids=SequentialIds())
    agency = await services.identity.people.ensure_agency("City Police")
    camera = await home_camera(services)
    services = replace(services, authenticator=people, background=())
    session = people.sign_in(Role.OPERATOR, organisation_id=agency.id)
    before = (await services.audit.find(Query(), limit=200)).entries
    answers = []
    async with browser(app_of(services, settings), session=session) as client:
        token = csrf_of(services, session)
        for camera_id in (camera, NOWHERE):
            path, body = _question(door, camera_id, clock)
            answers.append(await client.post(path, json=body, headers={"x-csrf-token": token}))
    hidden, missing = answers
    after = (await services.audit.find(Query(), limit=200)).entries
    await services.close()

    assert hidden.status_code == 404
    assert _comparable(hidden) == _comparable(missing)
    assert camera not in hidden.text
    assert len(after) == len(before)


def _question(door: str, camera_id: str, clock: FakeClock) -> tuple[str, dict[str, Any]]:
    asked: dict[str, Any] = {"camera_id": camera_id, "purpose": "violent_crime"}
    if door == "live":
        return "/api/v1/live-sessions", asked | {"dtls_fingerprint": BROWSER}
    begin = clock.now() - timedelta(hours=1)
    span = {"t0": begin.isoformat(), "t1": (begin + timedelta(minutes=1)).isoformat()}
    return "/api/v1/clip-requests", asked | span


def _comparable(answer: Any) -> tuple[Any, ...]:
    """Everything but the request's own id."""
    headers = {name: value for name, value in answer.headers.items() if name != "x-request-id"}
    body = {name: value for name, value in answer.json().items() if name != "instance"}
    return answer.status_code, headers, body
