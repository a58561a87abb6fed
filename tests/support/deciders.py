"""Several gateway processes beside this one, on one PostgreSQL, each behind a door that can be shut, or without."""

import json
import subprocess
import sys
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import anyio
import anyio.abc
from anyio.streams.text import TextReceiveStream
from sqlalchemy.engine import make_url

from gateway.sharing.freshness import RECHECK_S
from tests.support.processes import ROOT

START_S = 60.0
SETTLE_S = RECHECK_S * 4


@dataclass
class Door:
    """The way to the database of one process: a TCP relay on loopback that the test can shut."""

    port: int
    listener: Any
    upstream: tuple[str, int]
    streams: set[Any] = field(default_factory=set)
    ports: set[int] = field(default_factory=set)  # of our connections to the database, as it sees them
    is_shut: bool = False

    async def serve(self) -> None:
        """Carry connections until cancelled."""
        await self.listener.serve(self._carry)

    async def shut(self) -> None:
        """Cut every connection, and take no more."""
        self.is_shut = True
        for stream in list(self.streams):
            await anyio.aclose_forcefully(stream)

    def open(self) -> None:
        """Take connections again."""
        self.is_shut = False

    async def _carry(self, near: Any) -> None:
        if self.is_shut:
            await anyio.aclose_forcefully(near)
            return
        far = await anyio.connect_tcp(*self.upstream)
        port = far.extra(anyio.abc.SocketAttribute.local_port)
        self.streams |= {near, far}
        self.ports.add(port)
        try:
            async with anyio.create_task_group() as tasks:
                tasks.start_soon(self._pump, near, far, tasks.cancel_scope)
                tasks.start_soon(self._pump, far, near, tasks.cancel_scope)
        finally:
            self.streams -= {near, far}
            self.ports.discard(port)
            with anyio.CancelScope(shield=True):
                await anyio.aclose_forcefully(near)
                await anyio.aclose_forcefully(far)

    async def _pump(self, source: Any, target: Any, scope: anyio.CancelScope) -> None:
        try:
            async for data in source:
                await target.send(data)
        except (anyio.BrokenResourceError, anyio.ClosedResourceError):
            pass
        scope.cancel()


@dataclass
class Decider:
    """One process, what it said of itself, and its door; None where it goes straight to the database."""

    process: anyio.abc.Process
    door: Door | None
    said: list[dict[str, Any]] = field(default_factory=list)
    news: anyio.Event = field(default_factory=anyio.Event)
    asked: int = 0

    async def read(self) -> None:
        """Take in what it says until it ends."""
        assert self.process.stdout is not None
        rest = ""
        async for text in TextReceiveStream(self.process.stdout):
            *lines, rest = (rest + text).split("\n")
            self.said += [json.loads(line) for line in lines]
            self.news.set()

    async def changed_to(self, answer: str, *, since_ns: int = 0, timeout_s: float = START_S) -> dict[str, Any]:
        """The first time since then that it said, by itself, that its answer is now this."""
        with anyio.fail_after(timeout_s):
            while True:
                self.news = anyio.Event()
                for line in reversed(self.said):
                    if line["at"] < since_ns:
                        break
                    if line.get("changed") == answer:
                        return line
                await self.news.wait()

    async def ask(self, *, timeout_s: float = 10.0) -> dict[str, Any]:
        """What it answers now."""
        self.asked += 1
        assert self.process.stdin is not None
        await self.process.stdin.send(f"{self.asked}\n".encode())
        with anyio.fail_after(timeout_s):
            while True:
                self.news = anyio.Event()
                for line in reversed(self.said):
                    if line.get("asked") == str(self.asked):
                        return line
                await self.news.wait()


@asynccontextmanager
async def deciders(
    count: int, *, state_dir: Path, url: str, question: Mapping[str, str], has_doors: bool = True
) -> AsyncIterator[list[Decider]]:
    """That many processes, each of which permits; ended with the block.

    `has_doors`: this process carries what they say to the database, which costs time where time is measured.
    """
    async with AsyncExitStack() as stack, anyio.create_task_group() as tasks:
        found = []
        for _ in range(count):
            door = await _door(url) if has_doors else None
            if door is not None:
                tasks.start_soon(door.serve)
            found.append(await _started(stack, door, state_dir=state_dir, url=url, question=question))
        for decider in found:
            tasks.start_soon(decider.read)
        for decider in found:
            await decider.changed_to("permit")
        try:
            yield found
        finally:
            tasks.cancel_scope.cancel()


async def _door(url: str) -> Door:
    there = make_url(url)
    listener = await anyio.create_tcp_listener(local_host="127.0.0.1", local_port=0)
    port = listener.extra(anyio.abc.SocketAttribute.local_port)
    return Door(port, listener, (there.host or "127.0.0.1", there.port or 5432))


async def _started(
    stack: AsyncExitStack, door: Door | None, *, state_dir: Path, url: str, question: Mapping[str, str]
) -> Decider:
    through = make_url(url).set(drivername="postgresql")
    if door is not None:
        through = through.set(host="127.0.0.1", port=door.port)
    wish = {
        "state_dir": str(state_dir),
        "database_url": through.render_as_string(hide_password=False),
        **question,
    }
    command = [sys.executable, "-m", "tests.support.deciding_process", json.dumps(wish)]
    process = await anyio.open_process(command, cwd=ROOT, stderr=subprocess.DEVNULL)
    stack.push_async_callback(_end, process)
    return Decider(process, door)


async def _end(process: anyio.abc.Process) -> None:
    with anyio.CancelScope(shield=True):
        if process.returncode is None:
            process.kill()
        await process.wait()
        await process.aclose()
