"""Owners: suspending is free, adding needs one of them or the site, nobody removes itself, and one always stays."""

import dataclasses
from pathlib import Path

import pytest

from partner_agent import owners
from partner_agent.site import ActError
from partner_agent.wire import messages as m
from partner_agent.wire import touches
from partner_agent.wire.documents import CLIP_LABEL, OWNERS_LABEL, POLICY_LABEL, VIEW_LABEL
from partner_agent.wire.problems import PolicyProblem
from policies.model import Owner
from tests.fakes.clock import FakeClock
from tests.policies import build
from tests.support.agents import PIN, Bench
from tests.support.passkeys import SoftPasskey

pytestmark = pytest.mark.anyio


@pytest.fixture
def second() -> SoftPasskey:
    """Another passkey, in another drawer."""
    return SoftPasskey("b")


@pytest.fixture
async def bench(tmp_path: Path, clock: FakeClock, second: SoftPasskey):
    """A site with two owners' passkeys."""
    bench = Bench(tmp_path, clock)
    async with bench.at_work():
        bench.share(_with(bench.passkey.owner, second.owner))
        yield bench


def _with(*listed: Owner, **changes):
    return build.policy(build.rule(), owners=listed, **changes)


def _suspended(owner: Owner) -> Owner:
    return dataclasses.replace(owner, is_suspended=True)


def _code(bench: Bench, sha256: str, passkey: SoftPasskey, label: str = OWNERS_LABEL) -> str:
    return bench.claims(bench.touch(sha256, passkey, label=label)).get("code", "")


async def test_suspending_a_passkey_is_free_and_it_approves_nothing_more(bench: Bench, second: SoftPasskey):
    """A lost passkey is stopped at once, by nobody's leave."""
    bench.send_policy(_with(_suspended(bench.passkey.owner), second.owner))
    assert bench.agent.policy.position.seq == 2
    sha256 = bench.send_policy(_with(bench.passkey.owner, second.owner), is_proposal=True)

    assert _code(bench, sha256, bench.passkey) == PolicyProblem.APPROVAL_INVALID
    assert isinstance(bench.touch(sha256, second, label=OWNERS_LABEL), m.PolicyProposed)


async def test_adding_a_passkey_needs_one_of_the_document_in_force_and_waits(bench: Bench, second: SoftPasskey):
    """A passkey that the new document brings along does not approve itself."""
    third = SoftPasskey("c")
    wanted = _with(bench.passkey.owner, second.owner, third.owner)
    sha256 = bench.send_policy(wanted, is_proposal=True)

    assert _code(bench, sha256, third) == PolicyProblem.APPROVAL_INVALID
    assert isinstance(bench.touch(sha256, second, label=OWNERS_LABEL), m.PolicyProposed)


async def test_a_passkey_cannot_remove_itself(bench: Bench, second: SoftPasskey):
    """Another one, or the site, takes a passkey off the list."""
    sha256 = bench.send_policy(_with(bench.passkey.owner), is_proposal=True)

    assert _code(bench, sha256, second) == PolicyProblem.ANOTHER_OWNER
    assert isinstance(bench.touch(sha256, label=OWNERS_LABEL), m.PolicyProposed)


async def test_a_key_swapped_behind_a_known_id_counts_as_its_removal(bench: Bench, second: SoftPasskey):
    """The same credential id with another key is another passkey."""
    swapped = dataclasses.replace(second.owner, public_key=SoftPasskey("x").owner.public_key)
    sha256 = bench.send_policy(_with(bench.passkey.owner, swapped), is_proposal=True)

    assert _code(bench, sha256, second) == PolicyProblem.ANOTHER_OWNER


async def test_the_last_passkey_stays(bench: Bench):
    """Not even the site takes the last one away: it suspends it, or adds another first."""
    sha256 = bench.send_policy(_with(), is_proposal=True)

    assert _code(bench, sha256, bench.passkey) == PolicyProblem.LAST_OWNER
    with pytest.raises(ActError, match="Suspend it instead"):
        bench.agent.site.approve(sha256, PIN)


async def test_with_every_passkey_lost_the_site_alone_decides(bench: Bench, second: SoftPasskey):
    """Both suspended: no touch approves, and the site puts a new one in their place."""
    bench.send_policy(_with(_suspended(bench.passkey.owner), _suspended(second.owner)))
    third = SoftPasskey("c")
    sha256 = bench.send_policy(_with(third.owner), is_proposal=True)
    for passkey in (bench.passkey, second, third):
        assert _code(bench, sha256, passkey) == PolicyProblem.APPROVAL_INVALID
    bench.agent.site.approve(sha256, PIN)

    assert bench.agent.policy.in_force.policy.owners == (third.owner,)


@pytest.mark.parametrize(("label", "is_owners_only"), [(POLICY_LABEL, True), (OWNERS_LABEL, False)])
async def test_a_change_of_owners_has_a_label_of_its_own(
    bench: Bench, second: SoftPasskey, label: str, *, is_owners_only: bool
):
    """A touch for rules never changes who approves, nor the other way round."""
    wider = {} if is_owners_only else {"cameras": (*build.policy().cameras, build.camera("cam_3"))}
    listed = (bench.passkey.owner, second.owner, *((SoftPasskey("c").owner,) if is_owners_only else ()))
    sha256 = bench.send_policy(_with(*listed, **wider), is_proposal=True)

    assert _code(bench, sha256, bench.passkey, label) == PolicyProblem.APPROVAL_INVALID


async def test_a_change_of_owner_starts_a_new_lineage(bench: Bench, second: SoftPasskey):
    """Whoever takes the place over begins at nothing shared; the old passkeys open nothing."""
    before = bench.agent.policy.position
    bench.agent.site.clear("owner", PIN)
    after = bench.agent.policy.position

    assert (after.seq, after.lineage != before.lineage) == (0, True)
    sha256 = bench.send_policy(_with(SoftPasskey("new").owner), is_proposal=True)
    assert _code(bench, sha256, second) == PolicyProblem.ON_SITE_ONLY
    assert "owner_changed" in [line.kind for line in bench.agent.journal.newest(5)]


async def test_a_counter_that_goes_back_is_a_copied_passkey(bench: Bench, second: SoftPasskey):
    """It is refused by check 6 and journalled; passkeys that keep no counter say 0 for ever."""
    first = bench.send_policy(_with(bench.passkey.owner), is_proposal=True)
    bench.touch(first, label=OWNERS_LABEL)
    bench.agent.site.decline(first)
    bench.passkey.count = 0
    other = bench.send_policy(_with(bench.passkey.owner, hold_s=7200), is_proposal=True)

    assert _code(bench, other, bench.passkey, POLICY_LABEL) == PolicyProblem.APPROVAL_INVALID
    line = bench.agent.journal.newest(1)[0]
    assert (line.kind, line.body["check"]) == ("approval_refused", owners.COUNTER_CHECK)


async def test_whoever_only_answers_approves_no_policy(bench: Bench, second: SoftPasskey):
    """Neither more sharing, nor another passkey, nor a wider role: whatever a gateway puts to it, the site says no."""
    bench.share_more(_with(bench.passkey.owner, second.answerer))
    wider = {"cameras": (*build.policy().cameras, build.camera("cam_3"))}
    wishes = (
        (_with(bench.passkey.owner, second.answerer, **wider), POLICY_LABEL),
        (_with(bench.passkey.owner, second.answerer, SoftPasskey("c").owner), OWNERS_LABEL),
        (_with(bench.passkey.owner, second.owner), OWNERS_LABEL),
    )
    for wish, label in wishes:
        sha256 = bench.send_policy(wish, is_proposal=True)
        for said in (label, VIEW_LABEL, CLIP_LABEL):
            assert _code(bench, sha256, second, said) == PolicyProblem.APPROVAL_INVALID
        assert isinstance(bench.touch(sha256, label=label), m.PolicyProposed)  # an owner's is taken
        bench.agent.site.decline(sha256)


async def test_a_wider_role_is_no_narrowing_whatever_the_gateway_calls_it(bench: Bench, second: SoftPasskey):
    """Sent as one that waits for nobody, it is refused; what is in force stays."""
    bench.share_more(_with(bench.passkey.owner, second.answerer))
    before = bench.agent.policy.position
    bench.send_policy(_with(bench.passkey.owner, second.owner))

    assert bench.agent.policy.position == before
    assert bench.agent.policy.in_force.policy.owners == (bench.passkey.owner, second.answerer)


async def test_whoever_only_answers_is_taken_off_by_a_narrowing(bench: Bench, second: SoftPasskey):
    """At once, and nobody is asked."""
    bench.share_more(_with(bench.passkey.owner, second.answerer))
    bench.send_policy(_with(bench.passkey.owner))

    assert bench.agent.policy.in_force.policy.owners == (bench.passkey.owner,)


async def test_whoever_only_answers_is_not_the_passkey_that_stays(bench: Bench, second: SoftPasskey):
    """The last owner is not replaced by one who may approve nothing; nor does an owner step down alone."""
    bench.share_more(_with(bench.passkey.owner, second.answerer))
    gone = bench.send_policy(_with(second.answerer), is_proposal=True)
    assert _code(bench, gone, bench.passkey) == PolicyProblem.LAST_OWNER

    third = SoftPasskey("c")
    bench.share_more(_with(bench.passkey.owner, third.owner))
    down = bench.send_policy(_with(bench.passkey.answerer, third.owner), is_proposal=True)
    assert _code(bench, down, bench.passkey) == PolicyProblem.ANOTHER_OWNER
    assert isinstance(bench.touch(down, third, label=OWNERS_LABEL), m.PolicyProposed)


def test_only_a_change_of_nothing_but_owners_is_one():
    """The label follows the content of both documents."""
    a, b = SoftPasskey("a").owner, SoftPasskey("b").owner

    assert touches.label_of(_with(a), _with(a, b)) == OWNERS_LABEL
    assert touches.label_of(_with(a), _with(a, b, hold_s=7200)) == POLICY_LABEL
