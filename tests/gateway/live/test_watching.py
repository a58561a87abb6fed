"""The live plane for real: a publisher, a relay process, our player in Chromium, nothing pretended."""

import socket
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import anyio
import anyio.abc
import httpx
import pytest
import uvicorn
from litestar import MediaType, get
from litestar.di import Provide
from playwright.async_api import Page, async_playwright

from gateway.edge.problems import ProblemHandler
from gateway.live.call_routes import CALL_ROUTES
from gateway.live.calls import Calls, Taken
from gateway.live.ice_servers import IceServers
from gateway.live.relay import protocol
from gateway.live.tunnels.routes import tunnel
from partner_agent.rtc import certificate
from partner_agent.rtc.whip import Publication, Publisher, PublishTarget
from partner_agent.simulator.camera import Stream
from partner_agent.wire.clock import SystemClock
from partner_agent.wire.ids import SystemIds
from tests.support import browser, cameras, relays
from tests.support.lossy import Detour, LossyWay
from tests.support.pages import OPEN, web_app
from tests.support.relays import RELAY, RunningRelay
from tests.support.tunnels import Premises
from tests.support.waiting import until

pytestmark = [pytest.mark.anyio, pytest.mark.browser, pytest.mark.slow]
LOOPBACK_FLAGS = ["--allow-loopback-in-peer-connection", "--disable-features=WebRtcHideLocalIpsWithMdns"]
SCRIPT = """
import "/static/live/js/player.js";
import { viewerIdentity } from "/static/live/js/ready.js";
window.viewerIdentity = async () => (window.identity = await viewerIdentity()).fingerprint;
window.watch = async (call, servers = [], hasSound = false) => {
  const player = (window.player = document.querySelector("lens-player"));
  window.frames = 0; window.states = []; window.seen = null;
  player.addEventListener("lens-state", (e) => window.states.push(e.detail.words));
  player.addEventListener("lens-seen", (e) => (window.seen = e.detail));
  player.addEventListener("lens-size", (e) => (window.sizes ??= []).push(e.detail.lines));
  const count = () => { window.frames += 1; player.video.requestVideoFrameCallback(count); };
  player.video.requestVideoFrameCallback(count);
  const first = new Promise((ok) =>
    player.addEventListener("lens-first-frame", (e) => ok(e.detail.milliseconds), { once: true }));
  const Peer = window.RTCPeerConnection;
  window.RTCPeerConnection = class extends Peer { constructor(...a) { super(...a); window.peer = this; } };
  player.begin(window.identity, servers, hasSound);
  player.isHeard = hasSound;
  await player.open(call);
  return Promise.race([first, new Promise((ok) => setTimeout(() => ok(-1), 8000))]);
};
window.cipher = async () => [...(await window.peer.getStats()).values()].find((s) => s.type === "transport").srtpCipher;
window.way = async () => {
  const stats = await window.peer.getStats();
  const pair = stats.get([...stats.values()].find((s) => s.type === "transport").selectedCandidatePairId);
  const near = stats.get(pair.localCandidateId);
  return near.candidateType === "relay" ? `relay ${near.relayProtocol}` : near.candidateType;
};
window.stats = async (type) => [...(await window.peer.getStats()).values()].find((s) => s.type === type) ?? null;
window.picture = () => {
  const video = window.player.video, canvas = document.createElement("canvas");
  canvas.width = 32; canvas.height = 18;
  const context = canvas.getContext("2d");
  context.drawImage(video, 0, 0, 32, 18);
  return [...context.getImageData(0, 0, 32, 18).data];
};
"""
HTML = """<!doctype html><html lang="en"><title>Live</title><script type="module" src="/test/live.js"></script>
<lens-player></lens-player></html>"""


@get("/test/live", media_type=MediaType.HTML, opt=OPEN, sync_to_thread=False)
def live_page() -> str:
    """A page with one player."""
    return HTML


@get("/test/live.js", media_type="text/javascript", opt=OPEN, sync_to_thread=False)
def live_script() -> str:
    """What drives it."""
    return SCRIPT


class NotedCalls(Calls):
    """The gateway's own, which notes what was taken and what was left, by subject and resource."""

    def __init__(self, **given: Any) -> None:
        super().__init__(**given)
        self.taken: list[tuple[str, str]] = []
        self.left: list[tuple[str, str]] = []

    async def take(self, use: Literal["whip", "whep"], subject: str, authorization: str, body: bytes) -> Taken:
        taken = await super().take(use, subject, authorization, body)
        self.taken.append((subject, taken.resource))
        return taken

    async def leave(self, subject: str, resource: str) -> None:
        self.left.append((subject, resource))
        await super().leave(subject, resource)


@dataclass
class Plane:
    """Everything running."""

    relay: RunningRelay
    origin: str
    publisher: Publisher
    stream: Stream
    tasks: anyio.abc.TaskGroup
    way: LossyWay | None
    calls: NotedCalls
    site: str = ""  # the certificate of another publisher
    sessions: list[str] = field(default_factory=list)

    async def publish(self, publication: str = "pub_1") -> Publication:
        ticket = self.relay.tickets.for_publication(publication=publication, camera="cam", agent="agt", relay=RELAY)
        target = PublishTarget(f"{self.origin}/whip/{publication}", ticket, self.relay.hello.fingerprint)
        return await self.publisher.publish(relays.play(self.stream), target, tasks=self.tasks, has_sound=True)

    async def watch(
        self,
        page: Page,
        session: str,
        *,
        publication: str = "pub_1",
        servers: Sequence[Any] = (),
        wants_sound: bool = False,
        has_sound: bool = False,
    ) -> float:
        """Open a view in the page; milliseconds from the call to the first frame, -1 if there was none.

        `has_sound`: whether ticket and admission grant it.
        """
        fingerprint = await page.evaluate("viewerIdentity()")
        ticket = self.relay.tickets.for_viewer(
            session=session, camera="cam", fingerprint=fingerprint, relay=RELAY, sound=has_sound
        )
        await self.relay.client.admit(
            session=session,
            publication=publication,
            fingerprint=self.site or self.publisher.fingerprint,
            valid_s=60,
            sound=has_sound,
        )
        self.keep(session)
        call = {"whep_url": f"/whep/{session}", "ticket": ticket}
        asked = [call, list(servers), wants_sound]
        return float(await page.evaluate("(asked) => watch(...asked)", asked))

    def keep(self, session: str) -> None:
        """Lease one more view, as a gateway does, with all others at once."""
        self.sessions.append(session)
        if len(self.sessions) == 1:
            self.tasks.start_soon(self._lease)

    async def _lease(self) -> None:
        while True:  # until the plane is taken down
            await anyio.sleep(1)
            await self.relay.client.lease(self.sessions)


@asynccontextmanager
async def live_plane(
    folder: Path,
    *,
    lost_every: int | None = None,
    pages: Sequence[Any] = (),
    address: tuple[str, int] = ("127.0.0.1", 0),
    site_address: str = "127.0.0.1",
    ice_servers: IceServers | None = None,
    premises: Premises | None = None,
) -> AsyncIterator[Plane]:
    """A relay, the signalling over HTTP, and a site that can publish; nothing is started without a browser.

    With `lost_every`, one in so many media packets is lost on either side of the relay; 0 is a detour that loses none.
    `pages` are served besides; `address` is where the signalling and, at a port of its own, the relay listen, and
    `site_address` is the site's own. A site that is known (`premises`) may use tunnels.
    """
    browser.chromium_path()
    stream = cameras.small_stream(cameras.make_film(folder / "film.mp4"), folder, gop_frames=30)
    async with relays.running_relay(folder, media_address=address[0]) as relay, anyio.create_task_group() as tasks:
        host, _, number = relay.hello.addresses[0].rpartition(":")
        way = await LossyWay.open((host, int(number)), every=lost_every) if lost_every is not None else None
        listener = socket.create_server(address)
        name = "localhost" if address[0] == "127.0.0.1" else address[0]
        origin = f"http://{name}:{listener.getsockname()[1]}"
        tunnels = premises.tunnels(relay.client, origin=origin) if premises else None
        calls = NotedCalls(
            relay=Detour(relay.client, way) if way else relay.client, ice_servers=ice_servers, tunnels=tunnels
        )
        app = web_app(
            [*CALL_ROUTES, tunnel, live_page, live_script, *pages],
            dependencies={"live_calls": Provide(lambda: calls, sync_to_thread=False)},
            exception_handlers=ProblemHandler().handlers(),
        )
        server = uvicorn.Server(uvicorn.Config(app, log_level="warning", ws="websockets-sansio"))
        tasks.start_soon(lambda: server.serve(sockets=[listener]))
        clock = SystemClock()
        async with httpx.AsyncClient() as http:
            publisher = Publisher(
                http=http,
                identity=certificate.generate(clock.now()),
                media_address=site_address,
                allows_address=lambda address: address.is_loopback or str(address) == site_address,
                clock=clock,
                ids=SystemIds(),
            )
            yield Plane(relay, origin, publisher, stream, tasks, way, calls)
        server.should_exit = True
        if way is not None:
            way.close()
        tasks.cancel_scope.cancel()


@asynccontextmanager
async def live_tab(
    origin: str, path: str = "/test/live", *, flags: Sequence[str] = (), script: str = browser.WATCH, program: str = ""
) -> AsyncIterator[Page]:
    """Chromium with the page open."""
    program = program or browser.chromium_path()
    async with async_playwright() as playwright:
        chromium = await playwright.chromium.launch(
            executable_path=program, args=[*browser.FLAGS, *LOOPBACK_FLAGS, *flags]
        )
        page = await chromium.new_page()
        await page.add_init_script(script)
        await page.goto(origin + path)
        yield page
        await chromium.close()


async def test_a_warm_view_shows_moving_pictures_at_once_and_stops_when_dropped(tmp_path: Path):
    """First frame under half a second, pictures that change, GCM, and no frame after the drop."""
    async with live_plane(tmp_path) as plane, live_tab(plane.origin) as page:
        await plane.publish()
        await anyio.sleep(1.5)

        first_ms = await plane.watch(page, "ses_1")

        assert 0 < first_ms < 500
        await anyio.sleep(2.5)
        before: Any = await page.evaluate("picture()")
        await anyio.sleep(0.5)
        after: Any = await page.evaluate("picture()")
        assert max(after) - min(after[:3]) > 0
        assert before != after
        assert await page.evaluate("cipher()") == "SRTP_AEAD_AES_128_GCM"
        assert await page.evaluate("frames") > 30
        assert "Live" in await page.evaluate("states")
        await plane.relay.client.drop(["ses_1"])
        await page.wait_for_function("player.video.srcObject === null")  # at the relay's goodbye; nobody told the page
        await anyio.sleep(0.2)
        frames = await page.evaluate("frames")
        await anyio.sleep(1.0)
        assert await page.evaluate("frames") == frames
        assert (await page.evaluate("states"))[-1] == "The picture has stopped; trying to go on"
        await page.evaluate("player.end('rules')")
        assert (await page.evaluate("states"))[-1] == "Ended by the sharing rules"
        assert await page.evaluate("window.__violations") == []
        assert (await page.evaluate("seen"))["on_screen_s"] >= 2


async def test_the_page_is_told_how_large_the_picture_is_shown(tmp_path: Path):
    """Once it is live, again when that changes by more than a fifth, and none once it is out of sight."""
    async with live_plane(tmp_path) as plane, live_tab(plane.origin) as page:
        await plane.publish()
        await plane.watch(page, "ses_1")
        style = "player.video.style.cssText = 'display: block; width: 320px; height: %dpx'"
        for height in (100, 110, 400):
            await page.evaluate(style % height)
            await page.wait_for_timeout(1200)
        await page.evaluate("document.body.style.paddingTop = '9000px'")
        with anyio.fail_after(5):
            while (sizes := await page.evaluate("sizes"))[-1] != 0:
                await page.wait_for_timeout(50)

    assert sizes[-3:] == [100, 400, 0]


async def test_leaving_ends_the_session_at_the_relay(tmp_path: Path):
    """When the page hangs up, the relay knows by DELETE of that very call; the end of DTLS may be known before it."""
    async with live_plane(tmp_path) as plane, live_tab(plane.origin) as page:
        await plane.publish()
        assert await plane.watch(page, "ses_1") > 0

        await page.evaluate("player.leave()")

        gone = await plane.relay.event(protocol.ViewerGone, 3)
        await _until_left(plane, "ses_1")
        assert isinstance(gone, protocol.ViewerGone)
        assert gone.reason == "left"
        assert gone.packets > 0


async def test_leaving_the_page_ends_the_session_at_the_relay(tmp_path: Path):
    """Whoever goes elsewhere has left: the goodbye outlives the page, and so does the DELETE of its call."""
    async with live_plane(tmp_path) as plane, live_tab(plane.origin) as page:
        await plane.publish()
        assert await plane.watch(page, "ses_1") > 0

        await page.goto("about:blank")

        gone = await plane.relay.event(protocol.ViewerGone, 3)
        await _until_left(plane, "ses_1")
        assert isinstance(gone, protocol.ViewerGone)
        assert gone.reason == "left"


async def _until_left(plane: Plane, session: str) -> None:
    """The session's call was left, by its own name, once, and no other call was."""
    await until(lambda: plane.calls.left)
    [resource] = [resource for subject, resource in plane.calls.taken if subject == session]
    assert plane.calls.left == [(session, resource)]


async def test_a_picture_finds_its_way_when_the_network_changes(tmp_path: Path):
    """What the browser's address was is gone: ICE restarts after two seconds without a frame, the same view goes on.

    The relay gave it up after four; the restart is its sign of life. No other decision, ticket or session is needed.
    """
    async with live_plane(tmp_path, lost_every=0) as plane, live_tab(plane.origin) as page:
        assert plane.way is not None
        await plane.publish()
        await until(lambda: plane.way is not None and plane.way.peers)
        site = plane.way.peers
        await anyio.sleep(1.0)
        assert await plane.watch(page, "ses_1") > 0
        await page.wait_for_function("() => states.at(-1) === 'Live'")

        plane.way.forgotten |= plane.way.peers - site
        await page.wait_for_function("() => states.at(-1) !== 'Live'", timeout=4_000)
        frames = await page.evaluate("frames")

        await page.wait_for_function("(frames) => window.frames > frames + 20", arg=frames, timeout=4_000)
        await page.wait_for_function("() => states.at(-1) === 'Live'")
        await anyio.sleep(6.0)
        assert (await plane.relay.client.figures())["viewers"] == 1
        assert not [event for event in plane.relay.events if isinstance(event, protocol.ViewerGone)]
        assert await page.evaluate("states") == [
            "Connecting", "Catching up", "Live", "The picture has stopped; trying to go on", "Live"
        ]  # fmt: skip
        assert await page.evaluate("window.__violations") == []


async def test_pictures_survive_a_way_that_loses_packets(tmp_path: Path):
    """One in ten is lost on either side of the relay: Chromium asks, RTX answers, and the picture goes on moving.

    Our sender reports reach it as well, and its own say how it goes; nobody is asked for a key frame meanwhile.
    """
    async with live_plane(tmp_path, lost_every=10) as plane, live_tab(plane.origin) as page:
        await plane.publish()
        await anyio.sleep(1.0)
        assert await plane.watch(page, "ses_1") > 0

        await anyio.sleep(6.0)

        seen: Any = await page.evaluate("stats('inbound-rtp')")
        assert seen["nackCount"] > 0
        assert seen["retransmittedPacketsReceived"] > 0
        assert seen["framesDecoded"] > 0.8 * 6 * plane.stream.fps
        assert await page.evaluate("frames") > 0.6 * 6 * plane.stream.fps
        told: Any = await page.evaluate("stats('remote-outbound-rtp')")
        assert told["packetsSent"] > 0
        assert plane.way is not None
        assert plane.way.lost > 10
        relay, viewer = await plane.relay.client.figures(), await plane.relay.client.figures("ses_1")
        assert relay["repeated_packets"] > 0
        assert relay["repaired_packets"] > 0
        assert relay["viewers"] == 1
        assert viewer["lost_packets"] > 0
        assert 0 <= viewer["rtt_ms"] < 500
