"""The real agent as a process: `lenspact-agent enrol`, then `run`, with its own state folder and control socket."""

import re
import sys
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, Final

import anyio
from anyio.abc import Process
from anyio.streams.text import TextReceiveStream
from argon2 import PasswordHasher

ROOT: Final = Path(__file__).parents[2]
PIN: Final = "246810"
_CODE: Final = re.compile(r"Code: ([A-Z]{4}-[A-Z]{4})")


class AgentProcess:
    """One agent on disk; `enrol` and `running` start processes of it.

    Attributes:
        inside: what a command becomes, to be run where the agent is: here, unless a test says otherwise.
    """

    def __init__(
        self,
        folder: Path,
        gateway: str,
        cameras: tuple[str, ...],
        *,
        url: str = "rtsp://127.0.0.1:9/x",
        user: str = "",
        password: str = "",
        is_recorded: bool = False,
        media_address: str = "127.0.0.1",
        allows: Sequence[str] = (),
    ) -> None:
        """`url`: of every camera; nothing answers at the usual one, for a camera is opened only when it is wanted.

        `allows`: addresses besides `media_address` that the gateway may send the agent to.
        """
        self.inside: Callable[..., list[str]] = _here
        folder.mkdir(mode=0o700)
        self.state_dir = folder / "state"
        self.state_dir.mkdir(mode=0o700)
        self.config = folder / "agent.toml"
        hashed = PasswordHasher(time_cost=1, memory_cost=8192, parallelism=1).hash(PIN)
        lines = [
            f'state_dir = "{self.state_dir}"',
            f'gateway = "{gateway}"',
            f'site_pin_hash = "{hashed}"',
            "page_port = -1",
            "allow_loopback = true",
            "trust_clock = true",
            f'media_address = "{media_address}"',
            f"allow_networks = {[f'{address}/32' for address in (media_address, *allows)]}",
            *(["ring_bytes = 200000000"] if is_recorded else []),
        ]
        for name in cameras:
            lines += ["", "[[cameras]]", f'name = "{name}"', f'label = "The {name}"', f'url = "{url}"']
            lines += [f'user = "{user}"', f'password = "{password}"'] if user else []
            lines.append(f"is_recorded = {str(is_recorded).lower()}")
        self.config.write_text("\n".join(lines) + "\n")

    async def _start(self, *arguments: str) -> Process:
        command = [sys.executable, "-m", "partner_agent.cli", "--config", str(self.config), *arguments]
        return await anyio.open_process(self.inside(*command), cwd=ROOT, stderr=None)

    @asynccontextmanager
    async def enrolling(self) -> AsyncIterator[tuple[str, Any]]:
        """Start pairing; gives the code on the screen, and a function that waits for the end and returns the words."""
        process = await self._start("enrol", "--yes")
        screen = Screen(process)
        try:
            yield await screen.find(_CODE), screen.finish
        finally:
            await _stop(process)

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """The agent serves inside the block."""
        process = await self._start("run")
        try:
            async with anyio.create_task_group() as group:
                group.start_soon(Screen(process).drain)
                yield
                group.cancel_scope.cancel()
        finally:
            await _stop(process)

    async def command(self, *arguments: str) -> tuple[int, str]:
        """Run another command beside it; its exit status and what it printed."""
        process = await self._start(*arguments)
        try:
            screen = Screen(process)
            with anyio.fail_after(60):
                await screen.drain()
                return await process.wait(), screen.text
        finally:
            await _stop(process)

    async def ask(self, **request: Any) -> dict[str, Any]:
        """The terminal's way to the running agent."""
        from partner_agent import control

        return await control.call(self.state_dir, **request)


class Screen:
    """What a process prints."""

    def __init__(self, process: Process) -> None:
        assert process.stdout
        self._process = process
        self._stream = TextReceiveStream(process.stdout)
        self.text = ""

    async def find(self, pattern: re.Pattern[str]) -> str:
        """Read until the pattern appears; its first group."""
        with anyio.fail_after(30):
            while not (found := pattern.search(self.text)):
                self.text += await self._stream.receive()
        return found.group(1)

    async def finish(self) -> str:
        """Read to the end; everything printed."""
        with anyio.fail_after(30):
            await self.drain()
            assert await self._process.wait() == 0
        return self.text

    async def drain(self) -> None:
        """Read until it ends."""
        async for piece in self._stream:
            self.text += piece


def _here(*command: str) -> list[str]:
    return list(command)


async def _stop(process: Process) -> None:
    with anyio.CancelScope(shield=True):
        if process.returncode is None:
            process.terminate()
            with anyio.move_on_after(5):
                await process.wait()
        if process.returncode is None:
            process.kill()
        await process.aclose()
