"""A touch for what waits: offered for exactly that, carried to the site, told in words, logged once taken."""

import pytest

from gateway.kernel.errors import ConflictError, NotFoundError, PreconditionError
from gateway.sharing import Standing
from gateway.sites import TouchAnswer
from partner_agent.wire.documents import OWNERS_LABEL, POLICY_LABEL
from partner_agent.wire.limits import APPROVE_BY_S
from partner_agent.wire.problems import PolicyProblem
from partner_agent.wire.touches import Assertion, base64url, challenge
from policies.clauses import Preset
from tests.sharing.test_owners import FIRST, SECOND, approving
from tests.sharing.test_sharing import connected
from tests.support.sharing import sharing_world, usual

pytestmark = pytest.mark.anyio
TOUCH = Assertion(credential=FIRST.credential, client_data="YQ", authenticator_data="YQ", signature="YQ")


@pytest.fixture
def w(sqlite_database, clock, ids):
    """Sharing on SQLite: a touch is carried, and changes no row but the log's."""
    return sharing_world(sqlite_database, clock=clock, ids=ids)


async def more(w):
    """A shop that names one passkey and whose proposal to share more waits."""
    owner, site, cameras, agent = await approving(w, FIRST)
    await w.answer(owner, site, usual(*cameras, preset=Preset.OPEN))
    assert await w.deliver(agent, approves=False) == ["proposed"]
    return owner, site, cameras, agent


async def test_nothing_waits_where_nothing_was_proposed(w):
    """In force, there is nothing to touch for; a touch for it is a conflict."""
    owner, site, _, agent = await connected(w)

    assert await w.approvals.waiting(owner, site.id) is None
    with pytest.raises(ConflictError):
        await w.approvals.touch(owner, site.id, w.agents.held[agent].sha256, TOUCH)


async def test_the_first_passkey_cannot_approve_itself(w):
    """While the site names none, what waits can be approved only there."""
    owner, site, _, agent = await connected(w)
    await w.owners.ask_for(owner, site.id, FIRST)
    await w.deliver(agent, approves=False)

    assert (await w.approvals.waiting(owner, site.id)).credentials == ()


async def test_what_is_signed_is_this_document_and_no_other(w):
    """The challenge follows from label and digest; it is offered to the passkeys that the site names."""
    owner, site, _, _ = await more(w)
    waiting = await w.approvals.waiting(owner, site.id)

    assert waiting.credentials == (FIRST.credential,)
    assert waiting.challenge == base64url(challenge(POLICY_LABEL, bytes.fromhex(waiting.sha256)))
    assert any("Front door" in change.sentence for change in waiting.changes)
    assert (waiting.minutes_left, waiting.is_about_owners) == (None, False)


async def test_a_touch_that_was_taken_is_logged_and_its_hold_told(w):
    """The site holds it for an hour: so says the page, and the log has the touch."""
    owner, site, _, _ = await more(w)
    sha256 = (await w.approvals.waiting(owner, site.id)).sha256
    assert (await w.approvals.touch(owner, site.id, sha256, TOUCH)).held_s == 3600

    assert w.agents.touches == [(sha256, POLICY_LABEL, TOUCH)]
    w.agents.holds[sha256] = w.clock.now().replace(microsecond=0)
    assert (await w.approvals.waiting(owner, site.id)).minutes_left == 0
    assert (await w.base.kinds(site.id))[-1] == "policy.approved"


async def test_a_change_of_owners_alone_has_its_own_label(w):
    """A touch for sharing more is never one for letting somebody else approve."""
    owner, site, _, agent = await approving(w, FIRST)
    await w.owners.ask_for(owner, site.id, SECOND)
    await w.deliver(agent, approves=False)
    await w.approvals.touch(owner, site.id, (await w.approvals.waiting(owner, site.id)).sha256, TOUCH)

    assert w.agents.touches[0][1] == OWNERS_LABEL
    assert (await w.approvals.waiting(owner, site.id)).is_about_owners


@pytest.mark.parametrize("code", [*PolicyProblem, "of_tomorrow"])
async def test_each_refusal_has_its_sentence_and_no_leaf(w, code):
    """Its owner reads a sentence, the proposal stands, and nothing is called approved."""
    owner, site, _, _ = await more(w)
    sha256 = (await w.approvals.waiting(owner, site.id)).sha256
    w.agents.answer = TouchAnswer(code=str(code))

    with pytest.raises(PreconditionError) as refused:
        await w.approvals.touch(owner, site.id, sha256, TOUCH)
    assert refused.value.sentence.endswith(".")
    assert "policy.approved" not in await w.base.kinds(site.id)
    assert (await w.sharing.view(owner, site.id)).standing is Standing.TO_APPROVE


async def test_what_is_over_or_somebody_elses_cannot_be_touched(w):
    """Another owner finds no such site; after a day the proposal is over; nonsense never reaches the site."""
    owner, site, _, _ = await more(w)
    other, *_ = await w.shop("bo@example.org")
    sha256 = (await w.approvals.waiting(owner, site.id)).sha256

    with pytest.raises(NotFoundError):
        await w.approvals.touch(other, site.id, sha256, TOUCH)
    with pytest.raises(NotFoundError):
        await w.approvals.waiting(other, site.id)
    huge = Assertion(credential="a", client_data="x" * 70_000, authenticator_data="", signature="")
    with pytest.raises(PreconditionError):
        await w.approvals.touch(owner, site.id, sha256, huge)
    w.clock.advance(APPROVE_BY_S + 1)
    with pytest.raises(ConflictError):
        await w.approvals.touch(owner, site.id, sha256, TOUCH)
    assert w.agents.touches == []
