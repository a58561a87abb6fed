"""Asks the solver's process, and gives up in time: whoever asks decides without it then.

One process, one question at a time, a few waiting. A process that hangs, dies or says nonsense is killed and started
anew with the next question. Without the extra `proof` there is no solver, and every answer is `NO_SOLVER`.
"""

import importlib.util
import json
import subprocess
import sys
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Final

import anyio
from anyio.abc import Process
from anyio.streams.buffered import BufferedByteReceiveStream

from gateway.sharing.proof import HEADER_BYTES, frame
from policies.smt import GOALS, Question

DEADLINE_S: Final = 1.5  # of a question with its wait; the page has two seconds
WAITING: Final = 8  # questions at a time; one more is turned away
WORKER: Final = (sys.executable, "-I", str(Path(__file__).with_name("proof.py")))
MAX_ANSWER_BYTES: Final = 1 << 20
_END_S: Final = 2.0


class Unproved(StrEnum):
    """Why there is no proof."""

    NO_SOLVER = "no_solver"  # the extra is not installed
    BUSY = "busy"
    LATE = "late"
    BROKEN = "broken"  # the process died or gave up


@dataclass(frozen=True, slots=True)
class Proved:
    """The solver's answer: for each goal a model, or None where it is proved that there is none."""

    models: Mapping[str, Mapping[str, int | bool] | None]


class Prover:
    """The way to the solver."""

    def __init__(
        self, *, command: Sequence[str] = WORKER, deadline_s: float = DEADLINE_S, is_installed: bool | None = None
    ) -> None:
        """`command` starts the process; `is_installed`: None looks for the solver."""
        self._command, self._deadline_s = tuple(command), deadline_s
        found = importlib.util.find_spec("z3") is not None if is_installed is None else is_installed
        self._is_installed = found
        self._lock = anyio.Lock()
        self._waiting = 0
        self._process: Process | None = None

    async def ask(self, question: Question) -> Proved | Unproved:
        """What the solver makes of a question, within the deadline."""
        if not self._is_installed:
            return Unproved.NO_SOLVER
        if self._waiting >= WAITING:
            return Unproved.BUSY
        self._waiting += 1
        try:
            with anyio.move_on_after(self._deadline_s):
                async with self._lock:
                    return await self._answered(question)
        finally:
            self._waiting -= 1
        return Unproved.LATE

    async def run(self) -> None:
        """End the process when the gateway ends."""
        try:
            await anyio.sleep_forever()
        finally:
            await self.close()

    async def close(self) -> None:
        """End the process."""
        process, self._process = self._process, None
        if process is None:
            return
        with anyio.CancelScope(shield=True), anyio.move_on_after(_END_S):
            with suppress(ProcessLookupError):
                process.kill()
            await process.aclose()

    async def _answered(self, question: Question) -> Proved | Unproved:
        """Ask, and once more of a new process where the old one had ended for idleness."""
        found: Proved | Unproved = Unproved.BROKEN
        try:
            is_old = self._process is not None
            found = await self._asked(question)
            if is_old and found is Unproved.BROKEN:
                await self.close()
                found = await self._asked(question)
            return found
        finally:
            if not isinstance(found, Proved):  # also where the deadline passes: what it still says answers nothing
                await self.close()

    async def _asked(self, question: Question) -> Proved | Unproved:
        try:
            if self._process is None:
                self._process = await anyio.open_process(self._command, stderr=subprocess.DEVNULL)
            sends, receives = self._process.stdin, self._process.stdout
            assert sends is not None
            assert receives is not None
            await sends.send(frame(_asking(question, timeout_ms=round(self._deadline_s * 1000))))
            reader = BufferedByteReceiveStream(receives)
            count = int.from_bytes(await reader.receive_exactly(HEADER_BYTES), "big")
            if count > MAX_ANSWER_BYTES:
                return Unproved.BROKEN
            return _read(json.loads(await reader.receive_exactly(count)))
        except (OSError, ValueError, anyio.IncompleteRead, anyio.BrokenResourceError, anyio.ClosedResourceError):
            return Unproved.BROKEN


def _asking(question: Question, *, timeout_ms: int) -> dict[str, object]:
    return {
        "text": question.text,
        "goals": GOALS,
        "variables": dict(question.variables),
        "timeout_ms": max(1, timeout_ms // len(GOALS)),
    }


def _read(answer: object) -> Proved | Unproved:
    """The answer, where each goal has one."""
    if not isinstance(answer, dict) or answer.keys() != set(GOALS):
        return Unproved.BROKEN
    if not all(model is None or isinstance(model, dict) for model in answer.values()):
        return Unproved.BROKEN
    return Proved(answer)
