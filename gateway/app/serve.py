"""`lenspact serve`: the web application on its sockets, its background work, and the metrics listener.

Roles: `all` (one machine), `api` (pages and links), `worker` (sequencer, mail, timers), `relay` (media only). The last
three are for installations with PostgreSQL; on one machine the relay is a child of `all`.
"""

import logging
import os
import socket
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

import anyio
import msgspec
import uvicorn

from gateway.app import schema
from gateway.app.api import create_app
from gateway.app.live import relay_config
from gateway.app.one_writer import only_writer
from gateway.app.server import server_config
from gateway.app.services import Services, build_services
from gateway.app.settings import Settings
from gateway.app.setup import obey, prepare
from gateway.edge.health import metrics_app
from gateway.kernel.background import supervise
from gateway.kernel.keyring import Keyring
from partner_agent.wire.steady import put_aside

log = logging.getLogger("lenspact.serve")

BACKLOG: Final = 512


class Server(uvicorn.Server):
    """Says when it listens."""

    def __init__(self, config: uvicorn.Config, *, on_ready: Callable[[], None]) -> None:
        super().__init__(config)
        self._on_ready = on_ready

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Open, then tell."""
        await super().startup(sockets)
        if self.started:
            self._on_ready()


class SideServer(Server):
    """A server that leaves signals to whoever runs it."""

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Not mine."""
        yield


def bind(host: str, port: int) -> list[socket.socket]:
    """Sockets for `host`; `localhost` means both loopbacks, or the one there is.

    Raises:
        OSError: the port is taken, or the address is not this machine's.
    """
    addresses = ["127.0.0.1", "::1"] if host == "localhost" else [host]
    sockets, failure = [], None
    for address in addresses:
        family = socket.AF_INET6 if ":" in address else socket.AF_INET
        try:
            sockets.append(socket.create_server((address, port), family=family, backlog=BACKLOG))
        except OSError as error:
            failure = error
            if address != "::1":  # a machine without IPv6 is fine
                raise
    if not sockets and failure:
        raise failure
    return sockets


def become_relay(settings: Settings) -> None:
    """Turn this process into a relay, which holds no database and no web framework; does not return.

    The relay reads its settings from a pipe and ends when that closes, so the writing end stays with it.
    """
    config = relay_config(settings, Keyring.load(settings.state_dir / "keys"))
    reading, writing = os.pipe()
    os.write(writing, msgspec.json.encode(config) + b"\n")
    os.dup2(reading, 0)
    os.set_inheritable(writing, True)
    Path(config.socket).unlink(missing_ok=True)
    os.execv(sys.executable, [sys.executable, "-m", "gateway.app.relay"])  # noqa: S606  (ourselves, no shell)


async def serve(settings: Settings, *, role: str, say: Callable[[str], None]) -> None:
    """Serve until asked to stop.

    Raises:
        ConflictError: another gateway holds the state folder.
        UnavailableError: the database has another schema.
    """
    if settings.is_embedded:
        settings.state_dir.mkdir(parents=True, exist_ok=True, mode=0o700)
        with only_writer(settings.state_dir):
            await _serve(await prepare(settings), settings, role, say)
        return
    services = build_services(settings)
    await schema.at_head(services.database)
    await obey(services)
    await services.identity.people.ensure_agency(settings.agency_name)
    await _serve(services, settings, role, say)


async def _serve(services: Services, settings: Settings, role: str, say: Callable[[str], None]) -> None:
    if role == "worker":
        await _work(services, say)
        return
    app = create_app(services, settings, role=role)
    sockets = bind(settings.host, settings.port)

    def ready() -> None:
        put_aside()
        say(f"Lenspact is ready at {settings.public_url}")

    main = Server(server_config(app, settings), on_ready=ready)
    async with anyio.create_task_group() as group:
        if settings.metrics_port is not None:
            group.start_soon(_serve_metrics, services, settings.metrics_port)
        try:
            await main.serve(sockets)
        finally:
            group.cancel_scope.cancel()


async def serve_prepared(
    services: Services, settings: Settings, on_ready: Callable[[], None], write_access_line: Callable[[bytes], None]
) -> None:
    """Serve a prepared gateway until cancelled, and then end in order; signals are the caller's to take."""
    app = create_app(services, settings, write_access_line=write_access_line)
    server = SideServer(server_config(app, settings), on_ready=on_ready)
    sockets = bind(settings.host, settings.port)
    ended = anyio.Event()

    async def served() -> None:
        with anyio.CancelScope(shield=True):  # it is asked below, and ends its connections and its lifespan itself
            await server.serve(sockets)
        ended.set()

    async with anyio.create_task_group() as group:
        group.start_soon(served)
        try:
            await ended.wait()
        finally:
            server.should_exit = True


async def _work(services: Services, say: Callable[[str], None]) -> None:
    try:
        async with anyio.create_task_group() as group:
            for work in services.background:
                if not work.runs_as("worker"):
                    continue
                group.start_soon(_supervised(work, services), name=work.name)
            put_aside()
            say("Lenspact's worker is ready")
    finally:
        with anyio.CancelScope(shield=True):
            await services.close()


def _supervised(work: Any, services: Services) -> Callable[[], Any]:
    return lambda: supervise(work, clock=services.clock)


async def _serve_metrics(services: Services, port: int) -> None:
    config = uvicorn.Config(
        metrics_app(services.metrics),
        http="httptools",
        ws="none",
        lifespan="off",
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=False,
    )
    sockets = bind("127.0.0.1", port)
    await SideServer(config, on_ready=lambda: None).serve(sockets)
