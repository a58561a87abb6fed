"""A viewer with a ticket starts while strangers flood the relay: from its offer to its first picture's packet.

Half a minute of five thousand checks a second at the media port, and of the longest offers there may be, as fast as
the relay refuses them.
"""

import tempfile
from functools import partial
from pathlib import Path

import anyio
from anyio.from_thread import start_blocking_portal

from partner_agent.wire.clock import SystemClock
from tests.bench.harness import Bench, Gate
from tests.bench.live.namespace import MEDIA_ADDRESS
from tests.bench.live.stage import Stage, stage
from tests.bench.live.versus import BACKEND, PREFIX
from tests.support.floods import Flood, flood, media_address

FLOOD_S = 30.0
CHECKS_A_SECOND = 5_000
START_MS = 2_000
LOOK_S = 0.005
FIRST_S = 10.0


def run(bench: Bench) -> None:
    """One viewer after the other, as long as the flood lasts."""
    with (
        start_blocking_portal("asyncio", BACKEND) as portal,
        tempfile.TemporaryDirectory(prefix=PREFIX) as folder,
        portal.wrap_async_context_manager(stage(Path(folder), host=MEDIA_ADDRESS)) as on,
    ):
        sent = Flood()
        portal.call(on.publish)
        starts_ms = portal.call(_flooded, on, sent)
    note = f"{sent.checks:,} checks and {sent.offers:,} offers in {FLOOD_S:.0f} s; offers answered {set(sent.statuses)}"
    gate = Gate("<=", START_MS, is_absolute=True)
    bench.percentile("start_under_flood_ms", starts_ms, "ms", percent=100, note=note, gate=gate)


async def _flooded(on: Stage, sent: Flood) -> list[float]:
    address = await media_address(on.relay)
    await on.load.ask("play", names=on.publications)
    clock, starts_ms = SystemClock(), []
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(partial(flood, on.relay.client, address, checks_a_second=CHECKS_A_SECOND, into=sent))
        ends = clock.monotonic() + FLOOD_S
        while clock.monotonic() < ends:
            began = clock.monotonic()
            await on.watch(1)
            await _first_packet(on)
            starts_ms.append((clock.monotonic() - began) * 1000)
            await on.drop(on.sessions)
            await on.load.ask("leave", names=[f"ses_{len(starts_ms) - 1}"])
        tasks.cancel_scope.cancel()
    return starts_ms


async def _first_packet(on: Stage) -> None:
    with anyio.fail_after(FIRST_S):
        while not any((await on.load.ask("counts", prefix=on.sessions[-1]))["counts"]):  # noqa: ASYNC110 -- counts tell nobody
            await anyio.sleep(LOOK_S)
