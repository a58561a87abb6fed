"""The terminal's way to the running agent: whatever a terminal says or breaks off, the agent goes on."""

import json
from contextlib import suppress
from pathlib import Path

import anyio
import pytest

from partner_agent import control
from tests.fakes.clock import FakeClock
from tests.support.agents import Bench

pytestmark = pytest.mark.anyio


async def _connected(path: Path) -> anyio.abc.SocketStream:
    """As soon as the agent listens."""
    while True:
        try:
            return await anyio.connect_unix(path)
        except OSError:
            await anyio.lowlevel.checkpoint()


@pytest.mark.parametrize("said", [b"", b'{"do": "sta', b"[]\n", b"null\n", b"no json\n", b'{"do": 7}\n'], ids=repr)
async def test_a_broken_off_command_ends_nothing(tmp_path: Path, clock: FakeClock, said: bytes):
    """A key pressed at the wrong moment costs that command; the next one is answered."""
    bench = Bench(tmp_path, clock)
    path = control.socket_path(tmp_path)
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(control.serve, path, bench.agent.site)
        with anyio.fail_after(5):
            async with await _connected(path) as stream:
                await stream.send(said)
                await stream.send_eof()
                with suppress(anyio.BrokenResourceError):
                    async for _ in stream:
                        pass
            answer = await control.call(tmp_path, do="status")
        assert json.dumps(answer)
        assert "proposals" in answer
        tasks.cancel_scope.cancel()
