"""The addresses agents use, over a real server: forms, headers, and a WebSocket that browsers of others cannot open."""

from collections.abc import AsyncIterator
from typing import Any

import pytest
import websockets

from gateway.kernel.database import Database
from partner_agent.wire import frames, messages
from partner_agent.wire.limits import FRAME_BYTES
from tests.support.site_bench import MiniAgent, token_form
from tests.support.site_server import SiteServer, site_server

pytestmark = pytest.mark.anyio


@pytest.fixture
async def server(sqlite_database: Database, tmp_path: Any) -> AsyncIterator[SiteServer]:
    """A gateway on loopback."""
    async with site_server(sqlite_database, tmp_path) as server:
        yield server


async def test_the_metadata_names_what_there_is(server: SiteServer):
    """One grant, one client authentication method, and addresses under the public URL."""
    answer = await server.http.get("/.well-known/oauth-authorization-server")
    body = answer.json()

    assert body["issuer"] == server.url
    assert body["token_endpoint"].startswith(server.url)
    assert body["grant_types_supported"] == ["urn:ietf:params:oauth:grant-type:device_code"]


@pytest.mark.parametrize(
    "content",
    [b"", b"client_id=a&client_id=b", b"\xff\xfe", b"device_code=" + b"x" * 70_000],
    ids=["empty", "twice", "not UTF-8", "too large"],
)
async def test_bad_forms_are_refused(server: SiteServer, content: bytes):
    """Nothing an agent posts is answered with anything but a refusal."""
    headers = {"content-type": "application/x-www-form-urlencoded"}
    for path in ("/oauth/device", "/oauth/token"):
        answer = await server.http.post(path, content=content, headers=headers)
        assert 400 <= answer.status_code < 500
        assert "Traceback" not in answer.text


async def test_pairing_over_http(server: SiteServer):
    """Codes, pending, approval in the portal, then the pairing, uncached."""
    agent = server.agent()
    codes = (await server.http.post("/oauth/device", data=server.device_form(agent))).json()
    assert codes["verification_uri"] == server.url + "/pair"
    pending = await server.http.post("/oauth/token", data=token_form(codes["device_code"]))
    assert (pending.status_code, pending.json()) == (400, {"error": "authorization_pending"})

    await server.approve(codes["user_code"])
    answer = await server.http.post("/oauth/token", data=token_form(codes["device_code"]))
    assert answer.headers["cache-control"] == "no-store"
    assert answer.json()["link_url"] == server.link_url


async def test_a_browser_of_another_origin_is_turned_away(server: SiteServer):
    """No page of anybody else can open the link, whatever cookies the browser has."""
    with pytest.raises(websockets.InvalidStatus) as caught:
        await websockets.connect(server.link_url, origin="https://evil.example", compression=None)  # type: ignore[arg-type]
    assert caught.value.response.status_code == 403


async def test_a_real_link(server: SiteServer):
    """Challenge to ack over a socket; the agent is online, and a heartbeat is taken."""
    agent = await server.paired()
    async with websockets.connect(server.link_url, compression=None) as socket:
        await server.greet(agent, socket)
        await server.until(lambda: server.sites.hub.is_online(agent.id))
        health = messages.Health(cameras=[], sessions=0, uptime_s=1)
        await socket.send(frames.encode(messages.Heartbeat(id="m1", fresh="f2", health=health)).decode())
        await server.until(lambda: server.sites.hub.fresh_of(agent.id) == "f2")
    await server.until(lambda: not server.sites.hub.is_online(agent.id))


async def test_an_oversized_frame_ends_the_connection(server: SiteServer):
    """64 KiB are a frame; the server reads no more."""
    async with websockets.connect(server.link_url, compression=None) as socket:
        await socket.recv()
        await socket.send("x" * (FRAME_BYTES + 1))
        with pytest.raises(websockets.ConnectionClosed) as caught:
            await socket.recv()
    assert caught.value.rcvd is not None
    assert caught.value.rcvd.code in {1009, 4401}


async def test_compression_is_not_agreed(server: SiteServer):
    """A client that offers permessage-deflate does not get it: 34 KiB of memory per idle socket."""
    async with websockets.connect(server.link_url, compression="deflate") as socket:
        assert "sec-websocket-extensions" not in socket.response.headers


async def test_a_wrong_proof_closes_with_its_code(server: SiteServer):
    """The close code crosses the real socket."""
    agent, thief = await server.paired(), MiniAgent(server.clock)
    async with websockets.connect(server.link_url, compression=None) as socket:
        challenge = frames.decode(await socket.recv())
        thief.pairing, thief.keys = agent.pairing, agent.keys
        await socket.send(frames.encode(thief.proof(challenge, url=server.link_url)).decode())
        with pytest.raises(websockets.ConnectionClosed) as caught:
            await socket.recv()
    assert caught.value.rcvd is not None
    assert caught.value.rcvd.code == 4401
