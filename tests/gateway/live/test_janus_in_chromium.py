"""Our player and the site's publisher through a real Janus: what a browser makes of an answer that was an offer."""

import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any, cast

import anyio
import httpx
import pytest
import uvicorn
from litestar.di import Provide
from playwright.async_api import Error

from gateway.edge.problems import ProblemHandler
from gateway.live.call_routes import CALL_ROUTES
from gateway.live.relay import protocol
from gateway.live.relay.child import RelayChild
from gateway.live.relay.client import RelayClient
from partner_agent.rtc import certificate
from partner_agent.rtc.whip import Publisher
from partner_agent.wire.clock import SystemClock
from partner_agent.wire.ids import SystemIds
from tests.gateway.live.test_watching import NotedCalls, Plane, live_page, live_script, live_tab
from tests.support import browser, cameras, janus
from tests.support.engines import behind_janus
from tests.support.pages import web_app
from tests.support.relays import RELAY, RunningRelay

pytestmark = [pytest.mark.anyio, pytest.mark.browser, pytest.mark.slow]


@asynccontextmanager
async def janus_plane(folder: Path) -> AsyncIterator[Plane]:
    """As `live_plane`, with Janus where the relay is."""
    browser.chromium_path()
    janus.need()
    stream = cameras.small_stream(cameras.make_film(folder / "film.mp4"), folder, gop_frames=30)
    async with behind_janus(folder) as bench, anyio.create_task_group() as tasks:
        calls = NotedCalls(relay=bench.engine)
        app = web_app(
            [*CALL_ROUTES, live_page, live_script],
            dependencies={"live_calls": Provide(lambda: calls, sync_to_thread=False)},
            exception_handlers=ProblemHandler().handlers(),
        )
        listener = socket.create_server(("127.0.0.1", 0))
        server = uvicorn.Server(uvicorn.Config(app, log_level="warning", ws="none"))
        tasks.start_soon(lambda: server.serve(sockets=[listener]))
        clock, hello = SystemClock(), protocol.Hello(relay=RELAY, fingerprint=bench.fingerprint, addresses=[])
        relay = RunningRelay(
            cast("RelayClient", bench.engine), cast("RelayChild", None), bench.tickets, hello, events=bench.events
        )
        async with httpx.AsyncClient() as http:
            publisher = Publisher(
                http=http,
                identity=certificate.generate(clock.now()),
                media_address=bench.address,
                allows_address=lambda address: str(address) == bench.address,
                clock=clock,
                ids=SystemIds(),
            )
            origin = f"http://localhost:{listener.getsockname()[1]}"
            yield Plane(relay, origin, publisher, stream, tasks, None, calls)
        server.should_exit = True
        tasks.cancel_scope.cancel()


async def test_a_view_through_janus_moves_and_stops_when_dropped(tmp_path: Path):
    """The site's publisher and our player meet at Janus, pictures change, and no frame comes after the drop."""
    async with janus_plane(tmp_path) as plane, live_tab(plane.origin) as page:
        await plane.publish()
        await anyio.sleep(1.0)

        first_ms = await plane.watch(page, "ses_1")

        assert 0 < first_ms < 5_000  # at the camera's next key picture
        await anyio.sleep(2.0)
        before: Any = await page.evaluate("picture()")
        await anyio.sleep(0.5)
        assert before != await page.evaluate("picture()")
        assert "GCM" in await page.evaluate("cipher()")
        await plane.relay.client.drop(["ses_1"])
        await page.wait_for_function("player.video.srcObject === null")  # at Janus's goodbye
        frames = await page.evaluate("frames")
        await anyio.sleep(1.0)
        assert await page.evaluate("frames") == frames


async def test_a_second_browser_and_one_that_leaves(tmp_path: Path):
    """One publication is seen by two, and who leaves ends their own view alone."""
    async with (
        janus_plane(tmp_path) as plane,
        live_tab(plane.origin) as page,
        live_tab(plane.origin) as other,
    ):
        await plane.publish()
        assert await plane.watch(page, "ses_1") > 0
        assert await plane.watch(other, "ses_2") > 0

        await page.evaluate("player.leave()")

        gone = await plane.relay.event(protocol.ViewerGone, 3)
        assert isinstance(gone, protocol.ViewerGone)
        assert (gone.session, gone.reason) == ("ses_1", "left")
        frames = await other.evaluate("frames")
        await other.wait_for_function("before => frames > before + 20", arg=frames)


async def test_a_tab_that_crashes_is_noticed_and_one_that_stays_is_not(tmp_path: Path):
    """The player gives its pulse for as long as it lives; Janus itself would not know."""
    async with janus_plane(tmp_path) as plane, live_tab(plane.origin) as page, live_tab(plane.origin) as other:
        await plane.publish()
        assert await plane.watch(page, "ses_1") > 0
        assert await plane.watch(other, "ses_2") > 0
        await anyio.sleep(7.0)  # longer than silence is borne
        assert not [event for event in plane.relay.events if isinstance(event, protocol.ViewerGone)]

        with suppress(Error):
            await page.goto("chrome://crash")

        gone = await plane.relay.event(protocol.ViewerGone, 7)
        assert isinstance(gone, protocol.ViewerGone)
        assert (gone.session, gone.reason) == ("ses_1", "silent")
        frames = await other.evaluate("frames")
        await other.wait_for_function("before => frames > before + 20", arg=frames)


async def test_a_browser_whose_network_changes_goes_on(tmp_path: Path):
    """ICE restarts by PATCH through Janus, and the picture goes on in the same view."""
    async with janus_plane(tmp_path) as plane, live_tab(plane.origin) as page:
        await plane.publish()
        assert await plane.watch(page, "ses_1") > 0
        former = await page.evaluate("peer.remoteDescription.sdp.match(/ice-ufrag:(.+)/)[1]")

        async with page.expect_response(lambda answer: answer.status == 200 and answer.request.method == "PATCH"):
            await page.evaluate("dispatchEvent(new Event('online'))")

        await page.wait_for_function(
            "former => peer.remoteDescription.sdp.match(/ice-ufrag:(.+)/)[1] !== former", arg=former
        )
        await anyio.sleep(1.0)
        frames = await page.evaluate("frames")
        await page.wait_for_function("before => frames > before + 60", arg=frames)
        # while the new way is found the browser may call the old one disconnected for a moment, though pictures come
        await page.wait_for_function("() => ['connected', 'completed'].includes(peer.iceConnectionState)")
        assert await page.evaluate("window.__violations") == []
