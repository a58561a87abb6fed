"""`/api/v1/live-sessions`, as a page uses it."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest
from litestar import Litestar
from litestar.di import Provide

from gateway.edge.inputs import StrictInputPlugin
from gateway.edge.problems import ProblemHandler
from gateway.edge.requires import undeclared
from gateway.kernel.database import Database
from gateway.kernel.principal import Principal
from gateway.live import LIVE_ROUTES, Words
from gateway.web.scripts import SCRIPT_WORDS
from policies.vocabulary import Remedy
from tests.support.live import BROWSER, CAMERA, INCIDENT, OPERATOR, OTHER, SUPERVISOR, Plane, live_plane

pytestmark = pytest.mark.anyio
PATH = "/api/v1/live-sessions"
WISH = {"camera_id": CAMERA, "purpose": "violent_crime", "incident_id": INCIDENT, "dtls_fingerprint": BROWSER}


@dataclass
class Page:
    """A caller and the plane behind the API."""

    plane: Plane
    http: httpx.AsyncClient
    principal: Principal = OPERATOR

    async def open(self) -> dict[str, Any]:
        """Open a view."""
        response = await self.http.post(PATH, json=WISH)
        assert response.status_code == 201, response.text
        opened: dict[str, Any] = response.json()
        return opened


@pytest.fixture
async def page(sqlite_database: Database, tmp_path: Path) -> AsyncIterator[Page]:
    """The routes over running sessions."""
    async with live_plane(sqlite_database, tmp_path) as plane:
        holder: list[Page] = []
        app = Litestar(
            [*LIVE_ROUTES],
            dependencies={
                "live": Provide(lambda: plane.sessions.live, sync_to_thread=False),
                "live_calls": Provide(lambda: None, sync_to_thread=False),
                "principal": Provide(lambda: holder[0].principal, sync_to_thread=False),
            },
            plugins=[StrictInputPlugin()],
            exception_handlers=ProblemHandler().handlers(),
            openapi_config=None,
        )
        assert undeclared(app) == []
        transport = httpx.ASGITransport(app=app, raise_app_exceptions=False)
        async with httpx.AsyncClient(transport=transport, base_url="http://localhost") as http:
            holder.append(Page(plane, http))
            yield holder[0]


async def test_a_view_is_opened_read_and_left(page: Page):
    """201 with where to call and with what; then its state in words; then 204 and it is over."""
    opened = await page.open()
    assert set(opened) == {"session_id", "whep_url", "ticket", "horizon_at"}
    await page.plane.in_state(opened["session_id"], "accepted")

    read = (await page.http.get(f"{PATH}/{opened['session_id']}")).json()
    assert (read["state"], read["words"], read["purpose"]) == ("accepted", "", "violent_crime")
    assert (await page.http.delete(f"{PATH}/{opened['session_id']}")).status_code == 204
    assert (await page.http.get(f"{PATH}/{opened['session_id']}")).json()["state"] == "ended"


async def test_a_denial_is_a_problem_with_one_sentence(page: Page):
    """403, the remedy in words, and nothing of the reason."""
    page.plane.decider.deny(Remedy.ASK, reason="grantee")

    response = await page.http.post(PATH, json=WISH)

    assert response.status_code == 403
    assert response.json()["detail"] == "Available if the owner agrees."
    assert "grantee" not in response.text


async def test_another_s_view_is_not_there(page: Page):
    """404 for reading, leaving and reporting, as for one that never was."""
    opened = await page.open()
    page.principal = OTHER
    place = f"{PATH}/{opened['session_id']}"

    assert (await page.http.get(place)).status_code == 404
    assert (await page.http.delete(place)).status_code == 404
    assert (await page.http.post(f"{place}/seen", json={"on_screen_s": 1, "enlarged_s": 0})).status_code == 404


async def test_a_supervisor_sees_what_runs_and_stops_it(page: Page):
    """The list names who watches what and why; stop is answered when it is over."""
    opened = await page.open()
    page.principal = SUPERVISOR

    listed = (await page.http.get(PATH)).json()
    assert [view["session_id"] for view in listed] == [opened["session_id"]]
    assert (await page.http.post(f"{PATH}/{opened['session_id']}/stop")).status_code == 204
    assert (await page.http.get(PATH)).json() == []


@pytest.mark.parametrize(
    "changed",
    [
        {"dtls_fingerprint": "AB"},
        {"dtls_fingerprint": None},
        {"opened_by": "nobody"},
        {"camera": "x"},
        {"camera_id": ""},
    ],
)
async def test_wrong_input_is_refused(page: Page, changed: dict[str, Any]):
    """400, and nothing is decided."""
    response = await page.http.post(PATH, json=WISH | changed)

    assert response.status_code == 400
    assert page.plane.decider.asked == []


async def test_seconds_are_reported(page: Page):
    """204; impossible numbers are 400."""
    opened = await page.open()
    place = f"{PATH}/{opened['session_id']}/seen"
    page.plane.clock.advance(20)

    assert (await page.http.post(place, json={"on_screen_s": 9, "enlarged_s": 4})).status_code == 204
    assert (await page.http.post(place, json={"on_screen_s": -1, "enlarged_s": 0})).status_code == 400
    assert (await page.http.post(place, json={"on_screen_s": 1, "enlarged_s": 2})).status_code == 400
    read = (await page.http.get(f"{PATH}/{opened['session_id']}")).json()
    assert (read["on_screen_s"], read["enlarged_s"]) == (9, 4)


def test_every_word_of_an_end_is_known_to_the_page():
    """The page says in the reader's language what the API says in English; a word it does not know stays English."""
    assert {word.value for word in Words if word} <= set(SCRIPT_WORDS)
