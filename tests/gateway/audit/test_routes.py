"""The log over HTTP: what everybody may fetch holds offline, what only compliance may read stays closed to others."""

from pathlib import Path
from typing import Any

import pytest

from gateway.audit import Decision, Kind, LeafDraft, export_log
from gateway.kernel.principal import PrincipalKind, Role
from partner_agent.verify.cli import main
from tests.fakes.authenticator import FakeAuthenticator
from tests.support.application import app_of, browser, services_for, settings_for

pytestmark = pytest.mark.anyio
CAMERA, ORG = "cam_" + "1" * 26, "org_" + "1" * 26


class Site:
    """A gateway with some entries."""

    def __init__(self, tmp_path: Path, database: Any, clock: Any, ids: Any) -> None:
        settings = settings_for(tmp_path / "state")
        self.people = FakeAuthenticator()
        self.services = services_for(settings, database, clock=clock, ids=ids, authenticator=self.people)
        self.app = app_of(self.services, settings)

    async def write(self, kind: Kind = Kind.VIEW_REQUESTED, decision: Decision = Decision.PERMIT) -> str:
        draft = LeafDraft(
            kind=kind,
            decision=decision,
            streams=frozenset({CAMERA, ORG}),
            details={"camera": CAMERA},
            restricted={"person_name": "R. Diaz"},
        )
        async with self.services.database.unit_of_work() as unit:
            ref = await self.services.audit.append(unit, draft)
            await unit.commit()
        return ref.event_id

    def compliance(self) -> Any:
        return browser(self.app, session=self.people.sign_in(Role.COMPLIANCE))


@pytest.fixture
async def site(tmp_path: Path, sqlite_database: Any, clock: Any, ids: Any) -> Any:
    """A gateway, closed after the test."""
    site = Site(tmp_path, sqlite_database, clock, ids)
    yield site
    await site.services.close()


async def test_unsigned_log_is_unavailable(site: Site):
    """Before the first checkpoint: 503, try again."""
    async with browser(site.app) as client:
        assert (await client.get("/log/checkpoint")).status_code == 503


async def test_fetched_log_verifies_offline(site: Site, tmp_path: Path):
    """Anybody, not signed in, fetches checkpoint, tiles and entries, and they hold."""
    for _ in range(5):
        await site.write()
    await site.services.sequencer.drain()
    folder = tmp_path / "fetched"
    async with browser(site.app) as client:
        for name in ("checkpoint", "tile/0/000.p/5", "tile/entries/000.p/5", "key"):
            answer = await client.get(f"/log/{name}")
            assert answer.status_code == 200, name
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            (folder / name).write_bytes(answer.content)

    assert main(["log", str(folder), "--key", str(folder / "key")]) == 0


@pytest.mark.parametrize("path", ["tile/0/000.p/6", "tile/0/000", "tile/9/000.p/1", "tile/0/0", "tile/x/y", "tile/"])
async def test_no_such_tile_is_not_found(site: Site, path: str):
    """Tiles the signed head does not cover, and other spellings, do not exist."""
    await site.write()
    await site.services.sequencer.drain()
    async with browser(site.app) as client:
        assert (await client.get(f"/log/{path}")).status_code == 404


async def test_entries_are_for_compliance_alone(site: Site):
    """Nobody, owners, operators, supervisors and admins may not read the entries."""
    event_id = await site.write()
    paths = ["/api/v1/audit/entries", f"/api/v1/audit/entries/{event_id}", f"/api/v1/audit/entries/{event_id}/proof"]
    owner = site.people.sign_in(Role.OWNER, kind=PrincipalKind.PARTNER, organisation_id=ORG)
    others = [site.people.sign_in(role) for role in (Role.OPERATOR, Role.SUPERVISOR, Role.ADMIN)]
    for session, status in [("", 401), (owner, 403), *((other, 403) for other in others)]:
        async with browser(site.app, session=session) as client:
            for path in paths:
                answer = await client.get(path)
                assert answer.status_code == status, (path, answer.text)
                assert "Diaz" not in answer.text


async def test_compliance_filters_and_pages(site: Site):
    """Filters narrow, the cursor leads on, and details are opened."""
    denied = await site.write(Kind.VIEW_DENIED, Decision.DENY)
    others = [await site.write() for _ in range(3)]
    async with site.compliance() as client:
        first = (await client.get("/api/v1/audit/entries", params={"limit": "2"})).json()
        rest = (await client.get("/api/v1/audit/entries", params={"limit": "2", "before": first["next"]})).json()
        only = (await client.get("/api/v1/audit/entries", params={"decision": "deny", "camera": CAMERA})).json()

    assert [entry["id"] for entry in first["entries"] + rest["entries"]] == [*reversed(others), denied]
    assert rest["next"] is None
    assert [entry["id"] for entry in only["entries"]] == [denied]
    assert only["entries"][0]["details"]["person_name"] == "R. Diaz"


@pytest.mark.parametrize(
    "filter_",
    [
        {"camera": "Lobby"},
        {"kind": "nothing"},
        {"decision": "maybe"},
        {"since": "yesterday"},
        {"until": "2026-11-22T10:00:00"},
        {"colour": "red"},
        {"limit": "many"},
    ],
)
async def test_filter_that_cannot_be_read_is_named(site: Site, filter_: dict[str, str]):
    """A wrong filter is an error that names it, never an unfiltered list."""
    async with site.compliance() as client:
        answer = await client.get("/api/v1/audit/entries", params=filter_)

    assert answer.status_code == 400
    assert [error["field"] for error in answer.json()["errors"]] == list(filter_)


async def test_downloaded_entry_verifies_offline(site: Site, tmp_path: Path):
    """Promised only: 503, later. In the log: a file that holds."""
    event_id = await site.write()
    async with site.compliance() as client:
        assert (await client.get(f"/api/v1/audit/entries/{event_id}/proof")).status_code == 503
        await site.services.sequencer.drain()
        answer = await client.get(f"/api/v1/audit/entries/{event_id}/proof")
    path = tmp_path / "entry.json"
    path.write_bytes(answer.content)

    assert main(["entry", str(path), "--key", site.services.log_reader.vkey]) == 0


async def test_exported_log_verifies_offline_and_grows(site: Site, tmp_path: Path):
    """An export holds, and a later export into the same folder too."""
    folder = tmp_path / "export"
    for count in (300, 3):
        for _ in range(count):
            await site.write()
        await site.services.sequencer.drain()
        await export_log(site.services.log_reader, folder)

        assert main(["log", str(folder), "--key", site.services.log_reader.vkey]) == 0
