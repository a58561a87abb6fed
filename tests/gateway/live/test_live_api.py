"""`/api/v1/live-sessions`, as a page uses it."""

from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import pytest

from gateway.edge.requires import undeclared
from gateway.kernel.database import Database
from gateway.kernel.principal import Principal
from gateway.live import Words
from gateway.live.calls import Calls
from gateway.live.relay.protocol import Answer
from gateway.web.scripts import SCRIPT_WORDS
from policies.vocabulary import Remedy
from tests.support.live import (
    BROWSER,
    CAMERA,
    INCIDENT,
    OPERATOR,
    OTHER,
    SUPERVISOR,
    Plane,
    live_plane,
    made_up,
)
from tests.support.live_http import live_app

pytestmark = pytest.mark.anyio
PATH = "/api/v1/live-sessions"
OPENED = {
    "session_id",
    "whep_url",
    "ticket",
    "horizon_at",
    "mark",
    "range_from",
    "range_to",
    "has_sound",
    "may_ask_sound",
}
WISH = {"camera_id": CAMERA, "purpose": "violent_crime", "incident_id": INCIDENT, "dtls_fingerprint": BROWSER}


@dataclass
class FakeRelayCalls:
    """A relay that takes viewers until told otherwise."""

    status: int = 201
    taken: list[tuple[str, str, str]] = field(default_factory=list)

    async def whep(self, session: str, ticket: str, sdp: str) -> Answer:
        self.taken.append((session, ticket, sdp))
        return Answer(re=1, status=self.status, sdp="v=0 answer", resource="call-1", etag='"1"')

    async def whip(self, publication: str, ticket: str, sdp: str) -> Answer:
        raise AssertionError((publication, ticket, sdp))

    async def delete(self, subject: str, resource: str) -> bool:
        raise AssertionError((subject, resource))

    async def patch(self, subject: str, resource: str, tags: list[str], sdp: str) -> Answer:
        raise AssertionError((subject, resource, tags, sdp))


@dataclass
class Page:
    """A caller and the plane behind the API."""

    plane: Plane
    http: httpx.AsyncClient
    principal: Principal = OPERATOR
    calls: FakeRelayCalls = field(default_factory=FakeRelayCalls)

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
        app = live_app(plane, lambda: holder[0].principal, calls=lambda: Calls(relay=holder[0].calls))
        assert undeclared(app) == []
        transport = httpx.ASGITransport(app=app, raise_app_exceptions=False)
        async with httpx.AsyncClient(transport=transport, base_url="http://localhost") as http:
            holder.append(Page(plane, http))
            yield holder[0]


async def test_a_view_is_opened_read_and_left(page: Page):
    """201 with where to call and with what; then its state in words; then 204 and it is over."""
    opened = await page.open()
    assert set(opened) == OPENED
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


def several(*cameras: str, **changes: Any) -> dict[str, Any]:
    """The body that opens a wall."""
    return {"views": [WISH | {"camera_id": camera} | changes for camera in cameras]}


@pytest.mark.parametrize(
    "body",
    [
        {"views": []},
        several(*[made_up("cam", 100 + number) for number in range(17)]),
        several(CAMERA, CAMERA),
        several(CAMERA, offer="v" * 16_385),
        several(CAMERA, ticket="x"),
    ],
)
async def test_a_wall_that_is_none_is_refused(page: Page, body: dict[str, Any]):
    """Nothing, more than sixteen, one camera twice, an offer too long, a field too many: 400, and nothing is asked."""
    assert (await page.http.post(f"{PATH}/several", json=body)).status_code == 400
    assert page.plane.decider.asked == []


async def test_a_wall_is_answered_one_by_one(page: Page):
    """A denial is its status and one sentence; a view comes with what the browser needs to call."""
    page.plane.decider.deny(reason="grantee")
    denied = await page.http.post(f"{PATH}/several", json=several(CAMERA))
    page.plane.decider.answer = None
    opened = await page.http.post(f"{PATH}/several", json=several(CAMERA))

    no = {"view": None, "call": None, "refused": None}
    assert denied.json() == [no | {"status": 403, "detail": "Not available for this purpose."}]
    assert set(opened.json()[0]["view"]) == OPENED
    assert opened.json()[0]["status"] == 201


async def test_an_offer_that_comes_along_calls_the_relay_at_once(page: Page):
    """Its answer comes with the view; where the relay refuses, the view stands without a call, and why is said."""
    taken = (await page.http.post(f"{PATH}/several", json=several(CAMERA, offer="v=0"))).json()[0]
    page.calls.status = 503
    refused = (await page.http.post(f"{PATH}/several", json=several(CAMERA, offer="v=0"))).json()[0]

    name = taken["view"]["session_id"]
    assert taken["call"] == {
        "sdp": "v=0 answer",
        "location": f"/whep/{name}/call-1",
        "etag": '"1"',
        "links": [],
        "pulse_s": 0,
    }
    assert page.calls.taken[0] == (name, taken["view"]["ticket"], "v=0")
    assert (refused["status"], refused["call"]) == (201, None)
    assert refused["refused"] == {"status": 503, "detail": "The relay is full. Try again in a moment."}


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


async def test_the_first_picture_is_bytes_that_are_kept_nowhere(page: Page):
    """With the codec's name for the one who opened the view; 204 where there is none, 404 for anybody else."""
    session = await page.plane.accepted()
    place = f"{PATH}/{session.id}/first-picture"
    none = await page.http.get(place)
    assert (none.status_code, none.content, none.headers["cache-control"]) == (204, b"", "no-store")
    page.plane.relay.picture = b"\0\0\0\1\x67\x42\xe0\x1fs\0\0\0\1\x68p\0\0\0\1\x65\x88"
    page.principal = OTHER
    assert (await page.http.get(place)).status_code == 404
    page.principal = OPERATOR

    given = await page.http.get(place)

    assert (given.status_code, given.content) == (200, page.plane.relay.picture)
    assert given.headers["cache-control"] == "no-store"
    assert (given.headers["content-type"], given.headers["lenspact-codec"]) == ("video/h264", "avc1.42e01f")


async def test_how_large_a_picture_is_shown_reaches_its_site_once(page: Page):
    """Nobody else's view, and no impossible size; the same size is not told again."""
    session = await page.plane.accepted()
    place = f"{PATH}/{session.id}/size"
    page.principal = OTHER
    assert (await page.http.post(place, json={"lines": 720})).status_code == 404
    page.principal = OPERATOR
    assert (await page.http.post(f"{PATH}/ses_0/size", json={"lines": 720})).status_code == 404
    assert (await page.http.post(place, json={"lines": -1})).status_code == 400
    for lines in (180, 720, 720, 0):
        assert (await page.http.post(place, json={"lines": lines})).status_code == 204

    assert page.plane.site.sizes == [180, 720, 0]


def test_every_word_of_an_end_is_known_to_the_page():
    """The page says in the reader's language what the API says in English; a word it does not know stays English."""
    assert {word.value for word in Words if word} <= set(SCRIPT_WORDS)
