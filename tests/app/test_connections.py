"""A gateway whose descriptors are taken: who is served goes on, a new caller is told so, and it recovers by itself."""

import functools
import socket
import sys
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import ExitStack, asynccontextmanager, contextmanager
from pathlib import Path
from typing import Any

import anyio
import httpx
import pytest
import uvicorn

from gateway.app import connections
from gateway.app.connections import FULL, LEAST, OWN, TURNED_AWAY, BoundedProtocol, Places, most_connections
from tests.support.descriptors import cpu_s, most_files
from tests.support.processes import free_port, running, wait_for
from tests.support.waiting import until

LIMIT = 220  # descriptors
PLACES = LIMIT - OWN
LOOK_S = 1.0


def test_what_the_gateway_needs_for_itself_is_set_aside():
    """Of a low limit too little is left to divide: then some connections are taken all the same."""
    assert most_connections(65_536) == 65_536 - OWN
    assert most_connections(64) == LEAST


def test_that_all_places_are_taken_is_said_once(caplog: pytest.LogCaptureFixture):
    """And again only after half of them were free."""
    places = Places(10)
    assert [places.takes(present) for present in (10, 11, 12, 10, 11)] == [True, False, False, True, False]
    assert caplog.messages == [FULL % 10]
    assert [places.takes(present) for present in (5, 11)] == [True, False]
    assert caplog.messages == [FULL % 10] * 2


@pytest.mark.slow
def test_a_crowd_takes_nothing_from_who_is_served(tmp_path: Path):
    """New callers get 503, pages or WebSockets; who was there gets every page; it costs little and is logged once."""
    port = free_port()
    url, log = f"http://localhost:{port}", tmp_path / "log"
    variables = {
        "LENSPACT_STATE_DIR": str(tmp_path / "state"),
        "LENSPACT_PORT": str(port),
        "LENSPACT_PUBLIC_URL": url,
        "LENSPACT_METRICS_PORT": str(free_port()),
    }
    command = most_files(LIMIT, sys.executable, "-m", "gateway.app.cli", "serve")
    with running(command, log=log, variables=variables) as process, httpx.Client(base_url=url, timeout=5) as served:
        wait_for(url + "/readyz", process=process, log=log)
        assert served.get("/sign-in").status_code == 200
        with crowd(port, PLACES):
            refused = httpx.get(url + "/sign-in")
            upgrade = httpx.get(url + "/agent/v1", headers={"connection": "upgrade", "upgrade": "websocket"})
            assert served.get("/readyz").json()["status"] == "ok"
            with crowd(port, LIMIT):
                assert served.get("/").status_code == 200  # whose template is read now
                before_s = cpu_s(process.pid)
                time.sleep(LOOK_S)  # a real process needs real time
                assert cpu_s(process.pid) - before_s < LOOK_S / 2
        again = wait_for(url + "/readyz", process=process, log=log)

    assert refused.status_code == upgrade.status_code == 503
    assert refused.json()["type"] == "urn:lenspact:problem:unavailable"
    assert int(refused.headers["retry-after"]) > 0
    assert again.json()["status"] == "ok"
    said = log.read_text()
    assert said.count(FULL % PLACES) == 1
    assert "Too many open files" not in said


@asynccontextmanager
async def serving(places: Places) -> AsyncIterator[tuple[uvicorn.Server, int]]:
    """A web server with so many places; it and its port."""

    async def app(scope: dict[str, Any], receive: Any, send: Any) -> None:
        del scope, receive
        await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"2")]})
        await send({"type": "http.response.body", "body": b"ok"})

    protocol: Any = functools.partial(BoundedProtocol, places=places)
    listener = socket.create_server(("127.0.0.1", 0))
    config = uvicorn.Config(app, http=protocol, lifespan="off", log_level="warning", timeout_graceful_shutdown=1)
    server = uvicorn.Server(config)
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(lambda: server.serve(sockets=[listener]))
        await until(lambda: server.started)
        yield server, listener.getsockname()[1]
        server.should_exit = True


async def status_of(port: int) -> int:
    """What a caller is answered."""
    async with httpx.AsyncClient() as caller:
        return (await caller.get(f"http://127.0.0.1:{port}/", headers={"connection": "close"})).status_code


@pytest.mark.anyio
async def test_who_is_turned_away_takes_no_place(monkeypatch: pytest.MonkeyPatch):
    """As soon as one place is free a caller gets it, however many silent ones were refused before."""
    monkeypatch.setattr(connections, "REFUSED_S", 60.0)
    async with serving(Places(2)) as (server, port):
        held = server.server_state.connections
        with ExitStack() as refused:
            with crowd(port, 2):
                await until(lambda: len(held) == 2)
                refused.enter_context(crowd(port, TURNED_AWAY))
                await until(lambda: len(held) == 2 + TURNED_AWAY)
            await until(lambda: len(held) == TURNED_AWAY)
            assert await status_of(port) == 200


@pytest.mark.anyio
async def test_who_asks_for_nothing_loses_the_place(monkeypatch: pytest.MonkeyPatch):
    """Silent from the start, a head without an end, and line ends after an answer; who asks in time is answered."""
    monkeypatch.setattr(connections, "HEAD_S", 0.3)
    async with serving(Places(9)) as (server, port), httpx.AsyncClient() as caller:
        with crowd(port, 1), socket.create_connection(("127.0.0.1", port)) as slow:
            slow.send(b"GET / HTTP/1.1\r\nHost")
            idle = socket.create_connection(("127.0.0.1", port))
            idle.send(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")
            await until(lambda: server.server_state.total_requests == 1)
            idle.send(b"\r\n")
            assert (await caller.get(f"http://127.0.0.1:{port}/")).status_code == 200
            await until(lambda: len(server.server_state.connections) == 1)
            idle.close()
            assert (await caller.get(f"http://127.0.0.1:{port}/")).status_code == 200
            assert len(server.server_state.connections) == 1


@contextmanager
def crowd(port: int, number: int) -> Iterator[None]:
    """So many sockets that say nothing."""
    with ExitStack() as stack:
        for _ in range(number):
            stack.enter_context(socket.create_connection(("127.0.0.1", port), timeout=5))
        yield
