"""The compliance officer's desk over HTTP: who may see it, what it says, what it exports."""

import csv
import io
from pathlib import Path
from typing import Any

import pytest

from gateway.audit import Decision, Kind, Query
from gateway.desks.oversight_desk.spreadsheet import safe
from gateway.kernel.principal import PrincipalKind, Role
from partner_agent.verify.cli import main
from tests.fakes.authenticator import FakeAuthenticator
from tests.support.application import app_of, browser, services_for, settings_for
from tests.support.looks import Morning

pytestmark = pytest.mark.anyio


class World:
    """A gateway, its people, a morning."""

    def __init__(self, tmp_path: Path, database: Any, clock: Any, ids: Any) -> None:
        settings = settings_for(tmp_path / "state")
        self.people = FakeAuthenticator()
        self.services = services_for(settings, database, clock=clock, ids=ids, authenticator=self.people)
        self.app = app_of(self.services, settings)
        self.morning = Morning(self.services.database, self.services.audit, ids)

    def compliance(self) -> Any:
        return browser(self.app, session=self.people.sign_in(Role.COMPLIANCE))

    async def page(self, path: str) -> str:
        async with self.compliance() as client:
            answer = await client.get(path)
        assert answer.status_code == 200, answer.text
        return answer.text


@pytest.fixture
async def world(tmp_path: Path, sqlite_database: Any, clock: Any, ids: Any) -> Any:
    """A gateway, closed after the test."""
    world = World(tmp_path, sqlite_database, clock, ids)
    yield world
    await world.services.close()


@pytest.mark.parametrize(
    "path", ["/oversight", "/oversight/entries/ID", "/oversight/entries/ID/file", "/oversight/events"]
)
async def test_only_compliance_may_look(world: World, path: str):
    """Nobody else: not an owner, operator, supervisor or admin; not signed in leads to the sign-in."""
    event_id = await world.morning.view()
    owner = world.people.sign_in(Role.OWNER, kind=PrincipalKind.PARTNER, organisation_id=world.morning.organisation)
    for session in [owner, *(world.people.sign_in(role) for role in (Role.OPERATOR, Role.SUPERVISOR, Role.ADMIN))]:
        async with browser(world.app, session=session) as client:
            answer = await client.get(path.replace("ID", event_id))
            assert answer.status_code == 403
            assert "Diaz" not in answer.text
    async with browser(world.app) as client:
        answer = await client.get(path.replace("ID", event_id))
        assert answer.headers.get("location", "").startswith("/sign-in")


async def test_one_line_says_who_camera_why_decision_duration_and_proof(world: World):
    """A view and its end are one line with everything compliance asks for."""
    await world.morning.view(seconds=42)
    text = await world.page("/oversight")
    for word in ("Robin Diaz", "Front door", "robbery", "26-104417", "Permitted", "42 seconds", "being logged"):
        assert word in text, word
    await world.services.sequencer.drain()

    assert "verifiable" in await world.page("/oversight")


@pytest.mark.parametrize(
    ("outcome", "seconds", "word"),
    [
        (Kind.VIEW_ENDED, None, "Live now"),
        (Kind.VIEW_REFUSED, 0, "Refused by the site"),
        (Kind.VIEW_FAILED, 0, "Could not start"),
        (Kind.VIEW_INTERRUPTED, 7, "Interrupted"),
        (Kind.SESSION_STOPPED, 9, "Stopped by a supervisor"),
    ],
)
async def test_line_says_how_the_view_went_on(world: World, outcome: Kind, seconds: int | None, word: str):
    """Running, refused, failed and interrupted views are told apart."""
    await world.morning.view(outcome=outcome, seconds=seconds)

    assert word in await world.page("/oversight")


async def test_a_view_not_yet_accounted_for_is_timed_by_its_entries(world: World, clock: Any):
    """Until the site's account is there, the line counts from the first picture to the end."""
    session = "ses_" + "5" * 26
    await world.morning.write(Kind.VIEW_REQUESTED, session=session, decision=Decision.PERMIT)
    await world.morning.write(Kind.VIEW_STARTED, session=session)
    clock.advance(17)
    await world.morning.write(Kind.VIEW_ENDED, session=session)

    assert "17 seconds" in await world.page("/oversight")


async def test_denied_look_is_listed_as_such(world: World):
    """What was refused is as visible as what was permitted, and the filter finds it."""
    await world.morning.view()
    denied = await world.morning.write(Kind.VIEW_DENIED, decision=Decision.DENY, reason="outside_hours")
    text = await world.page("/oversight?decision=deny")

    assert text.count("<tr id=") == 1
    assert denied in text
    assert "Not permitted" in text
    assert "outside hours" in text


async def test_filters_and_pages_hold_together(world: World):
    """The next page keeps the filters, and every line is on exactly one page."""
    written = {await world.morning.view() for _ in range(35)}
    await world.morning.write(Kind.CLIP_REQUESTED, decision=Decision.PERMIT)
    first = await world.page(f"/oversight?what=live&camera={world.morning.camera}")
    cursor = first.split("before=")[1].split('"')[0].split("&")[0]
    second = await world.page(f"/oversight?what=live&camera={world.morning.camera}&before={cursor}")
    seen = [line.split('"')[0] for page in (first, second) for line in page.split('<tr id="')[1:]]

    assert len(seen) == len(set(seen))
    assert set(seen) == written


@pytest.mark.parametrize("query", ["what=x", "camera=Lobby", "since=soon", "decision=maybe"])
async def test_wrong_filter_shows_no_list(world: World, query: str):
    """A filter that cannot be read is said beside its field; nothing is listed as if it were unfiltered."""
    await world.morning.view()
    async with world.compliance() as client:
        answer = await client.get(f"/oversight?{query}")

    assert answer.status_code == 400
    assert "<tr id=" not in answer.text
    assert 'role="alert"' in answer.text


async def test_entry_page_opens_and_its_file_holds(world: World, tmp_path: Path):
    """Every detail with salt and fingerprint, how it went on, and a file that verifies offline."""
    event_id = await world.morning.view()
    async with world.compliance() as client:
        assert (await client.get(f"/oversight/entries/{event_id}/file")).status_code == 503
    await world.services.sequencer.drain()
    text = await world.page(f"/oversight/entries/{event_id}")
    entry = await world.services.audit.entry(event_id, is_restricted_visible=True)
    for opening in entry.openings.values():
        assert opening.commitment in text
        assert opening.salt.hex() in text
    assert "View ended" in text
    async with world.compliance() as client:
        file = await client.get(f"/oversight/entries/{event_id}/file")
        missing = await client.get("/oversight/entries/evt_" + "0" * 26)
    path = tmp_path / "entry.json"
    path.write_bytes(file.content)

    assert main(["entry", str(path), "--key", world.services.log_reader.vkey]) == 0
    assert missing.status_code == 404


async def test_erased_details_are_said_to_be_erased(world: World):
    """After an erasure the line stands, without the name, and says so."""
    event_id = await world.morning.write(Kind.VIEW_DENIED, decision=Decision.DENY)
    async with world.services.database.unit_of_work() as unit:
        fields = ["person", "person_name"]
        by = "per_" + "9" * 26
        await world.services.audit.erase(unit, event_id, fields, legal_basis="retention", by_person=by)
        await unit.commit()
    text = await world.page(f"/oversight/entries/{event_id}")

    assert "Diaz" not in text
    assert "details were erased" in text


async def test_hostile_words_are_text(world: World):
    """What somebody wrote into a name is shown, never run."""
    await world.morning.write(Kind.VIEW_DENIED, decision=Decision.DENY, person_name="<script>alert(1)</script>")

    assert "<script>alert(1)" not in await world.page("/oversight")


async def test_export_holds_every_line_and_is_logged_first(world: World):
    """All pages as CSV with the filters of the list; that it was exported, and what, is an entry of the log."""
    for _ in range(33):
        await world.morning.view()
    await world.morning.write(Kind.CLIP_REQUESTED)
    async with world.compliance() as client:
        form = await client.get("/oversight")
        token = form.text.split('name="csrf" value="')[1].split('"')[0]
        answer = await client.post("/oversight/export", data={"csrf": token, "what": "live"})
        refused = await client.post("/oversight/export", data={"csrf": token, "what": "x"})
        untokened = await client.post("/oversight/export", data={"what": "live"})
    rows = list(csv.DictReader(io.StringIO(answer.content.decode("utf-8-sig"))))

    assert len(rows) == 33
    assert rows[0]["person"] == "Robin Diaz"
    assert rows[0]["seconds"] == "42"
    assert refused.status_code == 400
    assert untokened.status_code == 403
    found = (await world.services.audit.find(Query(kinds=frozenset({Kind.ENTRIES_EXPORTED})))).entries
    assert len(found) == 1


@pytest.mark.parametrize("start", ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1", "  =1", "＝1", "\n@x"])
def test_spreadsheet_calculates_nothing(start: str):
    """A cell that a spreadsheet would take for a formula begins with an apostrophe, and holds no line break."""
    assert safe(start).startswith("'")
    assert not set(safe(start)) & set("\t\r\n")


def test_ordinary_text_is_left_alone():
    """Names and numbers stay as they are."""
    assert safe("Robin Diaz") == "Robin Diaz"
    assert safe("42") == "42"
