"""A log restored on another server is noticed, stops, and goes on once adopted, losing nothing."""

import pytest
from sqlalchemy import text

from gateway.audit.moved import adopt
from gateway.kernel.errors import ConflictError, PreconditionError
from tests.support.log_bench import LogBench

pytestmark = pytest.mark.anyio

ELSEWHERE = 4_000_000_000_000  # a transaction number this server is far from


async def _move(bench: LogBench) -> None:
    """As pg_dump and pg_restore leave it: old rows with the old server's numbers, one of them not yet in the log."""
    for _ in range(2):
        await bench.write()
        async with bench.database.unit_of_work() as unit:
            await unit.session.execute(text("ALTER TABLE audit_event DISABLE TRIGGER audit_event_frozen"))
            await unit.session.execute(text("UPDATE audit_event SET xid = xid + :n WHERE xid < :n"), {"n": ELSEWHERE})
            await unit.session.execute(text("ALTER TABLE audit_event ENABLE TRIGGER audit_event_frozen"))
            await unit.session.execute(text("UPDATE audit_cursor SET xid = xid + :n WHERE xid < :n"), {"n": ELSEWHERE})
            await unit.commit(unaudited="the move")


async def test_moved_log_stops_and_goes_on_when_adopted(bench: LogBench):
    """It refuses to guess an order; after the adoption old and new events are numbered, each once."""
    if bench.database.is_sqlite:
        return  # its order does not rest on transaction numbers
    await bench.write()
    await bench.settle()
    await _move(bench)
    await bench.write()
    with pytest.raises(PreconditionError, match="audit adopt"):
        await bench.sequencer.run_once()
    assert await bench.sequencer.is_behind()

    async with bench.database.unit_of_work() as unit:
        await adopt(unit)
        await unit.commit(unaudited="test")
    await bench.write()
    await bench.settle()
    assert await bench.sequencer.number_stragglers() == 1
    await bench.write()
    await bench.settle()
    assert (await bench.reader.head()).size == 6
    assert len(set(await bench.tree.leaves(0, 9))) == 6


async def test_log_that_was_not_moved_is_left_alone(bench: LogBench):
    """Adopting twice, or for no reason, changes nothing."""
    await bench.write()
    await bench.settle()
    async with bench.database.unit_of_work() as unit:
        with pytest.raises(ConflictError, match="nothing was changed"):
            await adopt(unit)
