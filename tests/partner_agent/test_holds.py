"""The hold: what a passkey approved waits while the owner is told, and every check is made again when it is over."""

from pathlib import Path

import pytest

from partner_agent.wire import messages as m
from partner_agent.wire.problems import PolicyProblem
from policies.vocabulary import Act
from tests.fakes.clock import FakeClock
from tests.policies import build
from tests.support.agents import PIN, Bench

pytestmark = pytest.mark.anyio
HOUR_S = 3600


@pytest.fixture
async def bench(tmp_path: Path, clock: FakeClock):
    """A site that shares something, with one owner's passkey."""
    bench = Bench(tmp_path, clock)
    async with bench.at_work():
        bench.share(_policy(bench))
        yield bench


def _policy(bench: Bench, *more, **changes):
    return build.policy(build.rule(), *more, **{"owners": (bench.passkey.owner,), **changes})


def _clips(bench: Bench, **changes):
    return _policy(bench, build.rule("r2", acts=frozenset({Act.CLIP_FETCH})), **changes)


def _proposed(bench: Bench, **changes) -> str:
    return bench.send_policy(_clips(bench, **changes), is_proposal=True)


def _seq(bench: Bench) -> int:
    return bench.agent.policy.position.seq


def _code(bench: Bench, answer: m.Message) -> str:
    return bench.claims(answer)["code"]


async def test_a_touch_holds_a_widening_and_tells_the_owner_what_it_shares(bench: Bench):
    """The answer names the wait; the notice says in this machine's words what would be shared."""
    sha256 = _proposed(bench)

    answer = bench.touch(sha256)

    assert isinstance(answer, m.PolicyProposed)
    assert (answer.sha256, answer.held_s) == (sha256, HOUR_S)
    assert bench.notice.told[-1] == "policy_held"
    assert any("record" in line for line in bench.notice.lines[-3:])
    assert _seq(bench) == 1


async def test_a_hold_runs_on_the_monotonic_clock(bench: Bench, clock: FakeClock):
    """A wall clock that jumps either way does not shorten it; when it has passed the document is in force."""
    bench.touch(_proposed(bench))
    for jump_s in (7200, -7200):
        clock.step_wall(jump_s)
        bench.agent.desk.end_hold()
        assert _seq(bench) == 1
    clock.advance(HOUR_S - 1)
    bench.agent.desk.end_hold()
    assert _seq(bench) == 1
    clock.advance(1)
    bench.agent.pulse.beat()

    assert _seq(bench) == 2
    assert bench.token(m.PolicyAck)["seq"] == 2


async def test_a_hold_starts_again_after_a_restart_and_the_owner_is_told_again(bench: Bench, clock: FakeClock):
    """Switching the agent off and on does not make time pass."""
    bench.touch(_proposed(bench))
    clock.advance(HOUR_S - 1)
    bench.notice.told.clear()
    bench.restart()
    clock.advance(HOUR_S - 1)
    bench.agent.desk.end_hold()
    assert (_seq(bench), bench.notice.told) == (1, ["policy_held"])
    clock.advance(1)
    bench.agent.desk.end_hold()

    assert _seq(bench) == 2


async def test_a_site_may_do_without_a_hold(tmp_path: Path, clock: FakeClock):
    """With hold_s = 0 a touch is in force at once, and the owner is told all the same."""
    bench = Bench(tmp_path, clock, hold_s=0)
    async with bench.at_work():
        bench.share(_policy(bench))

        assert isinstance(bench.touch(_proposed(bench)), m.PolicyAck)
        assert bench.notice.told[-1] == "policy_held"


async def test_whatever_changes_the_document_in_force_cancels_a_hold(bench: Bench, clock: FakeClock):
    """A narrowing, or another approval on site, ends the hold for good."""
    sha256 = _proposed(bench)
    bench.touch(sha256)
    bench.send_policy(_policy(bench, hold_s=HOUR_S + 1))
    clock.advance(2 * HOUR_S)
    bench.agent.desk.end_hold()

    assert (_seq(bench), bench.agent.policy.held) == (2, None)
    assert _code(bench, bench.touch(sha256)) == PolicyProblem.DEAD


async def test_the_site_may_approve_while_another_proposal_is_held(bench: Bench, clock: FakeClock):
    """Who stands at the site decides; what was held is gone with the document it stood on."""
    bench.touch(_proposed(bench))
    other = _proposed(bench, hold_s=HOUR_S + 1)
    bench.agent.site.approve(other, PIN)
    clock.advance(2 * HOUR_S)
    bench.agent.desk.end_hold()

    assert bench.agent.policy.position.sha256 == other


@pytest.mark.parametrize("way", ["page", "gateway"])
async def test_a_no_ends_a_hold_for_good(bench: Bench, clock: FakeClock, way: str):
    """The owner's no works while the hold runs, over a restart, and the same proposal cannot come back."""
    sha256 = _proposed(bench)
    approval = m.PolicyApproval(
        id="msg_t", sha256=sha256, label="lenspact/policy/v1",
        assertion=bench.passkey.approve("lenspact/policy/v1", sha256),
    )  # fmt: skip
    bench.approve(approval)
    if way == "page":
        bench.agent.site.decline(sha256)
    else:
        bench.agent.desk.take(m.PolicyNo(id="msg_n", sha256=sha256))
    bench.restart()
    clock.advance(2 * HOUR_S)
    bench.agent.desk.end_hold()

    assert _seq(bench) == 1
    assert _code(bench, bench.approve(approval)) == PolicyProblem.DEAD
    assert "policy_no" in [line.kind for line in bench.agent.journal.newest(5)]


async def test_one_proposal_is_held_at_a_time(bench: Bench):
    """A second approval finds the first one's hold."""
    first, second = _proposed(bench), _proposed(bench, hold_s=HOUR_S + 1)
    bench.touch(first)

    assert _code(bench, bench.touch(second)) == PolicyProblem.BUSY


async def test_an_answer_that_was_lost_is_given_again(bench: Bench, clock: FakeClock):
    """The same approval again finds its own hold, with what is left of it."""
    sha256 = _proposed(bench)
    bench.touch(sha256)
    clock.advance(600)

    answer = bench.touch(sha256)
    assert isinstance(answer, m.PolicyProposed)
    assert answer.held_s == HOUR_S - 600


async def test_document_1_is_approved_on_site_only(tmp_path: Path, clock: FakeClock):
    """A document cannot bring the passkey that approves it."""
    bench = Bench(tmp_path, clock)
    async with bench.at_work():
        assert _code(bench, bench.touch(_proposed(bench))) == PolicyProblem.ON_SITE_ONLY


async def test_a_passkey_cannot_shorten_the_wait(bench: Bench):
    """A document that says a shorter hold is approved on site."""
    assert _code(bench, bench.touch(_proposed(bench, hold_s=0))) == PolicyProblem.ON_SITE_ONLY


async def test_approve_by_is_checked_when_the_approval_arrives_and_not_when_the_hold_ends(
    bench: Bench, clock: FakeClock
):
    """The owner was in time; the wait that the site imposes does not make it late."""
    late, timely = _proposed(bench), _proposed(bench, hold_s=HOUR_S + 1)
    clock.advance(1800)
    bench.touch(timely)
    clock.advance(HOUR_S)
    assert _code(bench, bench.touch(late)) == PolicyProblem.EXPIRED
    bench.agent.desk.end_hold()

    assert bench.agent.policy.position.sha256 == timely


async def test_no_hold_ends_in_quarantine(bench: Bench, clock: FakeClock):
    """Every check is made again: a copied disk does not widen, and clearing starts at nothing."""
    sha256 = _proposed(bench)
    bench.touch(sha256)
    bench.agent.switches.quarantine("test")
    clock.advance(HOUR_S)
    bench.agent.desk.end_hold()

    assert _seq(bench) == 1
    assert bench.token(m.PolicyRefused)["code"] == PolicyProblem.QUARANTINED


async def test_nothing_is_approved_in_quarantine(bench: Bench):
    """Neither a touch nor the site widens before the site has cleared it."""
    from partner_agent.site import ActError

    sha256 = _proposed(bench)
    bench.agent.switches.quarantine("test")

    assert _code(bench, bench.touch(sha256)) == PolicyProblem.QUARANTINED
    with pytest.raises(ActError, match="Clear the warning"):
        bench.agent.site.approve(sha256, PIN)
