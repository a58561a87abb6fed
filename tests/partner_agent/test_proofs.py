"""Promises: a proof in time, late, wrong, or never; over a restart; and two histories that cannot both be true."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from partner_agent.proofs import ASK_PERIOD_S, FIRST_ASK_S, MOST_ASKED
from partner_agent.wire import messages as m
from tests.fakes.clock import FakeClock
from tests.support.agents import PIN, Bench

pytestmark = pytest.mark.anyio


@pytest.fixture
async def bench(tmp_path: Path, clock: FakeClock) -> AsyncIterator[Bench]:
    """A site with one promise outstanding."""
    bench = Bench(tmp_path, clock)
    async with bench.at_work():
        bench.share()
        await bench.send_grant()
        yield bench


def _leaf(bench: Bench, index: int = -1) -> str:
    return bench.gateway.leaves[index].hex()


async def test_a_proof_in_time_settles_its_promise(bench: Bench):
    """Inclusion in a signed head: nothing is outstanding, and the head is remembered."""
    bench.agent.desk.take(bench.gateway.proof(_leaf(bench)))

    assert bench.agent.proofs.outstanding == 0
    assert bench.agent.proofs.head.size == 1


async def test_answers_to_two_questions_asked_at_once_are_both_taken(bench: Bench):
    """The second answer shows growth from the head both questions named, and ends at the first one's: it holds."""
    bench.agent.desk.take(bench.gateway.proof(_leaf(bench)))
    have = bench.agent.proofs.head.size
    await bench.send_grant()
    await bench.send_grant()
    first, second = (bench.gateway.proof(_leaf(bench, index), have_size=have) for index in (-2, -1))
    bench.agent.desk.take(first)
    bench.agent.desk.take(second)

    assert bench.agent.proofs.outstanding == 0


async def test_an_answer_that_another_one_has_overtaken_is_asked_for_again(bench: Bench, clock: FakeClock):
    """The second answer proves growth from a head that is no longer the newest; what was signed stays on record."""
    bench.agent.desk.take(bench.gateway.proof(_leaf(bench)))
    have = bench.agent.proofs.head.size
    await bench.send_grant()
    await bench.send_grant()
    clock.advance(FIRST_ASK_S)
    assert [ask.have_size for ask in bench.agent.proofs.requests()] == [have, have]
    bench.agent.desk.take(bench.gateway.proof(_leaf(bench, -2), have_size=have))
    await bench.send_grant()
    second = bench.gateway.proof(_leaf(bench, -2), have_size=have)
    bench.agent.desk.take(second)

    lines = bench.agent.journal.newest(20)
    assert "proof_refused" not in [line.kind for line in lines]
    (overtaken,) = [line.body for line in lines if line.kind == "proof_overtaken"]
    assert [str(overtaken["size"]), overtaken["root"]] == second.checkpoint.split("\n")[1:3]
    (again,) = bench.agent.proofs.requests()
    assert (again.leaf_hash, again.have_size) == (_leaf(bench, -2), have + 2)


async def test_a_promise_without_proof_is_overdue_after_its_delay(bench: Bench, clock: FakeClock):
    """Sixty seconds on the monotonic clock, whatever the wall clock does."""
    clock.step_wall(-1000)
    clock.advance(60)
    assert not bench.agent.proofs.tick()
    clock.advance(0.1)

    assert bench.agent.proofs.tick()
    assert "promise_overdue" in bench.notice.told


async def test_a_late_proof_clears_it(bench: Bench, clock: FakeClock):
    """Late is on record, and service goes on."""
    clock.advance(61)
    bench.agent.proofs.tick()
    bench.agent.desk.take(bench.gateway.proof(_leaf(bench)))

    assert not bench.agent.proofs.is_broken
    assert bench.agent.journal.newest(1)[0].body["is_late"] is True


async def test_the_site_clears_an_overdue_promise(bench: Bench, clock: FakeClock):
    """From every state an act on site restores service."""
    clock.advance(61)
    bench.agent.proofs.tick()
    bench.agent.site.clear("promise_overdue", PIN)

    assert not bench.agent.proofs.is_broken


async def test_an_outstanding_promise_has_its_delay_once_more_after_a_boot(bench: Bench, clock: FakeClock):
    """Restarting forgets nothing and does not make it due at once."""
    clock.advance(59)
    bench.restart()
    assert bench.agent.proofs.outstanding == 1
    clock.advance(59)
    assert not bench.agent.proofs.tick()
    clock.advance(2)

    assert bench.agent.proofs.tick()


async def test_an_overdue_promise_is_still_overdue_after_a_boot(bench: Bench, clock: FakeClock):
    """Nobody escapes it by pulling the plug."""
    clock.advance(61)
    bench.agent.proofs.tick()
    bench.restart()

    assert bench.agent.proofs.is_broken


async def test_a_head_signed_by_another_log_proves_nothing(bench: Bench):
    """The log's key is pinned by the key set."""
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

    bench.gateway.log_key = Ed25519PrivateKey.generate()
    bench.agent.desk.take(bench.gateway.proof(_leaf(bench)))

    assert bench.agent.proofs.outstanding == 1


@pytest.mark.parametrize("part", ["inclusion", "index", "consistency", "hex"])
async def test_a_proof_that_does_not_hold_changes_nothing(bench: Bench, part: str):
    """A wrong path, place or history leaves the promise to become overdue."""
    bench.agent.desk.take(bench.gateway.proof(_leaf(bench)))
    await bench.send_grant()
    await bench.send_grant()
    good = bench.gateway.proof(_leaf(bench), have_size=1)
    changes = {
        "inclusion": {"inclusion": ["00" * 32] * len(good.inclusion)},
        "index": {"index": 0},
        "consistency": {"consistency": ["00" * 32] * len(good.consistency)},
        "hex": {"inclusion": ["zz"]},
    }[part]
    import msgspec

    bench.agent.desk.take(msgspec.structs.replace(good, **changes))
    assert bench.agent.proofs.outstanding == 2

    bench.agent.desk.take(good)
    assert bench.agent.proofs.outstanding == 1


async def test_a_rewritten_log_is_not_consistent(bench: Bench):
    """A longer tree that does not begin with the one seen proves nothing."""
    bench.agent.desk.take(bench.gateway.proof(_leaf(bench)))
    await bench.send_grant()
    forged = [b"\x01" * 32, *bench.gateway.leaves[1:]]
    bench.agent.desk.take(bench.gateway.proof(_leaf(bench), have_size=1, leaves=forged))

    assert bench.agent.proofs.outstanding == 1


async def test_two_heads_of_one_size_are_a_contradiction_that_only_the_site_clears(bench: Bench):
    """Kept as evidence, shown to the owner, cleared by nobody else."""
    await bench.send_grant()
    bench.agent.desk.take(bench.gateway.proof(_leaf(bench, 0)))
    forged = [b"\x01" * 32, bench.gateway.leaves[1]]
    bench.agent.desk.take(bench.gateway.proof(_leaf(bench, 1), leaves=forged))
    bench.restart()

    assert bench.agent.proofs.contradiction is not None
    assert bench.agent.proofs.is_broken
    bench.agent.site.clear("contradiction", PIN)
    assert not bench.agent.proofs.is_broken


async def test_the_agent_asks_until_it_has_the_proof(bench: Bench, clock: FakeClock):
    """First after two seconds, then every five, also for what is overdue."""
    assert bench.agent.proofs.requests() == []
    clock.advance(2)
    (first,) = bench.agent.proofs.requests()
    assert (first.leaf_hash, first.have_size) == (_leaf(bench), 0)
    assert bench.agent.proofs.requests() == []
    clock.advance(60)
    bench.agent.proofs.tick()

    assert [item.leaf_hash for item in bench.agent.proofs.requests()] == [_leaf(bench)]


async def test_a_gateway_that_is_behind_is_asked_for_few_proofs_at_a_time(bench: Bench, clock: FakeClock):
    """The others wait for an answer, or for the next turn; each has its turn, and all are proved once it answers."""
    for _ in range(2 * MOST_ASKED - 1):  # all a site waits for at one time
        await bench.send_grant()
        bench.agent.sessions.end_all("asked")
    hashes = {_leaf(bench, index) for index in range(len(bench.gateway.leaves))}
    assert len(hashes) == bench.agent.proofs.outstanding
    clock.advance(61)
    bench.agent.proofs.tick()
    assert bench.agent.proofs.is_overdue

    turns = []
    for _ in range(2):
        turns.append([item.leaf_hash for item in bench.agent.proofs.requests()])
        assert bench.agent.proofs.requests() == []
        clock.advance(ASK_PERIOD_S)
    assert [len(turn) for turn in turns] == [MOST_ASKED, MOST_ASKED]
    assert {leaf_hash for turn in turns for leaf_hash in turn} == hashes

    for _ in range(len(hashes)):
        for item in bench.agent.proofs.requests():
            bench.agent.desk.take(bench.gateway.proof(item.leaf_hash, have_size=item.have_size))
    assert not bench.agent.proofs.is_overdue


async def test_the_pulse_carries_the_requests(bench: Bench, clock: FakeClock):
    """Requests go out with the heartbeat's rhythm."""
    clock.advance(3)
    bench.agent.pulse.beat()

    assert len(bench.heard(m.LogProofRequest)) == 1
