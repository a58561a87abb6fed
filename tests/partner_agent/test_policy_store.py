"""The owner's word: narrowing is free and never undone, widening needs the site, a lying gateway gains nothing."""

from datetime import timedelta
from pathlib import Path

import pytest

from partner_agent.site import ActError
from partner_agent.wire import messages as m
from partner_agent.wire.documents import Position
from partner_agent.wire.problems import PolicyProblem
from policies.vocabulary import Act
from tests.fakes.clock import FakeClock
from tests.policies import build
from tests.support.agents import PIN, Bench, outcome_name

pytestmark = pytest.mark.anyio

WIDE = build.policy(build.rule())
NARROW = build.policy(build.rule(condition="any"))
NOTHING = build.policy()
CLIPS = build.policy(build.rule(), build.rule("r2", acts=frozenset({Act.CLIP_FETCH})))


@pytest.fixture
async def bench(tmp_path: Path, clock: FakeClock):
    """A site that shares nothing yet."""
    bench = Bench(tmp_path, clock)
    async with bench.at_work():
        yield bench


def _send(bench: Bench, document, *, is_quarantined: bool = False):
    return bench.agent.policy.take(dict(document.raw), is_quarantined=is_quarantined)


async def test_document_1_needs_the_site_whatever_it_says(bench: Bench):
    """Even a document that shares nothing is approved on site first: the chain begins there."""
    bench.send_policy(NOTHING)

    assert bench.token(m.PolicyRefused)["code"] == PolicyProblem.WIDENING
    assert bench.agent.policy.in_force is None


async def test_a_narrowing_takes_effect_at_once_and_is_acknowledged(bench: Bench):
    """No approval, no hold: the ack names the new document."""
    bench.share(WIDE)
    sha256 = bench.send_policy(NARROW)

    claims = bench.token(m.PolicyAck)
    assert (claims["seq"], claims["sha256"]) == (2, sha256)


async def test_a_lost_ack_is_given_again(bench: Bench):
    """The document in force, sent again, is acknowledged again."""
    bench.share(WIDE)
    bench.send_policy(NARROW)
    raw = dict(bench.agent.policy.in_force.document.raw)
    bench.heard(m.Message)

    bench.agent.desk.take(m.Policy(id="msg_again", document=raw))

    assert bench.token(m.PolicyAck)["re"] == "msg_again"


async def test_an_acknowledged_narrowing_is_never_undone(bench: Bench):
    """The wider document of before, its successor with another number, and a forged chain are all stale."""
    bench.share(WIDE)
    wide = bench.agent.policy.in_force.document
    bench.send_policy(NARROW)
    narrow = bench.agent.policy.position

    for document in (
        wide,
        bench.gateway.document(WIDE, Position(narrow.lineage, 7, narrow.sha256)),
        bench.gateway.document(WIDE, Position(narrow.lineage, 2, "f" * 64)),
        bench.gateway.document(WIDE, Position("f" * 32, 2, narrow.sha256)),
    ):
        assert outcome_name(_send(bench, document)) == "Stale"
    assert bench.agent.policy.position == narrow


async def test_a_widening_sent_as_a_narrowing_is_refused(bench: Bench):
    """The agent compares the content itself; what the gateway calls it does not matter."""
    bench.share(WIDE)

    outcome = _send(bench, bench.gateway.document(CLIPS, bench.agent.policy.position))

    assert outcome.problem is PolicyProblem.WIDENING


async def test_a_widening_waits_for_the_site(bench: Bench):
    """A proposal changes nothing until PIN and approval; then it is in force at once."""
    bench.share(WIDE)
    sha256 = bench.send_policy(CLIPS, is_proposal=True)
    assert bench.agent.policy.position.seq == 1
    bench.heard(m.Message)

    bench.agent.site.approve(sha256, PIN)

    assert bench.token(m.PolicyAck)["sha256"] == sha256


async def test_a_proposal_whose_base_moved_cannot_be_approved(bench: Bench):
    """A narrowing in between cancels it: the owner would approve something else than what was shown."""
    bench.share(WIDE)
    sha256 = bench.send_policy(CLIPS, is_proposal=True)
    bench.send_policy(NARROW)

    with pytest.raises(ActError):
        bench.agent.site.approve(sha256, PIN)


async def test_a_proposal_dies_with_its_deadline(bench: Bench, clock: FakeClock):
    """approve_by is checked when the approval arrives."""
    bench.share(WIDE)
    sha256 = bench.send_policy(CLIPS, is_proposal=True)
    clock.advance(3601)

    with pytest.raises(ActError, match="not approved in time"):
        bench.agent.site.approve(sha256, PIN)


async def test_a_no_kills_a_proposal_over_a_restart(bench: Bench):
    """After a no the same proposal cannot come back, whether or not the agent restarts."""
    bench.share(WIDE)
    document = bench.gateway.document(CLIPS, bench.agent.policy.position, is_proposal=True)
    _send(bench, document)
    bench.agent.desk.take(m.PolicyNo(id="msg_no", sha256=document.sha256))
    bench.restart()

    assert _send(bench, document).problem is PolicyProblem.DEAD
    with pytest.raises(ActError):
        bench.agent.site.approve(document.sha256, PIN)


async def test_a_no_before_the_proposal_counts(bench: Bench):
    """A no that overtakes its proposal kills it as well."""
    bench.share(WIDE)
    document = bench.gateway.document(CLIPS, bench.agent.policy.position, is_proposal=True)
    bench.agent.policy.no(document.sha256, by="owner")

    assert _send(bench, document).problem is PolicyProblem.DEAD


async def test_a_document_of_another_site_is_refused(bench: Bench):
    """Names of gateway, site, agent and partner must all be this agent's."""
    document = bench.gateway.document(WIDE, bench.agent.policy.position, is_proposal=True)

    for name in ("gateway", "site", "agent", "partner"):
        raw = {**document.raw, name: "org_2"}
        assert bench.agent.policy.take(raw, is_quarantined=False).problem is PolicyProblem.WRONG_SITE


async def test_a_document_without_its_pack_is_refused(bench: Bench):
    """A document pins a guard-rail pack that must be here first."""
    document = bench.gateway.document(WIDE, bench.agent.policy.position, is_proposal=True)

    assert _send(bench, document).problem is PolicyProblem.PACK_MISSING


async def test_quarantine_takes_narrowings_and_no_proposals(bench: Bench):
    """In quarantine the owner can still take away, and nobody can give."""
    bench.share(WIDE)
    bench.agent.switches.quarantine("test")
    proposal = bench.gateway.document(CLIPS, bench.agent.policy.position, is_proposal=True)

    assert _send(bench, proposal, is_quarantined=True).problem is PolicyProblem.QUARANTINED
    bench.send_policy(NARROW)
    assert bench.agent.policy.position.seq == 2


async def test_clearing_quarantine_starts_a_new_lineage(bench: Bench):
    """What an older copy knew opens nothing: the site begins again at nothing shared."""
    bench.share(WIDE)
    before = bench.agent.policy.position
    bench.agent.switches.quarantine("test")

    bench.agent.site.clear("quarantined", PIN)

    after = bench.agent.policy.position
    assert (after.seq, after.lineage != before.lineage) == (0, True)
    assert bench.agent.policy.in_force is None
    bench.share(WIDE)


async def test_the_document_in_force_survives_a_restart(bench: Bench):
    """Kill and start: the same document, the same lineage."""
    bench.share(WIDE)
    before = bench.agent.policy.position
    bench.restart()

    assert bench.agent.policy.position == before


async def test_proposals_are_bounded(bench: Bench):
    """A gateway that proposes without end fills nothing."""
    bench.share(WIDE)
    for hold_s in range(20):
        bench.send_policy(build.policy(build.rule(), hold_s=hold_s), is_proposal=True)

    assert len(bench.agent.policy.proposals()) == 8


async def test_the_gateway_gets_the_document_in_force_on_request(bench: Bench):
    """What the site says is in force is the authority."""
    bench.share(WIDE)
    bench.agent.desk.take(m.PolicyRequest(id="msg_r"))

    (answer,) = bench.heard(m.PolicyDocument)
    assert answer.document == dict(bench.agent.policy.in_force.document.raw)


async def test_old_approval_time_is_judged_by_the_agents_clock(bench: Bench, clock: FakeClock):
    """A proposal already past its time is not even kept."""
    bench.share(WIDE)
    document = bench.gateway.document(CLIPS, bench.agent.policy.position, is_proposal=True)
    clock.advance(timedelta(hours=2).total_seconds())

    assert _send(bench, document).problem is PolicyProblem.EXPIRED
