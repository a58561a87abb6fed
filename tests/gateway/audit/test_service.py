"""Appending, promising, reading and erasing."""

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from gateway.audit import ALL_TOPIC, Decision, Kind, LeafDraft, ProofState, Query, topic_of
from gateway.kernel.database import Database, UnauditedCommitError
from gateway.kernel.errors import ConflictError, NotFoundError, UnavailableError
from partner_agent.wire import leaves, promises
from tests.support.log_bench import ORIGIN, LogBench

pytestmark = pytest.mark.anyio


def _id(prefix: str, n: int) -> str:
    return f"{prefix}_{n:026d}"


ORG, OTHER_ORG, CAMERA, PERSON = _id("org", 1), _id("org", 2), _id("cam", 1), _id("per", 1)


def view(org: str = ORG, kind: Kind = Kind.VIEW_REQUESTED, **more) -> LeafDraft:
    """A view of a camera of `org`."""
    return LeafDraft(
        kind=kind,
        streams=frozenset({org, CAMERA, PERSON}),
        public={"purpose": "robbery"},
        details={"camera": CAMERA, "role": "operator"},
        restricted={"person": PERSON, "person_name": "R. Diaz"},
        **more,
    )


async def test_commit_without_append_is_refused_and_with_it_passes(bench: LogBench):
    """The leaf is what lets a change commit."""
    async with bench.database.unit_of_work() as unit:
        with pytest.raises(UnauditedCommitError):
            await unit.commit()
    await bench.write()


async def test_announced_only_after_commit(bench: LogBench):
    """Listeners of a stream and of everything hear of an event once it is durable, and not of a rolled back one."""
    with bench.bus.subscribe(topic_of(ORG)) as owner, bench.bus.subscribe(ALL_TOPIC) as everything:
        async with bench.database.unit_of_work() as unit:
            await bench.log.append(unit, view())
        ref = await bench.write(view())

    assert [news.ref for news in owner._waiting] == [ref.event_id]
    assert [news.ref for news in everything._waiting] == [ref.event_id]


async def test_same_idempotency_key_happens_once(bench: LogBench):
    """A retried command is refused together with its change."""
    await bench.write(view(once="cmd-1"))
    with pytest.raises(ConflictError):
        await bench.write(view(once="cmd-1"))

    assert len((await bench.log.find(Query())).entries) == 1


async def test_what_belongs_together_is_written_as_each_would_be(bench: LogBench):
    """In its order, each with its own openings, announced one by one; none of it where one was done before."""
    bare = LeafDraft(kind=Kind.VIEW_FAILED, streams=frozenset({OTHER_ORG}), public={"reason": "offline"})
    with bench.bus.subscribe(ALL_TOPIC) as everything:
        async with bench.database.unit_of_work() as unit:
            first, second = await bench.log.append_all(unit, [view(once="cmd-1"), bare])
            assert await bench.log.append_all(unit, []) == []
            await unit.commit()
    with pytest.raises(ConflictError):
        async with bench.database.unit_of_work() as unit:
            await bench.log.append_all(unit, [view(OTHER_ORG), view(once="cmd-1")])

    page = await bench.log.find(Query(), limit=10)
    assert [entry.event_id for entry in page.entries] == [second.event_id, first.event_id]
    assert [set(entry.openings) for entry in page.entries] == [set(), {"camera", "role"}]
    assert [entry.leaf for entry in page.entries] == [second.leaf, first.leaf]
    assert [news.ref for news in everything._waiting] == [first.event_id, second.event_id]
    await bench.settle()
    numbered = (await bench.log.find(Query(), limit=10)).entries
    assert [entry.index for entry in numbered] == [1, 0]


async def test_promise_is_one_an_agent_accepts(bench: LogBench):
    """The promise verifies as `promise+jwt` of this log for this leaf."""
    ref = await bench.write()
    token = bench.log.promise(ref.leaf_hash)
    promise = promises.parse(token, (bench.promise_key.public,), gateway="https://gateway.example", origin=ORIGIN)

    assert promise.leaf_hash == ref.leaf_hash.hex()
    assert promise.max_merge_delay_s == 60


async def test_late_log_promises_nothing_new(bench: LogBench):
    """Past the merge delay the demand fails, and holds again once the log has caught up."""
    await bench.log.demand_timely()
    await bench.write()
    bench.clock.advance(61)
    with pytest.raises(UnavailableError, match="behind"):
        await bench.log.demand_timely()

    await bench.settle()
    await bench.log.demand_timely()


async def test_owner_reads_own_stream_without_restricted_details(bench: LogBench):
    """An owner sees what concerns them, opened, but not who in the agency it was by name."""
    await bench.write(view(OTHER_ORG))
    mine = await bench.write(view())
    page = await bench.log.find(Query(streams=frozenset({ORG})))

    assert [entry.event_id for entry in page.entries] == [mine.event_id]
    assert set(page.entries[0].openings) == {"camera", "role"}
    assert page.entries[0].said("person_name") is None
    assert page.entries[0].said("purpose") == "robbery"
    with pytest.raises(NotFoundError):
        await bench.log.entry(mine.event_id, stream=OTHER_ORG)
    with pytest.raises(NotFoundError):
        await bench.log.entry(_id("evt", 999))


async def test_compliance_reads_everything(bench: LogBench):
    """Compliance sees restricted details, and each opening reproduces the leaf's commitment."""
    ref = await bench.write(view())
    entry = await bench.log.entry(ref.event_id, is_restricted_visible=True)

    assert entry.said("person_name") == "R. Diaz"
    assert entry.leaf == ref.leaf
    openings = {name: opening.to_json() for name, opening in entry.openings.items()}
    assert leaves.said(ref.document, openings, "person") == PERSON


async def test_entry_is_promised_then_logged(bench: LogBench):
    """An entry has no number until the log is signed over it."""
    ref = await bench.write(view())
    assert (await bench.log.entry(ref.event_id)).proof_state is ProofState.PROMISED
    await bench.settle()

    entry = await bench.log.entry(ref.event_id)
    assert (entry.proof_state, entry.index) == (ProofState.LOGGED, 0)


async def test_filters_narrow_together(bench: LogBench):
    """Kind, decision, time, camera and organisation each narrow the list, and all hold at once."""
    denied = await bench.write(view(kind=Kind.VIEW_DENIED, decision=Decision.DENY))
    bench.clock.advance(60)
    start = bench.clock.now()
    permitted = await bench.write(view(decision=Decision.PERMIT))
    await bench.write(view(OTHER_ORG))

    async def found(**query) -> list[str]:
        return [entry.event_id for entry in (await bench.log.find(Query(**query))).entries]

    assert await found(kinds=frozenset({"view.denied"})) == [denied.event_id]
    assert await found(decision=Decision.PERMIT) == [permitted.event_id]
    assert await found(until=start) == [denied.event_id]
    assert await found(since=start, streams=frozenset({ORG})) == [permitted.event_id]
    assert await found(streams=frozenset({ORG, CAMERA, PERSON})) == [permitted.event_id, denied.event_id]
    assert await found(streams=frozenset({ORG, OTHER_ORG})) == []
    assert len(await found(any_of=frozenset({ORG, OTHER_ORG}))) == 3
    assert await found(any_of=frozenset({CAMERA}), streams=frozenset({ORG})) == [permitted.event_id, denied.event_id]


async def test_pages_list_every_entry_once(bench: LogBench):
    """Following the cursor gives every entry, newest first, and ends."""
    refs = [await bench.write(view()) for _ in range(7)]
    seen, cursor = [], ""
    while True:
        page = await bench.log.find(Query(streams=frozenset({ORG})), before=cursor, limit=3)
        seen += [entry.event_id for entry in page.entries]
        cursor = page.next_cursor
        if not cursor:
            break

    assert seen == [ref.event_id for ref in reversed(refs)]


async def test_erasure_leaves_the_log_whole(bench: LogBench):
    """Erased details are gone with their salts, the person is no longer found by them, the log is as it was."""
    ref = await bench.write(view())
    await bench.settle()
    async with bench.database.unit_of_work() as unit:
        erased = await bench.log.erase(
            unit, ref.event_id, ["person", "person_name"], legal_basis="retention", by_person=_id("per", 2)
        )
        await unit.commit()
    await bench.settle()

    entry = await bench.log.entry(ref.event_id, is_restricted_visible=True)
    assert set(entry.openings) == {"camera", "role"}
    assert entry.is_erased
    assert entry.leaf == ref.leaf
    assert (await bench.log.find(Query(streams=frozenset({PERSON})))).entries == ()
    assert list(await bench.tree.leaves(0, 2)) == [ref.leaf, erased.leaf]
    assert b"detail.erased" in erased.leaf
    async with bench.database.read() as connection:
        values = (await connection.execute(text("SELECT value FROM audit_detail"))).scalars().all()
    assert not any(b"Diaz" in value for value in values)


async def test_erasing_what_is_gone_is_refused(bench: LogBench):
    """There is no erasure leaf for details that were not there."""
    ref = await bench.write(view())
    async with bench.database.unit_of_work() as unit:
        with pytest.raises(NotFoundError):
            await bench.log.erase(unit, ref.event_id, ["absent"], legal_basis="retention", by_person=_id("per", 2))


FROZEN = [
    "UPDATE audit_event SET kind = 'x'",
    "DELETE FROM audit_event",
    "UPDATE audit_leaf SET leaf_index = leaf_index + 10",
    "DELETE FROM audit_leaf",
    "UPDATE audit_checkpoint SET note = 'x'",
    "DELETE FROM audit_checkpoint",
    "DELETE FROM audit_tile",
    "UPDATE audit_tile SET data = audit_tile.data",
    "UPDATE audit_tile SET level = 5",
]


@pytest.mark.parametrize("statement", FROZEN)
async def test_the_database_itself_refuses(bench: LogBench, statement: str):
    """No statement changes or deletes what is logged, on either engine."""
    await bench.write()
    await bench.settle()
    async with bench.database.unit_of_work() as unit:
        with pytest.raises(DBAPIError, match=r"insert-only|only grows"):
            await unit.session.execute(text(statement))


@pytest.mark.parametrize("table", ["audit_event", "audit_leaf", "audit_checkpoint", "audit_tile"])
async def test_postgres_refuses_truncate(database: Database, table: str):
    """TRUNCATE goes past row triggers; it is refused, too."""
    if database.is_sqlite:
        return  # SQLite has no TRUNCATE
    async with database.unit_of_work() as unit:
        with pytest.raises(DBAPIError, match="insert-only"):
            await unit.session.execute(text(f"TRUNCATE {table} CASCADE"))
