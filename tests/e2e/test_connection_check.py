"""The connection check through every real part: a paired agent looks, the gateway keeps it, the doctor says it too."""

import json
from pathlib import Path

import pytest

from gateway.kernel.database import Database
from gateway.sites.connection import Check
from partner_agent.simulator.camera import Camera
from partner_agent.wire.check_messages import CheckServer
from partner_agent.wire.limits import FULL_CHECK_VOCABULARY
from tests.support import cameras
from tests.support.agent_process import AgentProcess
from tests.support.site_server import SiteServer, site_server
from tests.support.turn import turn_server

pytestmark = [pytest.mark.anyio, pytest.mark.slow]


async def test_a_site_looks_when_its_owner_asks_and_when_somebody_there_does(sqlite_database: Database, tmp_path: Path):
    """A server that is no host of the key set is not asked; the camera is opened, the line measured, all kept."""
    film = cameras.make_film(tmp_path / "film.mp4")
    camera = Camera("cam1", {"main": cameras.small_stream(film, tmp_path / "loops", gop_frames=8)}, algorithms=())
    with turn_server(tmp_path) as turn:
        async with site_server(sqlite_database, tmp_path) as server, cameras.camera_server(camera) as port:
            server.sites.connection._servers = lambda _site: [CheckServer(url=turn.udp, username="9:s", credential="p")]
            agent = AgentProcess(tmp_path / "agent", server.url, ("door",), url=f"rtsp://127.0.0.1:{port}/cam1/main")
            await server.until_key_set()
            async with agent.enrolling() as (code, finish):
                await server.approve(code)
                await finish()
            async with agent.running():
                organisation, site = server.site.organisation_id, server.site.id

                async def is_ready() -> bool:
                    view = await server.sites.agents.view(organisation, site)
                    agent_id = view.agent.id if view.agent else ""
                    return server.sites.hub.vocabulary_of(agent_id) >= FULL_CHECK_VOCABULARY

                await server.until(is_ready)

                await server.sites.connection.check(organisation, site)

                first = await _kept(server)
                status, told = await agent.command("doctor", "--json")
                second = await _kept(server)
        assert "9:s" not in turn.log.read_text()

    said = [str(finding.sentence) for finding in first.findings]
    assert "Whether UDP gets out is not known: the agency names no server to ask." in said
    assert "The clock of the agent's machine is right." in said
    assert any(sentence.startswith("The site's line carries ") for sentence in said), said
    assert any(sentence.startswith("The door: H.264, the first picture after ") for sentence in said), said
    found = json.loads(told)
    assert status == 0, found
    assert {finding["topic"] for finding in found["findings"]} >= {"link", "network", "uplink", "camera", "clock"}
    assert second.at > first.at


async def _kept(server: SiteServer) -> Check:
    """What the portal's page shows of the site."""
    check = await server.sites.connection.last(
        await server.sites.agents.view(server.site.organisation_id, server.site.id)
    )
    assert check is not None
    return check
