"""How long after the switch the last packet of a picture arrives: gateway, relay, agent and camera on this machine.

From right before the call that the switch makes until the last packet at a viewer on loopback, several viewers at a
time. It holds no browser: pointerdown to the last presented frame adds the page's own way there and one frame, and is
what `make smoke` measures, some times a run.
"""

import tempfile
from pathlib import Path

from gateway.kernel.database import Database
from partner_agent.wire.clock import SystemClock
from tests.bench.harness import Bench, Gate
from tests.e2e.test_live_view import City, city
from tests.support import databases
from tests.support.waiting import until

VIEWERS = 6
ROUNDS = 34
PACKETS = 10  # of each viewer before the switch
QUIET_S = 0.3  # nothing may come after this long without a packet
START_S = 30.0
LAST_PACKET_MS = 250


class Arrivals(list[bytes]):
    """Packets, and when the last one came."""

    last_s = 0.0

    def append(self, packet: bytes) -> None:
        """One more."""
        self.last_s = SystemClock().monotonic()
        super().append(packet)


def run(bench: Bench) -> None:
    """Switch to last packet."""
    with tempfile.TemporaryDirectory(prefix="lenspact-bench-") as folder:
        values = databases.run(_measured, Path(folder))
    note = f"switch to the last packet at {VIEWERS} viewers, embedded gateway, no browser"
    gate = Gate("<=", LAST_PACKET_MS, is_absolute=True)
    bench.percentile("revoke_to_last_packet_p99_ms", values, "ms", percent=99, note=note, gate=gate)


async def _measured(folder: Path) -> list[float]:
    database = Database(f"sqlite+in_loop:///{folder / 'bench.db'}")
    await databases.migrate(database.url)
    found: list[float] = []
    async with city(database, folder) as town:
        for _ in range(ROUNDS):
            found += await _round(town)
    await database.close()
    return found


async def _round(town: City) -> list[float]:
    """Some viewers watch, the switch is pressed, and given back; milliseconds of each."""
    sharing, live = town.server.services.sharing, town.server.services.live
    arrivals = [Arrivals() for _ in range(VIEWERS)]
    ends = [await town.call(await town.open(), into=each) for each in arrivals]
    await until(lambda: all(len(each) >= PACKETS for each in arrivals), timeout_s=START_S)
    pressed_s = SystemClock().monotonic()
    await sharing.suspend(town.operator, is_suspended=True)
    await until(lambda: not live.running(), timeout_s=START_S)
    await until(lambda: SystemClock().monotonic() - max(each.last_s for each in arrivals) > QUIET_S)
    found = [max(0.0, each.last_s - pressed_s) * 1000 for each in arrivals]
    await sharing.suspend(town.operator, is_suspended=False)
    for end in ends:
        await end.leg.close()
        end.port.close()
    return found
