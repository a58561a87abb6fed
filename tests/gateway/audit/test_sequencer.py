"""Every committed event gets exactly one number, in an order nobody can change, whatever is killed when."""

import logging
from contextlib import asynccontextmanager

import anyio
import pytest
from sqlalchemy import text

from gateway.audit import ALL_TOPIC, Kind, LeafDraft, LeafRef, Sequencer, sequencer
from gateway.audit.tree import edge_of, grow, root_of
from gateway.audit.tree_store import SqlTree
from gateway.kernel.errors import PreconditionError
from partner_agent.wire.notes import open_checkpoint
from partner_agent.wire.proofs import EMPTY_ROOT, leaf_hash
from tests.support import merkle
from tests.support.log_bench import LOG_KEY, VERIFIER, LogBench
from tests.support.waiting import until

pytestmark = pytest.mark.anyio


async def leaves(bench: LogBench) -> list[bytes]:
    """Every leaf in the order of the log, with the proof that the signed head is over exactly these."""
    head = await bench.reader.head()
    found = list(await bench.tree.leaves(0, head.size + 10))
    point = open_checkpoint(head.note.encode(), VERIFIER).checkpoint
    assert (point.size, point.root) == (len(found), merkle.root([leaf_hash(leaf) for leaf in found]))
    return found


async def test_committed_events_are_numbered_in_order(bench: LogBench):
    """What was committed one after the other stands in the log one after the other, under a signed root."""
    refs = [await bench.write() for _ in range(5)]
    await bench.settle()
    refs += [await bench.write() for _ in range(300)]
    await bench.settle()

    assert await leaves(bench) == [ref.leaf for ref in refs]


async def test_what_comes_late_in_an_idle_period_is_gathered_too(bench: LogBench, monkeypatch: pytest.MonkeyPatch):
    """It comes just before the sequencer would have looked by itself; what follows at once shares its checkpoint."""
    monkeypatch.setattr(sequencer, "PERIOD_S", 0.6)
    monkeypatch.setattr(sequencer, "GATHER_S", 0.5)
    with bench.bus.subscribe(sequencer.SIGNED_TOPIC) as signed:
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(bench.sequencer.run, lambda: bench.bus.subscribe(ALL_TOPIC))
            await until(lambda: signed._waiting)  # the empty log is signed
            await anyio.sleep(0.4)
            await bench.write()
            await anyio.sleep(0.3)
            await bench.write()
            await until(lambda: len(signed._waiting) > 1)
            tasks.cancel_scope.cancel()

    assert [news.ref for news in signed._waiting] == ["0", "2"]


async def test_rolled_back_event_is_not_in_the_log(bench: LogBench):
    """A change that did not happen has no leaf."""
    async with bench.database.unit_of_work() as unit:
        await bench.log.append(unit, LeafDraft(kind=Kind.SETTING_CHANGED))
    kept = await bench.write()
    await bench.settle()

    assert await leaves(bench) == [kept.leaf]


async def test_empty_log_is_signed_once(bench: LogBench):
    """A new log has a checkpoint of size zero, and no second one while nothing happens."""
    assert await bench.sequencer.run_once() == 0
    head = await bench.reader.head()
    await bench.sequencer.run_once()

    assert (head.size, head.root) == (0, EMPTY_ROOT)
    assert await bench.reader.head() == head
    assert not await bench.sequencer.is_behind()


async def test_thirty_two_writers_and_two_sequencers_lose_nothing(bench: LogBench):
    """Events of 32 concurrent writers are each numbered once, while two sequencers run against each other."""
    written: list[LeafRef] = []
    other = LogBench(bench.database)
    done = anyio.Event()

    async def write() -> None:
        written.extend([await bench.write() for _ in range(6)])

    async def sequence(bench: LogBench) -> None:
        while not done.is_set():
            await bench.sequencer.run_once()
            await anyio.lowlevel.checkpoint()

    async with anyio.create_task_group() as group:
        group.start_soon(sequence, bench)
        group.start_soon(sequence, other)
        async with anyio.create_task_group() as writers:
            for _ in range(32):
                writers.start_soon(write)
        done.set()
    await bench.settle()

    assert sorted(await leaves(bench)) == sorted(ref.leaf for ref in written)


@pytest.mark.postgres
async def test_late_commit_is_never_overtaken(bench: LogBench):
    """An event of a transaction that began before others and commits after them keeps its place."""
    if bench.database.is_sqlite:
        return  # one writer: nobody can begin before and commit after
    async with bench.database.unit_of_work() as slow:
        first = await bench.log.append(slow, LeafDraft(kind=Kind.SETTING_CHANGED))
        second = await bench.write()
        await bench.sequencer.drain()
        assert await leaves(bench) == []
        bench.clock.advance(11)
        assert (await bench.sequencer.status()).is_alarming
        await slow.commit()
    await bench.settle()

    assert await leaves(bench) == [first.leaf, second.leaf]


@pytest.mark.parametrize("step", ["audit_leaf", "audit_tile", "audit_checkpoint", "audit_cursor", "commit"])
async def test_killed_before_any_write_leaves_all_or_nothing(bench: LogBench, step: str):
    """However far a run came before it died, the next one numbers each event once."""
    refs = [await bench.write() for _ in range(3)]
    await bench.settle()
    refs += [await bench.write() for _ in range(260)]
    dying = Sequencer(tree=DyingTree(bench.tree, step), signer=LOG_KEY, bus=bench.bus, clock=bench.clock)
    with pytest.raises(KilledError):
        await dying.run_once()

    assert len(await leaves(bench)) == 3
    await bench.settle()
    assert await leaves(bench) == [ref.leaf for ref in refs]


class KilledError(BaseException):
    """The process is gone."""


class DyingTree:
    """The real tree, whose turn dies before it writes to the table `step`, or before the commit."""

    def __init__(self, tree: SqlTree, step: str) -> None:
        self._tree, self._step = tree, step

    def __getattr__(self, name: str):
        return getattr(self._tree, name)

    @asynccontextmanager
    async def turn(self):
        async with self._tree.turn() as turn:
            turn._session = turn._unit = Dying(turn._session, self._step)
            yield turn


class Dying:
    """A session and unit of work in one that dies before the named step."""

    def __init__(self, session, step: str) -> None:
        self._session, self._step = session, step

    async def execute(self, statement, *parameters):
        if str(statement).startswith(f"INSERT INTO {self._step} "):
            raise KilledError
        return await self._session.execute(statement, *parameters)

    async def commit(self, **_) -> None:
        assert self._step == "commit"
        raise KilledError


async def test_changed_tree_is_never_signed_over(sqlite_bench: LogBench):
    """A stored tile that is not what was last signed stops the log: nothing is signed, the lag tells."""
    await sqlite_bench.write()
    await sqlite_bench.sequencer.drain()
    async with sqlite_bench.database.unit_of_work() as unit:
        await unit.session.execute(text("DROP TRIGGER audit_tile_grows"))
        await unit.session.execute(text("UPDATE audit_tile SET data = zeroblob(32)"))
        await unit.commit(unaudited="the attack")
    await sqlite_bench.write()
    with pytest.raises(PreconditionError, match="not the one last signed"):
        await sqlite_bench.sequencer.run_once()
    sqlite_bench.clock.advance(61)

    assert await sqlite_bench.sequencer.is_behind()


async def test_lag_is_the_age_of_the_oldest_unnumbered_event(bench: LogBench):
    """Alarm at ten seconds, closed at sixty, open again once it is numbered."""
    await bench.sequencer.run_once()
    await bench.write()
    bench.clock.advance(9)
    assert not (await bench.sequencer.status()).is_alarming
    bench.clock.advance(1)
    assert (await bench.sequencer.status()).is_alarming
    assert not await bench.sequencer.is_behind()
    bench.clock.advance(50)
    assert await bench.sequencer.is_behind()

    await bench.settle()
    assert not await bench.sequencer.is_behind()


async def test_runs_on_news_and_survives_a_failure(sqlite_bench: LogBench, caplog: pytest.LogCaptureFixture):
    """The running sequencer numbers an event that was announced, also after a run that failed."""
    bench = sqlite_bench

    class Flaky:
        """Fails the first time."""

        def __init__(self) -> None:
            self.failed = False

        def __getattr__(self, name: str):
            return getattr(bench.tree, name)

        def turn(self):
            if not self.failed:
                self.failed = True
                raise OSError("disk gone")
            return bench.tree.turn()

    sequencer = Sequencer(tree=Flaky(), signer=LOG_KEY, bus=bench.bus, clock=bench.clock)
    with caplog.at_level(logging.ERROR), anyio.fail_after(10):
        async with anyio.create_task_group() as group:
            group.start_soon(sequencer.run, lambda: bench.bus.subscribe("audit.all"))
            ref = await bench.write()
            while (await bench.tree.index_of(ref.leaf_hash)) is None:
                await anyio.lowlevel.checkpoint()
            group.cancel_scope.cancel()

    assert "could not be extended" in caplog.text


async def test_alarm_is_raised_once_and_taken_back(sqlite_bench: LogBench, caplog: pytest.LogCaptureFixture):
    """Ten seconds behind is said once, catching up is said once."""
    await sqlite_bench.sequencer.run_once()
    await sqlite_bench.write()
    sqlite_bench.clock.advance(11)
    with caplog.at_level(logging.WARNING):
        await sqlite_bench.sequencer._watch()
        await sqlite_bench.sequencer._watch()
        await sqlite_bench.settle()
        await sqlite_bench.sequencer._watch()
        await sqlite_bench.sequencer._watch()

    assert [record.getMessage() for record in caplog.records] == [
        "the log is 11 s behind: is a transaction stuck?",
        "the log has caught up",
    ]


async def test_missing_tile_stops_the_log(sqlite_bench: LogBench):
    """A tile that is gone is a reason to stop, not to begin anew."""
    await sqlite_bench.write()
    await sqlite_bench.settle()
    async with sqlite_bench.database.unit_of_work() as unit:
        await unit.session.execute(text("DROP TRIGGER audit_tile_no_delete"))
        await unit.session.execute(text("DELETE FROM audit_tile"))
        await unit.commit(unaudited="the attack")
    await sqlite_bench.write()
    with pytest.raises(PreconditionError, match="missing"):
        await sqlite_bench.sequencer.run_once()


@pytest.mark.parametrize("batches", [[1] * 10, [255, 1, 1], [256], [257, 255], [600], [65_536, 1], [300, 65_300]])
async def test_tree_grown_in_any_batches_is_the_same(batches: list[int]):
    """Growing by any batches gives the root and edge of the tree grown at once."""
    hashes = [leaf_hash(b"%d" % i) for i in range(sum(batches))]
    stored: dict[tuple[int, int], bytes] = {}
    size, root = 0, EMPTY_ROOT
    for batch in batches:
        growth = grow(size, {key: stored[key] for key in edge_of(size)}, hashes[size : size + batch])
        for key, data in growth.changed.items():
            assert data.startswith(stored.get(key, b""))
        stored |= growth.changed
        size, root = growth.size, growth.root

    whole = grow(0, {}, hashes)
    assert (size, root, stored) == (whole.size, whole.root, whole.changed)
    assert root_of(size, stored) == root
    if size < 1_000:
        assert root == merkle.root(hashes)
