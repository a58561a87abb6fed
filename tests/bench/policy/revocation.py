"""How long after a commit every one of four other gateway processes denies, on a PostgreSQL database of its own.

The clock starts right before the commit (which raises the generation, notifies and waits for the disk) and stops when
the last process has read what changed and decided anew, by both engines. What each change takes back is given again
unmeasured.
"""

import tempfile
from pathlib import Path

from gateway.kernel.database import Database
from gateway.sharing import NETWORK
from gateway.sharing.store import SqlSharing
from partner_agent.wire.clock import SystemClock
from partner_agent.wire.ids import SystemIds
from tests.bench.harness import Bench, Gate
from tests.support import databases
from tests.support.application import ORIGIN, services_for, settings_for
from tests.support.deciders import Decider, deciders
from tests.support.shops import sharing_shop

PROCESSES = 4
FLIPS = 1_000
WARM = 20
FLIP_S = 10.0
REVOKE_MS = 20


def run(bench: Bench) -> None:
    """Commit to denied."""
    with databases.postgres_server() as server, tempfile.TemporaryDirectory(prefix="lenspact-bench-") as folder:
        values = databases.run(_measured, server, Path(folder))
    note = f"commit to the last of {PROCESSES} processes; each reads what changed and decides anew"
    gate = Gate("<=", REVOKE_MS, is_absolute=True)
    bench.percentile("revoke_p99_ms", values, "ms", percent=99, note=note, gate=gate)


async def _measured(server: str, folder: Path) -> list[float]:
    name = await databases.create_database(server)
    database = Database(databases.url_of(server, name))
    services = services_for(settings_for(folder), database, clock=SystemClock(), ids=SystemIds())
    try:
        await databases.migrate(database.url)
        shop = await sharing_shop(services)
        question = {
            "public_url": ORIGIN,
            "camera": shop.camera.id,
            "incident": shop.incident_id,
            "agency": shop.operator.organisation_id,
        }
        async with deciders(
            PROCESSES, state_dir=folder, url=database.url, question=question, has_doors=False
        ) as others:
            found = []
            for _ in range(WARM + FLIPS):
                found.append(await _flip(database, others, is_suspended=True))
                await _flip(database, others, is_suspended=False)
            return found[WARM:]
    finally:
        await services.close()
        await database.close()
        await databases.drop_database(server, name)


async def _flip(database: Database, others: list[Decider], *, is_suspended: bool) -> float:
    """Switch sharing off or on; milliseconds from right before the commit until the last process says so."""
    clock, rows = SystemClock(), SqlSharing(database)
    async with database.unit_of_work() as unit:
        await rows.set_suspended(unit, is_suspended=is_suspended, at=clock.now(), by="bench")
        unit.bump(NETWORK)
        began_ns = int(clock.monotonic() * 1e9)
        await unit.commit(unaudited="the bench measures the commit; the leaf is a row more of the same transaction")
    last_ns = 0
    for other in others:
        said = await other.changed_to("deny" if is_suspended else "permit", since_ns=began_ns, timeout_s=FLIP_S)
        last_ns = max(last_ns, said["at"])
    for other in others:
        other.said.clear()
    return (last_ns - began_ns) / 1e6
