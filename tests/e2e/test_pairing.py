"""A real agent process and a real gateway server: pairing, the link, cameras, and what a restart of either forgets."""

from pathlib import Path
from typing import Any

import pytest

from gateway.audit import Query
from gateway.cameras import Camera, CameraFacts, CameraState
from gateway.kernel.database import Database
from gateway.partners import Place
from gateway.sites import AgentState, Progress
from partner_agent.wire.keyset import root_words
from policies.clauses import Preset, of_preset
from tests.support.agent_process import PIN, AgentProcess
from tests.support.site_server import SiteServer, site_server

pytestmark = [pytest.mark.anyio, pytest.mark.slow]


async def _pair(server: SiteServer, agent: AgentProcess) -> None:
    await server.until_key_set()
    async with agent.enrolling() as (code, finish):
        await server.approve(code)
        printed = await finish()
    assert " ".join(root_words(server.services.keyring.root_public)) in printed


async def _view(server: SiteServer) -> Any:
    return await server.sites.agents.view(server.site.organisation_id, server.site.id)


async def _tick_the_door(server: SiteServer) -> Camera:
    """Put a camera on the list and say that it is the agent's door."""

    async def are_told() -> bool:
        return len((await _view(server)).cameras) == 2

    await server.until(are_told)
    facts = CameraFacts("Front door", Place(41.88, -87.63), None, is_public_facing=True, purpose="The entrance")
    camera = await server.services.cameras.add(server.owner, server.site, facts)
    door = next(each for each in (await _view(server)).cameras if each.label == "The door")
    await server.sites.agents.tick(server.owner, server.site.id, {door.local_id: camera.id})
    return camera


async def test_a_site_pairs_and_survives_restarts(sqlite_database: Database, tmp_path: Path):
    """Code, words, link, cameras, tick; the gateway restarts under the agent, then the agent; nothing is forgotten."""
    async with site_server(sqlite_database, tmp_path) as server:
        agent = AgentProcess(tmp_path / "agent", server.url, ("door", "till"))
        await _pair(server, agent)
        assert (await _view(server)).progress is Progress.WAITING_FOR_SITE
        port, home = server.port, server.home

        async with agent.running():
            camera = await _tick_the_door(server)
            view = await _view(server)
            assert (view.agent.state, view.agent.epoch, view.is_online) == (AgentState.ACTIVE, 1, True)
            assert (await server.services.cameras.camera(camera.id)).state is CameraState.CONNECTED
            await agent.ask(do="pause")
            await server.until(lambda: server.sites.hub.problem_of(view.agent.id) == "paused")

    async with agent.running(), site_server(sqlite_database, tmp_path, port=port, home=home) as server:
        await server.until(lambda: server.sites.hub.problem_of(view.agent.id) == "paused")
        assert (await agent.ask(do="resume", pin="000000"))["ok"] is False
        assert (await agent.ask(do="resume", pin=PIN))["ok"] is True
        await server.until(lambda: server.sites.hub.problem_of(view.agent.id) == "")
        assert (await _view(server)).agent.epoch == 2
        assert (await server.sites.agents.agent_camera_of(camera.id)).label == "The door"


async def test_the_first_document_is_approved_on_site(sqlite_database: Database, tmp_path: Path):
    """The owner shares in the portal, the site approves with its PIN, the ack arrives; less sharing asks nobody."""
    async with site_server(sqlite_database, tmp_path) as server:
        services = server.services
        agent = AgentProcess(tmp_path / "agent", server.url, ("door", "till"))
        await _pair(server, agent)
        async with agent.running():
            camera = await _tick_the_door(server)
            clauses = [of_preset(Preset.EMERGENCIES, frozenset({camera.id}), is_home=False)]
            await services.sharing.save(server.owner, server.site.id, clauses, made_from=0)

            async def is_progress(progress: Progress) -> bool:
                return (await _view(server)).progress is progress

            await server.until(lambda: is_progress(Progress.WAITING_FOR_APPROVAL))
            (waiting,) = (await agent.ask(do="status"))["proposals"]
            assert any("The door" in sentence for _, sentence in waiting["changes"])
            assert (await agent.ask(do="approve", subject=waiting["sha256"], pin="000000"))["ok"] is False
            assert (await agent.ask(do="approve", subject=waiting["sha256"], pin=PIN))["ok"] is True
            await server.until(lambda: is_progress(Progress.READY))
            first = (await _view(server)).agent
            assert (first.acked_seq, first.acked_sha256) == (1, waiting["sha256"])
            assert server.sites.hub.problem_of(first.id) == ""

            await services.sharing.switch(server.owner, camera, is_on=False)

            async def is_narrowed() -> bool:
                return (await _view(server)).agent.acked_seq == 2

            await server.until(is_narrowed)
            assert (await agent.ask(do="status"))["proposals"] == []
            kinds = [entry.kind for entry in (await services.audit.find(Query(), limit=200)).entries]
            assert kinds.count("policy.acknowledged") == 2


async def test_the_gateway_restarts_under_a_running_agent(sqlite_database: Database, tmp_path: Path):
    """The link breaks, the agent dials again by itself and is greeted with its next epoch."""
    async with site_server(sqlite_database, tmp_path) as server:
        agent = AgentProcess(tmp_path / "agent", server.url, ("door",))
        await _pair(server, agent)
        port, home = server.port, server.home
        agent_id = (await _view(server)).agent.id
    async with agent.running():
        for epoch in (1, 2):
            async with site_server(sqlite_database, tmp_path, port=port, home=home) as server:
                await server.until(lambda here=server: here.sites.hub.problem_of(agent_id) == "")
                assert (await _view(server)).agent.epoch == epoch


async def test_a_revoked_agent_stays_out(sqlite_database: Database, tmp_path: Path):
    """The owner takes the key away: the link ends, and dialling again does not help."""
    async with site_server(sqlite_database, tmp_path) as server:
        agent = AgentProcess(tmp_path / "agent", server.url, ())
        await _pair(server, agent)
        agent_id = (await _view(server)).agent.id
        async with agent.running():
            await server.until(lambda: server.sites.hub.is_online(agent_id))
            await server.sites.agents.revoke(server.owner, server.site.id)

            async def is_told() -> bool:
                return not (await agent.ask(do="status"))["is_linked"]

            await server.until(is_told)
            assert not server.sites.hub.is_online(agent_id)
