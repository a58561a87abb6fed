"""A viewer with a ticket starts while strangers flood the relay: from its offer to its first picture's packet.

Half a minute of five thousand checks a second at the media port, and of as many of the longest offers there may be,
none of which waits for the one before. A machine that reached less has shown nothing of that: such a run is not judged.
"""

import tempfile
from pathlib import Path

import anyio
from anyio.from_thread import start_blocking_portal

from partner_agent.wire.clock import SystemClock
from tests.bench.harness import Bench, Gate
from tests.bench.live.namespace import MEDIA_ADDRESS
from tests.bench.live.stage import Stage, stage
from tests.bench.live.versus import BACKEND, PREFIX
from tests.support.floods import Flood, ask_each, check, media_address, offers

FLOOD_S = 30.0
A_SECOND = 5_000
ENOUGH = 0.95  # of `A_SECOND`, reached by each of the two
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
        starts_ms, passed_s = portal.call(_flooded, on, sent)
    gate, note = judged(sent, passed_s)
    bench.percentile("start_under_flood_ms", starts_ms, "ms", percent=100, note=note, gate=gate)


def judged(sent: Flood, passed_s: float) -> tuple[Gate | None, str]:
    """What the starts are held to, none if the flood was smaller than asked for; and the rates that were reached."""
    rates = [sent.checks / passed_s, sent.asked / passed_s]
    reached = f"{rates[0]:,.0f} checks and {rates[1]:,.0f} offers a second; in {passed_s:.0f} s {sent}"
    if min(rates) < ENOUGH * A_SECOND:
        return None, f"not judged, for {A_SECOND:,} a second of each were asked for; {reached}"
    return Gate("<=", START_MS, is_absolute=True), reached


async def _flooded(on: Stage, sent: Flood) -> tuple[list[float], float]:
    """How long each start took, and how long the flood lasted, in seconds."""
    await on.load.ask("play", names=on.publications)
    clock, starts_ms = SystemClock(), []
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(check, media_address(on.relay), A_SECOND, sent)
        tasks.start_soon(ask_each, offers(on.relay.client), A_SECOND, sent)
        since = clock.monotonic()
        while clock.monotonic() < since + FLOOD_S:
            began = clock.monotonic()
            await on.watch(1)
            await _first_packet(on)
            starts_ms.append((clock.monotonic() - began) * 1000)
            await on.drop(on.sessions)
            await on.load.ask("leave", names=[f"ses_{len(starts_ms) - 1}"])
        tasks.cancel_scope.cancel()
        passed_s = clock.monotonic() - since
    return starts_ms, passed_s


async def _first_packet(on: Stage) -> None:
    with anyio.fail_after(FIRST_S):
        while not any((await on.load.ask("counts", prefix=on.sessions[-1]))["counts"]):  # noqa: ASYNC110 -- counts tell nobody
            await anyio.sleep(LOOK_S)
