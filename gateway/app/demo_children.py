"""The demo's child processes: started, waited for, and stopped by their id, with their output in a log file.

Each child ends with the demo: it is asked with SIGTERM, given five seconds, then killed. A child that ends by itself
while the demo runs is an error the person sees, with the last lines it wrote.
"""

import os
import subprocess
import sys
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Final

import anyio
from anyio.abc import Process

STOP_S: Final = 5.0
LAST_LINES: Final = 5


class ChildError(Exception):
    """A child could not be started or ended too early; the text says which and shows its last words."""


class Child:
    """One running child.

    Attributes:
        name: as people read it.
        log: where its output goes.
    """

    def __init__(self, name: str, process: Process, log: Path) -> None:
        self.name = name
        self.log = log
        self._process = process

    @property
    def pid(self) -> int:
        """Its process id."""
        return self._process.pid

    async def wait(self) -> None:
        """Wait for its end, which is always too early.

        Raises:
            ChildError: it ended.
        """
        code = await self._process.wait()
        raise ChildError(f"{self.name} ended with code {code}; its last words: {self.last_words()}")

    async def finished(self) -> int:
        """Wait for its end, which is expected; its exit status."""
        return await self._process.wait()

    async def first_line(
        self, *, begins: str, deadline_s: float, watch: Callable[[str], None] = lambda _output: None
    ) -> str:
        """The first line of its output that begins with `begins`; `watch` is shown the output so far while we wait.

        Raises:
            ChildError: it ended, or said nothing of the kind in `deadline_s`.
        """
        with anyio.move_on_after(deadline_s):
            while True:
                output = self.log.read_text(errors="replace")
                for line in output.splitlines():
                    if line.startswith(begins):
                        return line
                watch(output)
                if self._process.returncode is not None:
                    raise ChildError(f"{self.name} ended while starting; its last words: {self.last_words()}")
                await anyio.sleep(0.05)
        raise ChildError(f"{self.name} was not ready in {deadline_s:.0f} s; its last words: {self.last_words()}")

    def last_words(self) -> str:
        """The last lines it wrote."""
        lines = self.log.read_text(errors="replace").strip().splitlines()[-LAST_LINES:]
        return " / ".join(lines) or "none"


@asynccontextmanager
async def child(
    name: str, module: str, arguments: Sequence[str], *, folder: Path, variables: Mapping[str, str] | None = None
) -> AsyncIterator[Child]:
    """Run `python -m module arguments` while inside the block; output goes to `folder/name.log`."""
    await anyio.Path(folder).mkdir(parents=True, exist_ok=True)
    log = folder / f"{name}.log"
    environ = {**os.environ, "PYTHONUNBUFFERED": "1", **(variables or {})}
    with log.open("wb") as output:
        process = await anyio.open_process(
            [sys.executable, "-m", module, *arguments],
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            env=environ,
            start_new_session=True,  # Ctrl-C reaches the demo alone, which then stops its children in order
        )
    try:
        yield Child(name, process, log)
    finally:
        with anyio.CancelScope(shield=True):
            await _stop(process)


async def _stop(process: Process) -> None:
    if process.returncode is None:
        process.terminate()
        with anyio.move_on_after(STOP_S):
            await process.wait()
    if process.returncode is None:
        process.kill()
        await process.wait()
    await process.aclose()


async def run_once(name: str, module: str, arguments: Sequence[str], *, folder: Path) -> int:
    """Run `python -m module arguments` to its end; output goes to `folder/name.log`. Returns its exit status."""
    async with child(name, module, arguments, folder=folder) as running:
        return await running.finished()
