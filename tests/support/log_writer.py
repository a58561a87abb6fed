"""A process that writes to a log and sequences it as fast as it can, until it is killed; prints what it committed."""

import sys

import anyio

from gateway.kernel.database import Database
from partner_agent.wire.clock import SystemClock
from partner_agent.wire.ids import SystemIds
from tests.support.log_bench import LogBench


async def run(url: str) -> None:
    """Four writers and the sequencer."""
    bench = LogBench(Database(url), clock=SystemClock(), ids=SystemIds())

    async def write() -> None:
        while True:
            ref = await bench.write()
            sys.stdout.write(ref.leaf_hash.hex() + "\n")
            sys.stdout.flush()

    async def sequence() -> None:
        while True:
            await bench.sequencer.run_once()
            await anyio.sleep(0.001)

    async with anyio.create_task_group() as group:
        group.start_soon(sequence)
        for _ in range(4):
            group.start_soon(write)


if __name__ == "__main__":
    anyio.run(run, sys.argv[1])
