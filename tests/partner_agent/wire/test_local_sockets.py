"""Streams over Unix sockets: whole, closed when the other end is, and silent when they are cancelled."""

import asyncio
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import anyio
import pytest
from anyio.abc import SocketAttribute, SocketStream

from partner_agent.wire import local_sockets

pytestmark = pytest.mark.anyio


@asynccontextmanager
async def pair(folder: Path) -> AsyncIterator[tuple[SocketStream, SocketStream]]:
    """Who called, and who was called."""
    path = folder / "a.sock"
    async with (
        await anyio.create_unix_listener(path, mode=0o600) as listener,
        await local_sockets.connect(path) as near,
        await local_sockets.on_a_transport(await listener.accept()) as far,
    ):
        yield near, far


async def test_bytes_go_both_ways_and_the_end_is_told(tmp_path: Path):
    """More than the kernel holds at once, and then nothing."""
    sent = bytes(range(256)) * 8_000
    async with pair(tmp_path) as (near, far):
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(near.send, sent)
            got = b""
            while len(got) < len(sent):
                got += await far.receive()
        assert got == sent
        await far.send(b"yes")
        assert await near.receive() == b"yes"
        await near.aclose()
        with pytest.raises(anyio.EndOfStream):
            await far.receive()


async def test_nobody_listens(tmp_path: Path):
    """A path without a listener is an error of the system's."""
    with pytest.raises(OSError, match="No such file"):
        await local_sockets.connect(tmp_path / "nobody.sock")


@pytest.mark.parametrize("end", [0, 1])
async def test_a_reader_cancelled_as_bytes_arrive_leaves_the_loop_in_peace(tmp_path: Path, end: int):
    """In the same turn of the loop: the loop has nothing to report."""
    reported: list[dict[str, object]] = []
    loop = asyncio.get_running_loop()
    before = loop.get_exception_handler()
    loop.set_exception_handler(lambda _, context: reported.append(context))
    try:
        async with pair(tmp_path) as both:
            reader, writer = both[end], both[1 - end]
            async with anyio.create_task_group() as tasks:
                tasks.start_soon(reader.receive)
                await anyio.sleep(0.02)  # it waits
                os.write(writer.extra(SocketAttribute.raw_socket).fileno(), b"x")
                loop.call_soon(tasks.cancel_scope.cancel)  # runs after the loop has looked, before it reads
                await anyio.sleep(0.02)
            await anyio.sleep(0.02)
    finally:
        loop.set_exception_handler(before)
    assert reported == []
