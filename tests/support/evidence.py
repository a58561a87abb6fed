"""A gateway that takes recordings, a fake site that sends them, and tus requests by hand."""

import hashlib
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import anyio
import httpx

from gateway.audit import Query
from gateway.edge.csrf import FormToken
from gateway.evidence import ClipRequest, Evidence, Wanted, build_evidence
from gateway.evidence.routes import evidence_routes
from gateway.kernel.database import Database
from gateway.kernel.principal import Principal, PrincipalKind, Role
from tests.fakes.authenticator import FakeAuthenticator
from tests.fakes.evidence import AGENCY, AGENT, CAMERA, INCIDENT, ORG, FakeConsequences, FakeLaw, FakeSites
from tests.support.application import ORIGIN, app_of, services_for, settings_for

OPERATOR = Principal(
    kind=PrincipalKind.AGENCY,
    person_id="per_" + "o" * 26,
    organisation_id=AGENCY,
    roles=frozenset({Role.OPERATOR}),
)
OWNER = Principal(
    kind=PrincipalKind.PARTNER, person_id="per_" + "p" * 26, organisation_id=ORG, roles=frozenset({Role.OWNER})
)
APPROVAL = {"label": "lenspact/clip/v1", "document": {}, "assertion": {"id": "x"}}
TUS = {"tus-resumable": "1.0.0"}
MIB = 1024 * 1024


class EvidenceGateway:
    """All of evidence on a test's database; `restart` is what a crash and a new start are."""

    def __init__(self, database: Database, folder: Path, clock: Any, ids: Any) -> None:
        self.database, self.folder, self.clock, self.ids = database, folder, clock, ids
        self.law, self.sites, self.people = FakeLaw(), FakeSites(clock), FakeAuthenticator()
        self.consequences = FakeConsequences()
        self.settings = settings_for(folder / "state")
        self.services = services_for(self.settings, database, clock=clock, ids=ids, authenticator=self.people)
        self.restart()

    def restart(self) -> None:
        """Forget everything that was only in memory."""
        services = self.services
        self.evidence: Evidence = build_evidence(
            gateway=ORIGIN,
            public_url=ORIGIN,
            folder=self.folder / "objects",
            secret=services.secret,
            database=self.database,
            audit=services.audit,
            log_reader=services.log_reader,
            law=self.law,
            consequences=self.consequences,
            sites=self.sites,
            clock=self.clock,
            ids=self.ids,
        )
        self.app = app_of(replace(services, evidence=self.evidence, background=()), self.settings, evidence_routes())

    def wanted(self, **changes: Any) -> Wanted:
        """A minute, an hour ago."""
        begin = self.clock.now() - timedelta(hours=1)
        values = {
            "camera_id": CAMERA,
            "t0": begin,
            "t1": begin + timedelta(seconds=60),
            "purpose": "violent_crime",
            "incident_id": INCIDENT,
            "legal_basis": "consent",
        }
        return Wanted(**(values | changes))

    async def asked(self) -> ClipRequest:
        """A request the site keeps footage for."""
        return await self.evidence.ask(OPERATOR, self.wanted())

    async def approved(self) -> ClipRequest:
        """A request the owner said yes to and the site accepted."""
        request = await self.asked()
        return await self.evidence.answer(OWNER, request.id, is_yes=True, approval=APPROVAL)

    async def captured(self, data: bytes, **changes: Any) -> tuple[ClipRequest, str]:
        """A request whose recording, `data`, the site has signed; and the secret of its upload."""
        request = await self.approved()
        values = {"sha256": hashlib.sha256(data).hexdigest(), "size": len(data)} | changes
        token = self.sites.capture(request, gateway=ORIGIN, **values)
        await self.evidence.uploads.captured(AGENT, self.sites.device.public, token)
        return await self.evidence.get(request.id), self.sites.released[-1][2]

    async def received(self, data: bytes) -> ClipRequest:
        """A request whose recording is here."""
        request, secret = await self.captured(data)
        async with self.client(secret) as client:
            place = await create(client, len(data))
            assert (await patch(client, place, 0, data)).status_code == 204
        return await self.evidence.get(request.id)

    async def downloadable(self, data: bytes) -> ClipRequest:
        """A request whose package is sealed."""
        request = await self.received(data)
        await self.settle()
        await self.evidence.tick()
        return await self.evidence.get(request.id)

    async def settle(self) -> None:
        """Sign the log; on a shared PostgreSQL server, others' running transactions may hold it up a moment."""
        with anyio.fail_after(30):
            while True:
                await self.services.sequencer.drain()
                page = await self.services.audit.find(Query())
                if all(entry.index is not None for entry in page.entries):
                    return

    def client(self, secret: str = "", *, session: str = "") -> httpx.AsyncClient:
        """A client that holds a secret, or a session."""
        transport = httpx.ASGITransport(app=self.app, raise_app_exceptions=False, client=("192.0.2.7", 4711))
        headers = {"origin": ORIGIN} | (TUS | {"authorization": f"Bearer {secret}"} if secret else {})
        client = httpx.AsyncClient(transport=transport, base_url=ORIGIN, headers=headers)
        if session:
            client.cookies.set("lenspact", session)
        return client

    def csrf(self, session: str) -> str:
        """The form token of a session."""
        ref = hashlib.sha256(session.encode()).hexdigest()
        key = self.services.secret.key("csrf")
        return FormToken(key=key, session_ref=ref, visit="", ids=self.ids).value

    async def kinds(self, request: ClipRequest) -> list[str]:
        """What the log says of a request, oldest first."""
        page = await self.services.audit.find(Query(streams=frozenset({request.id})))
        return [entry.kind for entry in reversed(page.entries)]


async def create(client: httpx.AsyncClient, length: int) -> str:
    """Create an upload; its path."""
    answer = await client.post("/uploads", headers={"upload-length": str(length)})
    assert answer.status_code == 201, answer.text
    return answer.headers["location"].removeprefix(ORIGIN)


async def patch(client: httpx.AsyncClient, place: str, offset: int, content: Any, **headers: str) -> httpx.Response:
    """Send bytes from `offset` on."""
    own = {"upload-offset": str(offset), "content-type": "application/offset+octet-stream"}
    return await client.patch(
        place, content=content, headers=own | {k.replace("_", "-"): v for k, v in headers.items()}
    )
