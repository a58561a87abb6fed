"""The bench's hand on the process that holds the load: asks by JSON lines, and knows when it died."""

import json
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import anyio
import anyio.abc
from anyio.streams.buffered import BufferedByteReceiveStream

ANSWER_S = 30.0
_LINE_BYTES = 1024 * 1024


class Hand:
    """One load process.

    Attributes:
        fingerprint: the certificate of all its ends.
    """

    def __init__(self, process: anyio.abc.Process) -> None:
        self._process = process
        assert process.stdout is not None
        self._lines = BufferedByteReceiveStream(process.stdout)
        self._waiting: dict[int, tuple[anyio.Event, dict[str, Any]]] = {}
        self._count = 0
        self.fingerprint = ""

    @property
    def pid(self) -> int:
        """Its process."""
        return self._process.pid

    async def ask(self, operation: str, **arguments: object) -> dict[str, Any]:
        """Have something done.

        Raises:
            RuntimeError: it could not be done.
        """
        self._count += 1
        number, (event, answer) = self._count, (anyio.Event(), {})
        self._waiting[number] = (event, answer)
        await self.tell({"id": number, "op": operation, **arguments})
        with anyio.fail_after(ANSWER_S):
            await event.wait()
        if "error" in answer:
            raise RuntimeError(answer["error"])
        return answer

    async def tell(self, line: dict[str, Any]) -> None:
        """Send one line."""
        assert self._process.stdin is not None
        await self._process.stdin.send(json.dumps(line).encode() + b"\n")

    async def next_line(self) -> dict[str, Any]:
        """The next line it says."""
        return dict(json.loads(await self._lines.receive_until(b"\n", _LINE_BYTES)))

    async def read(self) -> None:
        """Hand answers out, until cancelled or it ends."""
        while True:
            line = await self.next_line()
            event, answer = self._waiting.pop(line.pop("id"))
            answer.update(line)
            event.set()


@asynccontextmanager
async def load(*, host: str, loop: Path, fps: int) -> AsyncIterator[Hand]:
    """A load process while inside the block."""
    command = [sys.executable, "-m", "tests.bench.live.load"]
    async with await anyio.open_process(command, stderr=None) as process, anyio.create_task_group() as tasks:
        hand = Hand(process)
        try:
            await hand.tell({"host": host, "loop": str(loop), "fps": fps})
            with anyio.fail_after(ANSWER_S):
                hand.fingerprint = (await hand.next_line())["fingerprint"]
            tasks.start_soon(hand.read)
            yield hand
        finally:
            tasks.cancel_scope.cancel()
            process.kill()
