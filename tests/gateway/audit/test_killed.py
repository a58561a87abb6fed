"""A gateway killed outright while it writes and sequences loses nothing it had committed, and numbers nothing twice."""

import os
import random
import signal
import subprocess
import sys
from collections.abc import Iterator

import anyio
import pytest

from gateway.audit.tree import grow
from partner_agent.wire.proofs import leaf_hash
from tests.support.log_bench import LogBench

pytestmark = [pytest.mark.anyio, pytest.mark.slow]
KILLS = 3
LINES = 15  # committed events to wait for before the kill


def _lines(process: subprocess.Popen[str]) -> Iterator[str]:
    """What it committed, line by line, until it is gone; a torn last line is not counted."""
    assert process.stdout is not None
    for line in process.stdout:
        if line.endswith("\n"):
            yield line.strip()


def _run_and_kill(url: str, lines: int) -> set[str]:
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.support.log_writer", url], stdout=subprocess.PIPE, text=True, bufsize=1
    )
    committed = set()
    try:
        for line in _lines(process):
            committed.add(line)
            if len(committed) == lines:
                os.kill(process.pid, signal.SIGKILL)
    finally:
        process.kill()
        process.wait(20)
    return committed


async def test_killed_outright_loses_and_repeats_nothing(bench: LogBench):
    """After each kill -9 each committed event is in the log exactly once, and the signed root is theirs."""
    chance = random.Random(7)
    committed: set[str] = set()
    with anyio.fail_after(120):
        for _ in range(KILLS):
            lines = LINES + chance.randrange(10)
            committed |= await anyio.to_thread.run_sync(_run_and_kill, bench.database.url, lines)
        await bench.settle()
    head = await bench.reader.head()
    numbered = [leaf_hash(leaf) for leaf in await bench.tree.leaves(0, head.size + 1)]

    assert len(committed) >= KILLS * LINES
    assert committed <= {value.hex() for value in numbered}
    assert len(numbered) == len(set(numbered)) == head.size
    assert grow(0, {}, numbered).root == head.root
