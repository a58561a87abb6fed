"""`lenspact-agent doctor` where a router is in the way: a paired agent, a real coturn of the key set, plain words."""

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path

import pytest

from gateway.kernel.database import Database
from partner_agent.wire.limits import FULL_CHECK_VOCABULARY
from tests.support.agent_process import AgentProcess
from tests.support.nets import GATEWAY_PORT, INTERNET, TURN_HOST, Home, Nat, home, make_internet, on_an_internet
from tests.support.processes import running
from tests.support.site_server import SiteServer, site_server
from tests.support.turn import SECRET, turn_server

pytestmark = [pytest.mark.anyio, pytest.mark.slow]
SAID = {
    Nat.SYMMETRIC: (
        "ok    UDP gets out of the site's network to the agency's STUN server and back. Whether it reaches the media "
        "port the next live view shows.",
        "ok    The router gives each connection another port (symmetric NAT). Live views pass it.",
        "ok    The way by TLS is open, should UDP be blocked one day.",
    ),
    Nat.NO_UDP: (
        "look  UDP does not get out of the site's network; live views go by TLS, and start a little later. "
        "Nothing is broken. Letting UDP out to the agency makes them quicker.",
        "ok    The way by TLS is open, should UDP be blocked one day.",
    ),
}


@on_an_internet
async def test_the_doctor_says_what_kind_of_router_it_is_and_what_is_used_instead(
    sqlite_database: Database, tmp_path: Path
):
    """Behind a symmetric router pictures go straight all the same; where UDP is blocked they go by TLS."""
    make_internet()
    (tmp_path / "secret").write_bytes(SECRET)
    with turn_server(tmp_path, host=TURN_HOST, options=[f"--aux-server={TURN_HOST}:3479"]) as turn:
        servers = (turn.udp, turn.tls, f"stun:{TURN_HOST}:3479")
        told = {"ice_servers": servers, "turn_secret_file": tmp_path / "secret"}
        async with site_server(sqlite_database, tmp_path, address="0.0.0.0", port=GATEWAY_PORT, told=told) as server:
            agent = AgentProcess(tmp_path / "agent", server.url, ("door",), allows=[TURN_HOST])
            await server.until_key_set()
            async with agent.enrolling() as (code, finish):
                await server.approve(code)
                await finish()
            for number, (nat, sentences) in enumerate(SAID.items()):
                with home(number, nat) as site, _door(site, tmp_path / f"door-{number}.log"):
                    agent.inside = _trusting(site, turn.certificate.certificate)
                    async with agent.running():
                        await server.until(partial(_is_linked, server))
                        _, told_ = await agent.command("doctor")
                    said = told_.splitlines()
                    assert "ok    The link is up." in said, told_
                    assert [sentence for sentence in sentences if sentence not in said] == [], told_
                await server.until(partial(_is_away, server))


@contextmanager
def _door(site: Home, log: Path) -> Iterator[None]:
    """The gateway at the site's own loopback address."""
    command = site.inside(sys.executable, "-m", "tests.support.far_door", str(GATEWAY_PORT), INTERNET)
    with running(command, log=log, variables={}):
        yield


def _trusting(site: Home, certificate: Path) -> Callable[..., list[str]]:
    """Commands in the site's network, by a machine that trusts the TURN server's certificate."""
    return lambda *command: site.inside("env", f"SSL_CERT_FILE={certificate}", *command)


async def _is_linked(server: SiteServer) -> bool:
    view = await server.sites.agents.view(server.site.organisation_id, server.site.id)
    return view.agent is not None and server.sites.hub.vocabulary_of(view.agent.id) >= FULL_CHECK_VOCABULARY


async def _is_away(server: SiteServer) -> bool:
    return not await _is_linked(server)
