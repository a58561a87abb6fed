"""Two hundred viewers at one relay process, ten cameras coming in, and how fast a view ends among so many.

A view's end is timed from right before its order is written to the relay's socket until the kernel had the viewer's
last packet, by the kernel's own stamp; the order is acknowledged over the same socket.
"""

import tempfile
from collections.abc import Callable
from pathlib import Path
from random import Random
from typing import NamedTuple

import anyio
from anyio.from_thread import BlockingPortal, start_blocking_portal

from partner_agent.wire.clock import SystemClock
from tests.bench.harness import Bench, Gate
from tests.bench.live import processor
from tests.bench.live.namespace import MEDIA_ADDRESS
from tests.bench.live.stage import SETTLE_S, Slice, Stage, stage
from tests.bench.live.versus import BACKEND, PREFIX, seen

VIEWERS = 200
INGESTS = 10
SLICE_S = 5.0
ROUNDS = 3
SINGLE = 40  # views of a round that end one by one, while the others go on
PAUSE_S = (0.02, 0.08)  # between them: no multiple of a picture's time
QUIET_S = 0.3
IDLE_NS = 150_000_000  # a view that got nothing for so long did not run: the machine had other work
MOST_RUN = 0.8
MOST_RECEIVED = 0.99  # of what was sent: a packet that is lost costs nothing
CORE_SHARE, INGEST_US, REVOKE_MS = 30, 15, 5


def run(bench: Bench) -> None:
    """Viewers, then ingest, then revocation."""
    _on_stage(lambda portal, on: _viewers(bench, portal, on))
    _on_stage(lambda portal, on: _ingest(bench, portal, on))
    _on_stage(lambda portal, on: _revoke(bench, portal, on))


def _on_stage(rows: Callable[[BlockingPortal, Stage], None]) -> None:
    with (
        processor.awake(processor.MEASURED),
        start_blocking_portal("asyncio", BACKEND) as portal,
        tempfile.TemporaryDirectory(prefix=PREFIX) as folder,
        portal.wrap_async_context_manager(stage(Path(folder), host=MEDIA_ADDRESS)) as on,
    ):
        portal.call(on.publish)
        rows(portal, on)


def _viewers(bench: Bench, portal: BlockingPortal, on: Stage) -> None:
    slices: list[Slice] = []

    def share() -> float:
        slices.append(portal.call(lambda: on.slice("pub_0", on.pid, "ses_", seconds=SLICE_S)))
        return slices[-1].share

    portal.call(on.watch, VIEWERS)
    bench.figure(f"core_share_{VIEWERS}_viewers", share, "%", Gate("<=", CORE_SHARE, is_absolute=True))
    dropped = portal.call(on.relay.client.figures)["dropped_datagrams"]
    checked = portal.call(seen, on, "ses_0", slices)
    note = f"of {sum(sum(each.counts) for each in slices):,}; the relay's socket dropped {dropped}; one: {checked}"
    lost = [each.lost for each in slices]
    bench.taken(f"lost_{VIEWERS}_viewers", lost, "", Gate("<=", 0, is_absolute=True), note, of=sum)
    per_packet = [each.us_per_packet for each in slices]
    bench.taken(f"us_per_packet_{VIEWERS}_viewers", per_packet, "us")


def _ingest(bench: Bench, portal: BlockingPortal, on: Stage) -> None:
    portal.call(on.publish, INGESTS - 1)
    gate = Gate("<=", INGEST_US, is_absolute=True)
    bench.figure("ingest_us_per_packet", lambda: portal.call(_ingested, on), "us", gate)


async def _ingested(on: Stage) -> float:
    """Processor time of one packet that comes in and goes to nobody, in us."""
    sent_before, before = (await on.load.ask("sent"))["sent"], await _received(on)
    await on.load.ask("play", names=on.publications)
    await anyio.sleep(SETTLE_S)
    cpu_s, received = processor.seconds(on.pid), await _received(on)
    await anyio.sleep(SLICE_S)
    cpu_s, received = processor.seconds(on.pid) - cpu_s, await _received(on) - received
    await on.load.ask("play", names=[])
    await anyio.sleep(SETTLE_S)  # else who plays would be playing twice
    sent, came = (await on.load.ask("sent"))["sent"] - sent_before, await _received(on) - before
    if came < MOST_RECEIVED * sent:
        raise RuntimeError(f"of {sent} packets only {came} came in, decrypted")
    return cpu_s / received * 1e6


async def _received(on: Stage) -> int:
    return (await on.relay.client.figures())["received_packets"]


def _revoke(bench: Bench, portal: BlockingPortal, on: Stage) -> None:
    single: list[float] = []
    everybody: list[float] = []
    late = 0
    for number in range(ROUNDS):
        ends = portal.call(_round, on, Random(number))
        single += [each.ms for each in ends[:-1] if each.is_running]
        everybody += [each.ms for each in ends[-1:] if each.is_running]
        late += sum(each.late for each in ends)
    if len(single) < ROUNDS * SINGLE * MOST_RUN or not everybody:
        raise RuntimeError(f"only {len(single)} of {ROUNDS * SINGLE} views were running when they ended")
    gate = Gate("<=", REVOKE_MS, is_absolute=True)
    note = f"one view's order to its last packet (0: none came after it), {VIEWERS} to {VIEWERS - SINGLE} viewers"
    bench.percentile(f"revoke_ms_{VIEWERS}_viewers", single, "ms", percent=95, note=note, gate=gate)
    note = f"one order ends {VIEWERS - SINGLE} views: to the last packet of the last"
    bench.taken("revoke_everybody_ms", everybody, "ms", gate, note)
    note = f"views with a packet after the acknowledgement, of {ROUNDS * VIEWERS}"
    bench.taken("packets_after_ack", [late], "", Gate("<=", 0), note, of=sum)


class _End(NamedTuple):
    """How one order ended views.

    Attributes:
        ms: from the order to the last packet; 0 = none came after it.
        late: views with a packet after the acknowledgement.
        is_running: whether each had got pictures right before; if not, nothing was there to be stopped.
    """

    ms: float
    late: int
    is_running: bool


async def _round(on: Stage, dice: Random) -> list[_End]:
    """Some views end one by one, the rest at once; in the order of the orders."""
    await on.watch(VIEWERS)
    await on.load.ask("stamp", prefix="ses_")
    await on.load.ask("play", names=["pub_0"])
    await anyio.sleep(2 * SETTLE_S)
    watching = list(on.sessions)
    orders = [[session] for session in watching[:SINGLE]] + [watching[SINGLE:]]
    times = []
    for sessions in orders:
        await anyio.sleep(dice.uniform(*PAUSE_S))
        asked_ns = _now_ns()
        await on.drop(sessions)
        times.append((asked_ns, _now_ns()))
    await anyio.sleep(QUIET_S)
    found = []
    for sessions, (asked_ns, told_ns) in zip(orders, times, strict=True):
        arrived = (await on.load.ask("arrivals", names=sessions))["arrived_ns"]
        ms, late = max(0, max(arrived) - asked_ns) / 1e6, sum(each > told_ns for each in arrived)
        found.append(_End(ms, late, min(arrived) >= asked_ns - IDLE_NS))
    await on.load.ask("play", names=[])
    await on.load.ask("leave", names=watching)
    return found


def _now_ns() -> int:
    return round(SystemClock().now().timestamp() * 1e9)
