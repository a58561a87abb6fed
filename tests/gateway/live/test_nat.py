"""Live pictures between networks that hide behind routers: a site, the relay on the internet, a viewer's Chromium."""

import json
import ssl
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import anyio
import msgspec
import pytest
from playwright.async_api import Page

from gateway.live.relay import protocol
from tests.gateway.live.test_watching import Plane, live_plane, live_tab
from tests.support import browser, cameras
from tests.support.nets import INTERNET, TURN_HOST, Home, Nat, home, make_internet, narrow, on_an_internet
from tests.support.processes import ROOT, running
from tests.support.relays import RELAY
from tests.support.slow_line import slow_line
from tests.support.tunnels import Premises
from tests.support.turn import Turn, turn_server

pytestmark = [pytest.mark.anyio, pytest.mark.slow]
WEB = (INTERNET, 8080)
# no server in between; which of the two a browser calls it depends on whether STUN or the first check answers first
STRAIGHT = ("srflx", "prflx")


class NothingSentError(AssertionError):
    """The site found no way to the relay; what it said."""


@dataclass
class Town:
    """A relay and coturn on the internet, a site that sends, a viewer with a browser."""

    plane: Plane
    turn: Turn
    page: Page
    site_port: str

    async def watch(self, *urls: str, session: str = "ses_1") -> float:
        """Milliseconds to the first frame, by these servers at most; -1 without one."""
        servers: Any = msgspec.to_builtins(self.turn.servers(*urls).told_to("per_1"))
        return await self.plane.watch(self.page, session, servers=servers)


@asynccontextmanager
async def town(
    folder: Path, *, site: Nat, viewer: Nat, of_site: tuple[str, ...] = (), premises: Premises | None = None
) -> AsyncIterator[Town]:
    """Everything running; the site is sending, and was told of the servers `of_site`: `udp`, `tls`.

    With `premises` it may use tunnels.
    """
    make_internet()
    async with AsyncExitStack() as stack:
        turn = stack.enter_context(turn_server(folder, host=TURN_HOST))
        there, here = stack.enter_context(home(1, site)), stack.enter_context(home(2, viewer))
        servers = turn.servers(*(getattr(turn, kind) for kind in of_site)) if of_site else None
        plane = await stack.enter_async_context(live_plane(folder, address=WEB, ice_servers=servers, premises=premises))
        if premises is not None:
            plane.keep("ses_1")  # the search for a way takes as long as a relay lives without leases
        site_port = await _send_from(there, plane, folder, stack, premises)
        flags = [
            f"--ignore-certificate-errors-spki-list={turn.certificate.spki}",
            f"--unsafely-treat-insecure-origin-as-secure={plane.origin}",
        ]
        program = here.program(folder, "chromium-there", browser.chromium_path())
        page = await stack.enter_async_context(live_tab(plane.origin, flags=flags, program=str(program)))
        yield Town(plane, turn, page, site_port)


async def _send_from(
    there: Home, plane: Plane, folder: Path, stack: AsyncExitStack, premises: Premises | None = None
) -> str:
    ticket = plane.relay.tickets.for_publication(publication="pub_1", camera="cam", agent="agt", relay=RELAY)
    film, log = cameras.make_film(folder / "film.mp4"), folder / "site.log"
    command = there.inside(
        sys.executable, "-m", "tests.support.far_site", f"{plane.origin}/whip/pub_1", ticket,
        plane.relay.hello.fingerprint, str(film), str(folder / "turn.pem"), *_device(folder, premises),
    )  # fmt: skip
    process: subprocess.Popen[bytes] = stack.enter_context(running(command, log=log, variables={}))
    with anyio.fail_after(30):
        while not (said := log.read_text()).startswith("sending "):
            if process.poll() is not None:
                raise NothingSentError(said)
            await anyio.sleep(0.05)
    _, plane.site, port, _ = said.split()
    return port


def _device(folder: Path, premises: Premises | None) -> list[str]:
    if premises is None:
        return []
    (folder / "device.jwk").write_text(json.dumps(premises.device.private_jwk()))
    return [str(folder / "device.jwk")]


@pytest.mark.browser
@on_an_internet
async def test_a_picture_passes_two_ordinary_routers(tmp_path: Path):
    """Routers that keep one outside port for one inside port: straight from the relay, no server in between."""
    async with town(tmp_path, site=Nat.PORT_RESTRICTED, viewer=Nat.PORT_RESTRICTED) as town_:
        assert await town_.watch(town_.turn.udp, town_.turn.tls) > 0
        await town_.page.wait_for_function("() => frames > 20")
        assert await town_.page.evaluate("way()") in STRAIGHT


@pytest.mark.browser
@on_an_internet
async def test_a_picture_passes_two_symmetric_routers(tmp_path: Path):
    """Routers with another port for each destination: straight as well, for both sides dial one public address."""
    async with town(tmp_path, site=Nat.SYMMETRIC, viewer=Nat.SYMMETRIC) as town_:
        assert await town_.watch(town_.turn.udp, town_.turn.tls) > 0
        await town_.page.wait_for_function("() => frames > 20")
        assert await town_.page.evaluate("way()") in STRAIGHT


@pytest.mark.browser
@on_an_internet
async def test_a_picture_comes_over_tls_where_the_viewer_s_network_blocks_udp(tmp_path: Path):
    """Nothing but TCP to 443 and the page's own port leaves: TURN over TLS."""
    async with town(tmp_path, site=Nat.SYMMETRIC, viewer=Nat.NO_UDP) as town_:
        assert await town_.watch(town_.turn.udp) == -1
        assert await town_.watch(town_.turn.udp, town_.turn.tls, session="ses_2") > 0, town_.turn.log.read_text()
        await town_.page.wait_for_function("() => frames > 20")
        assert await town_.page.evaluate("way()") == "relay tls"


@pytest.mark.browser
@on_an_internet
async def test_a_site_sends_by_tls_where_its_network_blocks_udp(tmp_path: Path):
    """The agent finds TURN over TLS by itself; the one over UDP, which it tries first, leads nowhere here."""
    async with town(tmp_path, site=Nat.NO_UDP, viewer=Nat.PORT_RESTRICTED, of_site=("udp", "tls")) as town_:
        assert town_.site_port == "TurnPort"
        assert await town_.watch(town_.turn.udp) > 0
        await town_.page.wait_for_function("() => frames > 20")


@on_an_internet
async def test_nothing_comes_where_the_gateway_s_port_alone_is_open_and_there_is_no_tunnel(tmp_path: Path):
    """Neither UDP nor TURN passes: the site says so, and the relay has seen no datagram of it."""
    make_internet()
    async with AsyncExitStack() as stack:
        turn = stack.enter_context(turn_server(tmp_path, host=TURN_HOST))
        there = stack.enter_context(home(1, Nat.GATEWAY_ALONE))
        servers = turn.servers(turn.udp, turn.tls)
        plane = await stack.enter_async_context(live_plane(tmp_path, address=WEB, ice_servers=servers))
        with pytest.raises(NothingSentError, match="the relay cannot be reached"):
            await _send_from(there, plane, tmp_path, stack)
        assert not [event for event in plane.relay.events if isinstance(event, protocol.PublicationUp)]
        assert (await plane.relay.client.figures())["unknown_datagrams"] == 0


@pytest.mark.browser
@on_an_internet
async def test_pictures_come_inside_a_websocket_where_the_gateway_s_port_alone_is_open(tmp_path: Path):
    """The last resort: through the gateway's own port, and the viewer sees live pictures for longer than consent."""
    premises = Premises()
    async with town(
        tmp_path, site=Nat.GATEWAY_ALONE, viewer=Nat.PORT_RESTRICTED, of_site=("udp", "tls"), premises=premises
    ) as town_:
        assert town_.site_port == "TunnelPort"
        assert await town_.watch(town_.turn.udp) > 0
        await town_.page.wait_for_function("() => frames > 20")
        await anyio.sleep(31)
        before = await town_.page.evaluate("frames")
        await anyio.sleep(2)
        assert await town_.page.evaluate("frames") > before + 20


@pytest.mark.browser
@on_an_internet
async def test_a_site_needs_no_server_where_udp_passes(tmp_path: Path):
    """Straight goes first: servers it was told of cost it nothing, and carry nothing."""
    async with town(tmp_path, site=Nat.SYMMETRIC, viewer=Nat.SYMMETRIC, of_site=("udp", "tls")) as town_:
        assert town_.site_port == "UdpPort"
        assert await town_.watch(town_.turn.udp) > 0


@on_an_internet
async def test_a_site_learns_what_its_network_lets_through(tmp_path: Path):
    """Two ordinary kinds of router and one that blocks UDP, told apart by the site itself; each way is really tried."""
    make_internet()
    expected = {
        Nat.PORT_RESTRICTED: "yes same yes yes",
        Nat.SYMMETRIC: "yes changing yes yes",
        Nat.NO_UDP: "no unknown no yes",
    }
    with turn_server(tmp_path, host=TURN_HOST, options=[f"--aux-server={TURN_HOST}:3479"]) as turn:
        link = ", ".join(turn.servers(turn.udp, turn.tls).links("site_1"))
        arguments = [f"{TURN_HOST}:3478,{TURN_HOST}:3479", str(turn.certificate.certificate), link]
        for number, (nat, said) in enumerate(expected.items()):
            with home(number, nat) as site:
                command = site.inside(sys.executable, "-m", "tests.support.far_check", *arguments)
                ran = await anyio.run_process(command, cwd=ROOT, check=False)
            assert ran.stdout.decode().strip() == said, ran.stderr.decode()


@on_an_internet
async def test_a_site_behind_a_strict_router_learns_what_its_line_carries():
    """A line of four megabits, and one of half a megabit, as wide as they are, within the three seconds."""
    make_internet()
    async with slow_line(host=INTERNET) as line:
        for number, kbps in enumerate((4_000, 500)):
            with home(number, Nat.SYMMETRIC) as site:
                narrow(site, kbps=kbps)
                command = site.inside(sys.executable, "-m", "tests.support.far_line", line.url)
                ran = await anyio.run_process(command, cwd=ROOT, check=False)
            said = ran.stdout.decode().strip()
            assert said.isdecimal(), ran.stderr.decode() + said
            assert 0.6 * kbps < int(said) < 1.3 * kbps


@on_an_internet
async def test_a_site_that_comes_back_under_another_address_goes_on_sending(tmp_path: Path):
    """Ten seconds after its network is there again, and once consent at the former address is long over (30 s).

    What comes from an address the relay has not been shown counts as nobody's: all of it is somebody's by then.
    """
    make_internet()
    (tmp_path / "turn.pem").symlink_to(ssl.get_default_verify_paths().openssl_cafile)
    async with AsyncExitStack() as stack:
        there = stack.enter_context(home(1, Nat.PORT_RESTRICTED))
        plane = await stack.enter_async_context(live_plane(tmp_path, address=WEB))
        await _send_from(there, plane, tmp_path, stack)
        plane.keep("ses_1")  # a relay that no gateway leases to ends everything
        there.leave()
        await anyio.sleep(3)
        there.come_back("10.7.0.3")
        for wait_s in (10, 30):
            await anyio.sleep(wait_s)
            before = await plane.relay.client.figures()
            await anyio.sleep(2)
            after = await plane.relay.client.figures()
            assert after["publications"] == 1
            assert after["unknown_datagrams"] == before["unknown_datagrams"]

        assert not [event for event in plane.relay.events if isinstance(event, protocol.PublicationDown)]
