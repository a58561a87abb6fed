"""The real application on a database of its own, and people who can sign in."""

import re
from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from email import message_from_bytes, policy
from pathlib import Path
from typing import Any

import httpx
import pytest

from gateway.app.services import Services
from gateway.app.settings import Settings
from gateway.identity import IdentityParts, Membership, Passwords, SpoolMailer, build_identity, load_blocklist, totp
from gateway.kernel.database import Database
from gateway.kernel.principal import Role
from tests.fakes.clock import FakeClock
from tests.fakes.ids import SequentialIds
from tests.fakes.memberships import FakeMemberships
from tests.support.application import app_of, browser, services_for, settings_for

PASSWORD = "seven quiet lanterns"
ORGANISATION = "org_" + "0" * 25 + "1"


@dataclass
class Gateway:
    """One gateway with its clock, and what a person outside can reach of it."""

    services: Services
    settings: Settings
    app: Any
    clock: FakeClock
    memberships: FakeMemberships

    def browser(self, session: str = "") -> Any:
        return browser(self.app, session=session)

    async def mails(self) -> list[Any]:
        await self.services.identity.outbox.deliver_due()
        files = sorted((self.settings.state_dir / "spool").glob("*.eml"))
        return [message_from_bytes(file.read_bytes(), policy=policy.default) for file in files]

    async def newest_link(self) -> str:
        text = (await self.mails())[-1].get_content()
        found = re.search(r"http://localhost:8080(/\S+)", text)
        assert found
        return found.group(1)

    async def owner(self, email: str = "owner@shop.example") -> str:
        """A person of a partner; returns the id."""
        async with self.services.database.unit_of_work() as unit:
            person_id = await self.services.identity.person_for(unit, email=email, name="Rosa Owner")
            await unit.commit(unaudited="may be there already")
        self.memberships.held[person_id] = Membership(ORGANISATION, frozenset({Role.OWNER}))
        return person_id

    async def enrol(self, email: str = "admin@city.example", *roles: Role) -> tuple[str, bytes]:
        """A person of the agency with password and code; returns the session and the seed."""
        people = self.services.identity.people
        url = await people.invite_first_admin(email=email, name="Sam Keller")
        if roles:
            person = await people._store.person_at(email)
            held = await people._store.agency_membership(person.id)
            async with self.services.database.unit_of_work() as unit:
                changed = Membership(held.organisation_id, frozenset(roles), "rtcc")
                await people._store.put_agency_membership(unit, person.id, changed)
                await unit.commit(unaudited="test")
        async with self.browser() as client:
            token = await open_form(client, "/sign-in/invitation/" + url.rsplit("/", 1)[1])
            await client.post("/sign-in/invitation/" + url.rsplit("/", 1)[1], data={"csrf": token})
            page = await client.get("/sign-in/enrol")
            seed = read_seed(page.text)
            form = {"csrf": csrf_of(page.text), "password": PASSWORD, "code": self.code(seed)}
            answer = await client.post("/sign-in/enrol", data=form)
            assert answer.status_code == 303, answer.text
            return client.cookies["lenspact"], seed

    def code(self, seed: bytes) -> str:
        return totp.code_at(seed, totp.step_at(self.clock.now()))


def csrf_of(html: str) -> str:
    found = re.search(r'name="csrf" value="([^"]+)"', html)
    assert found, html
    return found.group(1)


def read_seed(html: str) -> bytes:
    import base64

    found = re.search(r'id="seed">([A-Z2-7 ]+)<', html)
    assert found
    text = found.group(1).replace(" ", "")
    return base64.b32decode(text + "=" * (-len(text) % 8))


async def open_form(client: httpx.AsyncClient, path: str) -> str:
    return csrf_of((await client.get(path)).text)


async def submit(client: httpx.AsyncClient, path: str, data: dict[str, Any], *, to: str = "") -> httpx.Response:
    """Open the page at `path` as a person does, and send its form."""
    return await client.post(to or path, data=data | {"csrf": await open_form(client, path)})


async def make_gateway(tmp_path: Path, database: Database, clock: FakeClock, ids: SequentialIds) -> Gateway:
    settings = settings_for(tmp_path / "state")
    memberships = FakeMemberships()
    services = services_for(settings, database, clock=clock, ids=ids)
    parts = IdentityParts(
        database=services.database,
        log=services.audit,
        memberships=memberships,
        mailer=SpoolMailer(settings.state_dir / "spool", sender="lenspact@localhost", clock=clock, ids=ids),
        bus=services.bus,
        origin=settings.origin,
        key=b"k" * 32,
        limiter=services.rate_limiter,
        blocklist=load_blocklist(),
        passwords=Passwords(memory_kib=64, passes=1),
        clock=clock,
        ids=ids,
    )
    identity = build_identity(parts)
    services = replace(services, identity=identity, authenticator=identity.sessions)
    await identity.people.ensure_agency("City Police")
    return Gateway(services, settings, app_of(services, settings), clock, memberships)


@pytest.fixture
async def gateway(
    tmp_path: Path, sqlite_database: Database, clock: FakeClock, ids: SequentialIds
) -> AsyncIterator[Gateway]:
    made = await make_gateway(tmp_path, sqlite_database, clock, ids)
    yield made
    await made.services.close()


@pytest.fixture
async def both_gateways(
    tmp_path: Path, database: Database, clock: FakeClock, ids: SequentialIds
) -> AsyncIterator[Gateway]:
    """The same on SQLite and on PostgreSQL, where the engine is the question."""
    made = await make_gateway(tmp_path, database, clock, ids)
    yield made
    await made.services.close()
