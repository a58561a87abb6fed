"""A real camera, agent process and gateway: from an operator's question to a package that holds offline."""

import io
import tarfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import anyio
import av
import pytest

from gateway.audit import Query
from gateway.cameras import Camera, CameraFacts
from gateway.evidence import ClipRequest, ClipState, Wanted
from gateway.identity import Membership
from gateway.kernel.database import Database
from gateway.kernel.errors import PreconditionError
from gateway.kernel.principal import Principal
from gateway.partners import Place
from gateway.sites import Progress
from partner_agent.simulator.camera import Camera as SimulatedCamera
from partner_agent.verify.package import check_package
from partner_agent.wire.documents import CLIP_LABEL, VIEW_LABEL
from policies.clauses import Clause, Live, Recordings, Where
from tests.support import cameras
from tests.support.agent_process import PIN, AgentProcess
from tests.support.pinned import pinned_passkey
from tests.support.sharing import operator
from tests.support.site_server import SiteServer, site_server

pytestmark = [pytest.mark.anyio, pytest.mark.slow]


class RecordingAgent(AgentProcess):
    """An agent with one camera that answers, and a ring."""

    def __init__(self, folder: Path, gateway: str, port: int) -> None:
        super().__init__(folder, gateway, ("door",))
        text = self.config.read_text().replace("rtsp://127.0.0.1:9/x", f"rtsp://127.0.0.1:{port}/cam1/main")
        text = text.replace("is_recorded = false", f'user = "{cameras.USER}"\npassword = "{cameras.PASSWORD}"')
        self.config.write_text("ring_bytes = 100000000\n" + text)


@asynccontextmanager
async def recording_site(
    database: Database, folder: Path, recordings: Recordings, *, live: Live = Live.ALWAYS, emergency: bool = False
) -> AsyncIterator[Any]:
    """A shop whose door is recorded and shared with this answer; its first document is approved on site."""
    stream = cameras.small_stream(cameras.make_film(folder / "film.mp4"), folder / "loops")
    simulated = SimulatedCamera("cam1", {"main": stream}, cameras.USER, cameras.PASSWORD)
    async with cameras.camera_server(simulated) as port, site_server(database, folder) as server:
        agent = RecordingAgent(folder / "agent", server.url, port)
        await server.until_key_set()
        async with agent.enrolling() as (code, finish):
            await server.approve(code)
            await finish()
        async with agent.running():
            camera = await shared_door(server, agent, (live, recordings), emergency=emergency)
            yield server, agent, camera


async def shared_door(
    server: SiteServer, agent: AgentProcess, answers: tuple[Live, Recordings], *, emergency: bool
) -> Camera:
    """The agent's door on the list, ticked, shared and approved."""
    agents, home = server.sites.agents, (server.site.organisation_id, server.site.id)

    async def is_told() -> bool:
        return bool((await agents.view(*home)).cameras)

    async def is_progress(progress: Progress) -> bool:
        return (await agents.view(*home)).progress is progress

    await server.until(is_told)
    facts = CameraFacts("Front door", Place(41.88, -87.63), None, is_public_facing=True, purpose="The entrance")
    camera = await server.services.cameras.add(server.owner, server.site, facts)
    (door,) = (await agents.view(*home)).cameras
    await agents.tick(server.owner, server.site.id, {door.local_id: camera.id})
    clause = Clause(frozenset({camera.id}), *answers, Where.SHOWN, emergency=emergency, by_hand=emergency)
    await server.services.sharing.save(server.owner, server.site.id, [clause], made_from=0)
    await server.until(lambda: is_progress(Progress.WAITING_FOR_APPROVAL))
    (waiting,) = (await agent.ask(do="status"))["proposals"]
    assert (await agent.ask(do="approve", subject=waiting["sha256"], pin=PIN))["ok"] is True
    await server.until(lambda: is_progress(Progress.READY))
    return camera


async def ask(server: SiteServer, camera: Camera) -> tuple[Principal, ClipRequest]:
    """An operator asks for two seconds that were recorded by now."""
    agency = await server.services.identity.people.agency()
    assert agency
    identity, usual = server.services.identity, operator()
    async with server.services.database.unit_of_work() as unit:
        person_id = await identity.person_for(unit, email="op@city.example", name="Robin Diaz")
        held = Membership(agency.id, usual.roles, usual.unit)
        await identity.people._store.put_agency_membership(unit, person_id, held)
        await unit.commit(unaudited="a test's operator")
    asker = replace(usual, organisation_id=agency.id, person_id=person_id)
    begin = server.services.clock.now()
    await anyio.sleep(5)  # the recording has to happen
    wanted = Wanted(
        camera_id=camera.id,
        t0=begin + timedelta(seconds=1),
        t1=begin + timedelta(seconds=3),
        purpose="violent_crime",
        incident_id="",
        legal_basis="consent",
    )
    return asker, await server.services.evidence.ask(asker, wanted)


async def until_state(server: SiteServer, request: ClipRequest, state: ClipState) -> None:
    """Wait until the request has come so far."""

    async def is_there() -> bool:
        found = await server.services.evidence.get(request.id)
        assert found.state is not ClipState.FAILED, found.cause
        return found.state is state

    with anyio.move_on_after(30):
        while not await is_there():  # noqa: ASYNC110  (the agent is another process)
            await anyio.sleep(0.1)
    found = await server.services.evidence.get(request.id)
    assert found.state is state, (found.state, found.cause)


async def saved(server: SiteServer, asker: Principal, request: ClipRequest, path: Path) -> Path:
    """The package as the operator downloads it."""
    evidence = server.services.evidence
    readable = await evidence.open_package(asker, request.id, first=0, last=0)
    data = b"".join([piece async for piece in evidence.packages.read(readable, 0, readable.package.size_bytes)])
    await anyio.Path(path).write_bytes(data)
    return path


async def test_a_clip_the_owner_approves_on_site(sqlite_database: Database, tmp_path: Path):
    """Asked, kept, approved with the PIN, cut, signed, uploaded, sealed; the package holds, the recording decodes."""
    async with recording_site(sqlite_database, tmp_path, Recordings.ASK) as (server, agent, camera):
        asker, request = await ask(server, camera)
        assert request.state is ClipState.HELD
        assert request.held_until is not None
        (waiting,) = (await agent.ask(do="status"))["asked"]
        answer = await agent.ask(do="clip", subject=request.document_sha256, pin=PIN)
        assert answer["ok"] is True, (answer, waiting)
        await until_state(server, request, ClipState.DOWNLOADABLE)
        path = await saved(server, asker, request, tmp_path / "package.tar")
        page = await server.services.audit.find(Query(streams=frozenset({request.id})))

    kinds = [entry.kind for entry in reversed(page.entries)]
    assert kinds[:3] == ["clip.requested", "clip.preserved", "clip.approved"]
    assert kinds.count("grant.issued") == 1
    assert {"grant.issued", "clip.captured", "clip.uploaded", "package.sealed"} <= set(kinds)
    checked = check_package(path, key="", cosigners=[], quorum=None, gateway_key="", agent_key="")
    assert checked.capture.statement.predicate["frames"] >= 30
    assert checked.capture.statement.predicate["gaps"] == []
    await anyio.to_thread.run_sync(decodes, path)


async def test_a_clip_the_owner_sends_by_one_touch(sqlite_database: Database, tmp_path: Path):
    """A touch for something else is told at once and changes nothing; the right one travels in the grant."""
    async with recording_site(sqlite_database, tmp_path, Recordings.ASK) as (server, agent, camera):
        passkey, origin = await pinned_passkey(server, agent), server.services.origin
        _, request = await ask(server, camera)
        desk, where = server.services.portal, {"origin": origin.text, "rp_id": origin.host}
        (card,) = await desk.requests(server.owner)
        assert card.request.offer.credentials == (passkey.owner.credential,)
        wrong = passkey.approve(VIEW_LABEL, request.document_sha256, **where)
        with pytest.raises(PreconditionError):
            await desk.send(server.owner, request.id, wrong)
        assert (await server.services.evidence.get(request.id)).state is ClipState.HELD
        await desk.send(server.owner, request.id, passkey.approve(CLIP_LABEL, request.document_sha256, **where))
        await until_state(server, request, ClipState.DOWNLOADABLE)


async def test_a_clip_by_standing_clause_needs_no_answer(sqlite_database: Database, tmp_path: Path):
    """Where the owner gives recordings without asking, nobody is asked, and the site decides all the same."""
    async with recording_site(sqlite_database, tmp_path, Recordings.ALWAYS) as (server, agent, camera):
        _, request = await ask(server, camera)
        await until_state(server, request, ClipState.DOWNLOADABLE)
        assert (await agent.ask(do="status"))["asked"] == []


async def test_a_no_on_site_ends_it(sqlite_database: Database, tmp_path: Path):
    """The owner declines at the agent: nothing leaves the site."""
    async with recording_site(sqlite_database, tmp_path, Recordings.ASK) as (server, agent, camera):
        _, request = await ask(server, camera)
        assert (await agent.ask(do="clip_no", subject=request.document_sha256))["ok"] is True
        await until_state(server, request, ClipState.DECLINED)


def decodes(path: Path) -> None:
    """The recording in the package is video that FFmpeg decodes."""
    with tarfile.open(path) as archive:
        (member,) = (each for each in archive.getmembers() if "/data/original/" in each.name)
        source = archive.extractfile(member)
        assert source
        data = source.read()
    with av.open(io.BytesIO(data)) as container:
        assert sum(1 for _ in container.decode(video=0)) >= 30
