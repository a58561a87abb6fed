"""A camera with two streams, a real relay, and a site's line on which media is lost: which stream leaves."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, cast

import anyio
import av
import httpx
import pytest

from partner_agent import line_loss
from partner_agent.rtc import certificate
from partner_agent.rtc.units import AccessUnit
from partner_agent.rtc.whip import Publication, Publisher, PublishTarget
from partner_agent.simulator.camera import Camera
from partner_agent.wire.clock import SystemClock
from partner_agent.wire.ids import SystemIds
from tests.partner_agent.test_uplink import Relay, order, uplink
from tests.support import cameras, relays, waiting
from tests.support.lossy import Detour, LossyWay

pytestmark = [pytest.mark.anyio, pytest.mark.slow]
SMALL, LARGE = 96, 192


class Line:
    """The agent's publisher over a way that may lose media; what leaves is kept, and can be decoded."""

    def __init__(self, relay: relays.RunningRelay, way: LossyWay) -> None:
        self.way, self._relay, self._calls = way, relay, Detour(relay.client, way)
        self._decoder = cast("Any", av.CodecContext.create("h264", "r"))
        self.heights: list[int] = []
        clock = SystemClock()
        self._publisher = Publisher(
            http=httpx.AsyncClient(transport=httpx.MockTransport(self._answer)),
            identity=certificate.generate(clock.now()),
            media_address="127.0.0.1",
            allows_address=lambda address: address.is_loopback,
            clock=clock,
            ids=SystemIds(),
        )

    async def publish(self, units: AsyncIterator[AccessUnit], _target: Any, **named: Any) -> Publication:
        """As the agent does, to a relay that knows us."""
        ticket = self._relay.tickets.for_publication(publication="pub_1", camera="cam", agent="agt", relay=relays.RELAY)
        target = PublishTarget("http://localhost/whip/pub_1", ticket, self._relay.hello.fingerprint)
        return await self._publisher.publish(self._seen(units), target, **named)

    async def shows(self, height: int) -> None:
        """Wait until pictures of so many lines leave."""
        await waiting.until(lambda: self.heights[-1:] == [height], timeout_s=30)

    async def _seen(self, units: AsyncIterator[AccessUnit]) -> AsyncIterator[AccessUnit]:
        async for unit in units:
            frames = self._decoder.decode(av.Packet(unit.data))
            self.heights += [frame.height for frame in frames]
            yield unit

    async def _answer(self, request: httpx.Request) -> httpx.Response:
        if request.method == "DELETE":
            return httpx.Response(200)
        ticket = request.headers["authorization"].removeprefix("Bearer ")
        answer = await self._calls.whip("pub_1", ticket, request.content.decode())
        return httpx.Response(answer.status, text=answer.sdp, headers={"location": "/whip/pub_1/call"})


@asynccontextmanager
async def line(folder: Path) -> AsyncIterator[Line]:
    """On which nothing is lost as yet."""
    async with relays.running_relay(folder) as relay:
        host, _, port = relay.hello.addresses[0].rpartition(":")
        way = await LossyWay.open((host, int(port)), every=0)
        yield Line(relay, way)
        way.close()


async def test_on_a_line_that_loses_much_the_smaller_stream_leaves_and_the_larger_one_again_once_it_is_quiet(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    """By what the relay reports; all that leaves can be decoded, and back again it is strained no more."""
    monkeypatch.setattr(line_loss, "QUIET_S", 3.0)
    film = cameras.make_film(tmp_path / "film.mp4")
    small, large = (cameras.small_stream(film, tmp_path, size=size) for size in ((160, SMALL), (320, LARGE)))
    camera = Camera("cam1", {"main": large, "sub": small}, cameras.USER, cameras.PASSWORD)
    async with cameras.camera_server(camera) as port, line(tmp_path) as site, anyio.create_task_group() as tasks:
        at = f"rtsp://127.0.0.1:{port}/cam1"
        async with uplink(tmp_path, cast("Relay", site), url=f"{at}/main", live_url=f"{at}/sub") as (sender, _, name):
            opened = await sender.publish(order(name), tasks=tasks)
            opened.show(720)
            await site.shows(LARGE)
            site.way.every = 4
            await site.shows(SMALL)
            lost = site.way.lost
            site.way.every = 0
            await site.shows(LARGE)
            await opened.stop()
        tasks.cancel_scope.cancel()

    assert lost > 0
    assert (opened.code, opened.fault) == (None, None)
