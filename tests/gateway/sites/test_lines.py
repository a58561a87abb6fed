"""Measuring a site's line, over a real server: what it says, and that nobody else can make the gateway take bytes."""

from collections.abc import AsyncIterator
from pathlib import Path

import anyio
import pytest

from gateway.kernel.database import Database
from gateway.sites.lines import MOST_AT_ONCE, PATH
from partner_agent.line import HttpMeter
from partner_agent.wire.check_messages import CheckUpload
from partner_agent.wire.clock import SystemClock
from partner_agent.wire.limits import LINE_BYTES, LINE_REQUESTS
from tests.support.site_server import SiteServer, site_server

pytestmark = pytest.mark.anyio
AGENT = "agt_1"


@pytest.fixture
async def server(sqlite_database: Database, tmp_path: Path) -> AsyncIterator[SiteServer]:
    """A gateway on loopback."""
    async with site_server(sqlite_database, tmp_path) as server:
        yield server


async def place_of(server: SiteServer) -> dict[str, str]:
    """The header that opens a place."""
    place = await server.sites.connection.lines.place(AGENT)
    assert place is not None
    assert place.url == server.url + PATH
    return {"authorization": f"Bearer {place.token}"}


async def test_an_agent_s_meter_and_a_gateway_s_place_agree(server: SiteServer):
    """A rate comes of it, within the requests and bytes of one place."""
    await server.until_key_set()  # the start is over
    place = await server.sites.connection.lines.place(AGENT)
    assert place is not None
    meter = HttpMeter(http=server.http, clock=SystemClock())
    rate = await meter.measure(place, is_watched=lambda: False)

    assert (rate.why, rate.is_bound) == (None, False)
    assert rate.kbps


async def test_a_stranger_is_refused_before_a_byte_is_read(server: SiteServer):
    """As if there were nothing, also while somebody measures: the answer comes though the body does not."""
    await place_of(server)
    host = server.url.removeprefix("http://")
    for secret in ("", "authorization: Bearer ", "authorization: Bearer other", "authorization: Basic eA=="):
        head = [
            f"POST {PATH} HTTP/1.1",
            f"host: {host}",
            f"content-length: {LINE_BYTES}",
            *([secret] if secret else []),
        ]
        with anyio.fail_after(10):
            async with await anyio.connect_tcp("127.0.0.1", server.port) as stream:
                await stream.send("\r\n".join([*head, "", ""]).encode())
                assert (await stream.receive()).startswith(b"HTTP/1.1 404"), secret


async def test_a_place_takes_so_many_bytes_and_so_many_requests(server: SiteServer):
    """Three megabytes in all, whatever the length says; and no ninth request."""
    headers = await place_of(server)
    assert (await server.http.post(PATH, headers=headers, content=b"x" * LINE_BYTES)).status_code == 204
    assert (await server.http.post(PATH, headers=headers, content=b"x")).status_code == 404
    headers = await place_of(server)
    answers = [(await server.http.post(PATH, headers=headers)).status_code for _ in range(LINE_REQUESTS + 1)]
    assert answers == [204] * LINE_REQUESTS + [404]


async def test_sites_that_come_at_the_same_moment_get_two_places(server: SiteServer):
    """However many ask at once, two measure."""
    lines, places = server.sites.connection.lines, list[CheckUpload | None]()

    async def ask(agent: str) -> None:
        places.append(await lines.place(agent))

    async with anyio.create_task_group() as tasks:
        for number in range(3 * MOST_AT_ONCE):
            tasks.start_soon(ask, f"agt_{number}")

    assert len([place for place in places if place is not None]) == MOST_AT_ONCE
    assert len(lines._places) == MOST_AT_ONCE


async def test_a_place_takes_one_request_at_a_time(server: SiteServer):
    """A second connection with the same secret adds nothing to the load."""
    headers, began = await place_of(server), anyio.Event()
    may_end = anyio.Event()

    async def slowly() -> AsyncIterator[bytes]:
        yield b"x"
        began.set()
        await may_end.wait()

    async def first() -> None:
        assert (await server.http.post(PATH, headers=headers, content=slowly())).status_code == 204

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(first)
        await began.wait()
        await server.until(lambda: server.sites.connection.lines._places[AGENT].is_taking)
        assert (await server.http.post(PATH, headers=headers, content=b"x")).status_code == 404
        may_end.set()


async def test_a_place_is_over_with_its_check(server: SiteServer):
    """The secret opens nothing any more."""
    headers = await place_of(server)
    server.sites.connection.lines.close(AGENT)

    assert (await server.http.post(PATH, headers=headers, content=b"x")).status_code == 404
