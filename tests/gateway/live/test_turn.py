"""Live pictures past a firewall, by real coturn: our player in Chromium, and the agent's end."""

import ssl
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import anyio
import msgspec
import pytest

from partner_agent.rtc import rtcp, rtp
from partner_agent.rtc import turn as turn_module
from partner_agent.rtc.mux import UdpPort
from partner_agent.rtc.turn import TurnError, TurnPort, TurnServer, servers_in
from tests.gateway.live.test_watching import live_plane, live_tab
from tests.support import browser
from tests.support.legs import ONE, TWO, End
from tests.support.turn import Turn, turn_server
from tests.support.waiting import until

pytestmark = [pytest.mark.anyio, pytest.mark.slow]
ONLY_RELAYED = """
{ const Peer = window.RTCPeerConnection;
  window.RTCPeerConnection = class extends Peer { constructor(c) { super({ ...c, iceTransportPolicy: "relay" }); } }; }
"""


@pytest.fixture
def turn(tmp_path: Path) -> Iterator[Turn]:
    """A running coturn."""
    with turn_server(tmp_path) as running:
        yield running


@pytest.mark.browser
@pytest.mark.parametrize("transport", ["udp", "tls"])
async def test_a_picture_arrives_by_turn_alone(tmp_path: Path, turn: Turn, transport: str):
    """By TURN over UDP, and over TLS as a web page would travel; the relay needs no candidate of the browser."""
    servers: Any = msgspec.to_builtins(turn.servers(turn.udp if transport == "udp" else turn.tls).told_to("per_1"))
    trusted = f"--ignore-certificate-errors-spki-list={turn.certificate.spki}"
    async with (
        live_plane(tmp_path) as plane,
        live_tab(plane.origin, flags=[trusted], script=browser.WATCH + ONLY_RELAYED) as page,
    ):
        await plane.publish()

        first_ms = await plane.watch(page, "ses_1", servers=servers)

        assert first_ms > 0, turn.log.read_text()
        await page.wait_for_function("() => frames > 30 && states.at(-1) === 'Live'")
        assert await page.evaluate("way()") == f"relay {transport}"
        assert await page.evaluate("window.__violations") == []


@pytest.mark.browser
async def test_no_picture_comes_by_a_server_that_does_not_know_the_password(tmp_path: Path, turn: Turn):
    """Credentials that ran out open nothing, so nobody else can use the way."""
    servers: Any = msgspec.to_builtins(turn.servers(turn.udp).told_to("per_1"))
    worn = [{**server, "username": "1:per_1"} for server in servers]
    async with live_plane(tmp_path) as plane, live_tab(plane.origin, script=browser.WATCH + ONLY_RELAYED) as page:
        await plane.publish()

        assert await plane.watch(page, "ses_1", servers=worn) == -1


@pytest.mark.parametrize("transport", ["udp", "tls"])
async def test_the_agent_s_end_sends_and_hears_by_turn(turn: Turn, transport: str):
    """One call through coturn: handshake, media out, reports back; the relay sees coturn's address alone."""
    port = await TurnPort.allocate(_server(turn, transport), "127.0.0.1", trust=_trust(turn))
    site, relay = End(port, ONE, is_controlling=True), End(await UdpPort.open("127.0.0.1"), TWO, is_controlling=False)
    head = rtp.header(is_last=True, payload_type=96, sequence=5, timestamp=6, ssrc=7)
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(relay.connect, site)
        tasks.start_soon(site.connect, relay)
    protector = site.leg.protector(7)

    site.leg.send([protector.protect(head, b"picture", 5)])
    relay.leg.send_rtcp(rtcp.receiver_report(1, 7, highest=1, lost=0, lost_of_256=0))

    await until(lambda: relay.rtp and site.rtcp)
    assert relay.rtp[0].payload == b"picture"
    assert relay.leg.ice.way == (relay.port, port.address)
    for end in (site, relay):
        await end.leg.close()
        end.port.close()
    await until(lambda: not turn_module._LEAVING)


async def test_a_server_that_is_not_who_it_says_is_no_way(turn: Turn):
    """A certificate of nobody's trust, another host's name, and a password that ran out."""
    over_tls = _server(turn, "tls")
    refused = [
        (over_tls, None),
        (replace(over_tls, host="turn.example.net"), _trust(turn)),
        (replace(over_tls, password="other"), _trust(turn)),
    ]
    for server, trust in refused:
        with pytest.raises(TurnError):
            await TurnPort.allocate(server, "127.0.0.1", trust=trust)


def _server(turn: Turn, transport: str) -> TurnServer:
    (server,) = servers_in(", ".join(turn.servers(turn.udp if transport == "udp" else turn.tls).links("pub_1")))
    return server


def _trust(turn: Turn) -> ssl.SSLContext:
    return ssl.create_default_context(cafile=str(turn.certificate.certificate))
