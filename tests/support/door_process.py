"""A gateway's door with a relay behind it, in a process of its own: `python -m tests.support.door_process FOLDER`.

It is told one JSON line (`Told`), answers with one (`Said`), and ends when its input closes. The sessions it is told of
are admitted and go on; it decides nothing.
"""

import os
import socket
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import anyio
import msgspec
import uvicorn
from joserfc.jwk import ECKey
from litestar import Litestar
from litestar.di import Provide

from gateway.edge.problems import ProblemHandler
from gateway.kernel.keyring import TicketSigner
from gateway.live.call_routes import CALL_ROUTES
from gateway.live.calls import Calls
from partner_agent.wire.limits import LEASE_PERIOD_S
from tests.support.floods import Address, media_address
from tests.support.processes import ROOT
from tests.support.relays import RunningRelay, running_relay
from tests.support.waiting import until

START_S = 60.0
VALID_S = 600.0


class Told(msgspec.Struct):
    """What the process is told.

    Attributes:
        key: of the tickets, private.
        fingerprint: the publisher's certificate.
    """

    key: dict[str, str]
    publication: str
    fingerprint: str
    sessions: list[str]


class Said(msgspec.Struct):
    """Where the door and the relay's media port are, and the processes behind them."""

    door: Address
    media: Address
    pids: tuple[int, ...]


@asynccontextmanager
async def door_process(folder: Path, told: Told) -> AsyncIterator[Said]:
    """It runs while inside the block."""
    command = [sys.executable, "-m", __name__, str(folder)]
    async with await anyio.open_process(command, cwd=ROOT, stderr=None) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        await process.stdin.send(msgspec.json.encode(told) + b"\n")
        line = b""
        with anyio.fail_after(START_S):
            while not line.endswith(b"\n"):
                line += await process.stdout.receive()
        yield msgspec.json.decode(line, type=Said)
        await process.stdin.aclose()


async def _lease(relay: RunningRelay, told: Told) -> None:
    for session in told.sessions:
        await relay.client.admit(
            session=session, publication=told.publication, fingerprint=told.fingerprint, valid_s=VALID_S
        )
    while True:
        await relay.client.lease(told.sessions)
        await anyio.sleep(LEASE_PERIOD_S)


async def _serve(folder: Path, told: Told) -> None:
    signer = TicketSigner(ECKey.import_key(told.key))
    async with running_relay(folder, signer=signer) as relay, anyio.create_task_group() as tasks:
        calls, listener = Calls(relay=relay.client), socket.create_server(("127.0.0.1", 0), backlog=1_024)
        app = Litestar(
            [*CALL_ROUTES],
            dependencies={"live_calls": Provide(lambda: calls, sync_to_thread=False)},
            exception_handlers=ProblemHandler().handlers(),
            openapi_config=None,
        )
        server = uvicorn.Server(uvicorn.Config(app, log_level="warning", ws="none", lifespan="off"))
        tasks.start_soon(lambda: server.serve(sockets=[listener]))
        tasks.start_soon(_lease, relay, told)
        await until(lambda: server.started, timeout_s=START_S)
        said = Said(listener.getsockname(), media_address(relay), (os.getpid(), relay.child.pid or 0))
        sys.stdout.write(msgspec.json.encode(said).decode() + "\n")
        sys.stdout.flush()
        await anyio.wait_readable(sys.stdin.fileno())  # nothing more is ever written: readable means closed
        tasks.cancel_scope.cancel()


if __name__ == "__main__":
    anyio.run(_serve, Path(sys.argv[1]), msgspec.json.decode(sys.stdin.readline(), type=Told))
