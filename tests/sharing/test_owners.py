"""Passkeys in a site's document: asked for, approved, suspended at once, taken off; each as a document says it."""

import dataclasses

import pytest

from gateway.kernel.errors import NotFoundError, PreconditionError
from gateway.sharing import MAX_OWNERS, Key, KeyState, Standing, Step
from policies.clauses import Live
from policies.narrowing import compare
from policies.vocabulary import OwnerRole
from tests.sharing.test_sharing import connected
from tests.support.passkeys import SoftPasskey
from tests.support.sharing import sharing_world, usual

pytestmark = pytest.mark.anyio


@pytest.fixture
def w(database, clock, ids):
    """Sharing on a database of its own."""
    return sharing_world(database, clock=clock, ids=ids)


def key(name: str = "a") -> Key:
    """A passkey of the owner."""
    owner = SoftPasskey(name).owner
    return Key(owner.credential, f"key-{name}")


FIRST, SECOND = key("a"), key("b")


async def state(w, owner, which: Key = FIRST) -> KeyState:
    """How a passkey stands at the owner's one site."""
    (keys,) = await w.owners.sites(owner)
    return keys.state_of(which.credential)


async def named(w, agent) -> list[tuple[str, bool]]:
    """Whom the document in force names, and whether each is suspended."""
    return [(owner.credential, owner.is_suspended) for owner in (await w.policy_at(agent)).owners]


async def test_without_answers_there_is_no_document_to_name_it(w):
    """A passkey is asked for once something is said about what is shared."""
    owner, site, cameras = await w.shop()
    w.pair(site, cameras)

    with pytest.raises(PreconditionError):
        await w.owners.ask_for(owner, site.id, FIRST)


async def test_another_owners_site_is_not_there(w):
    """Asking for a passkey at somebody else's site is asking at none."""
    _, site, _, _ = await connected(w)
    other, *_ = await w.shop("bo@example.org")

    with pytest.raises(NotFoundError):
        await w.owners.ask_for(other, site.id, FIRST)


async def test_a_passkey_approves_nothing_before_the_site_approved_it(w):
    """It is a proposal like every other widening, and in force once the site takes it; then nothing is left to wish."""
    owner, site, _, agent = await connected(w)
    await w.owners.ask_for(owner, site.id, FIRST)

    assert await w.deliver(agent, approves=False) == ["proposed"]
    assert await state(w, owner) is KeyState.ASKED
    assert await named(w, agent) == []
    assert (await w.sharing.view(owner, site.id)).standing is Standing.TO_APPROVE
    assert await w.deliver(agent) == ["ack"]
    assert await state(w, owner) is KeyState.APPROVES
    assert await named(w, agent) == [(FIRST.credential, False)]
    assert (await w.rows.answers(site.id)).owners is None
    assert (await w.sharing.view(owner, site.id)).standing is Standing.IN_FORCE


async def test_the_first_document_can_name_a_passkey(w):
    """Answers and passkey together are document 1, approved on site whatever it says."""
    owner, site, cameras = await w.shop()
    agent = w.pair(site, cameras)
    await w.answer(owner, site, usual(*cameras))
    await w.owners.ask_for(owner, site.id, FIRST)

    assert await w.deliver(agent) == ["ack"]
    assert await named(w, agent) == [(FIRST.credential, False)]


async def approving(w, *keys: Key):
    """A shop whose site names these passkeys."""
    owner, site, cameras, agent = await connected(w)
    for one in keys:
        await w.owners.ask_for(owner, site.id, one)
    await w.deliver(agent)
    return owner, site, cameras, agent


async def test_a_save_takes_no_passkey_away(w):
    """Less sharing after a passkey is pinned is a narrowing on site, and the passkey is still there."""
    owner, site, cameras, agent = await approving(w, FIRST)
    before = await w.policy_at(agent)

    await w.sharing.switch(owner, cameras[0], is_on=False)
    assert await w.deliver(agent) == ["ack"]

    assert compare(before, await w.policy_at(agent)).is_narrowing
    assert await named(w, agent) == [(FIRST.credential, False)]
    await w.sharing.switch(owner, cameras[0], is_on=True)
    assert await w.deliver(agent) == ["ack"]
    assert await named(w, agent) == [(FIRST.credential, False)]
    assert site.id


async def test_a_narrowing_from_before_the_passkey_is_still_a_narrowing(w):
    """Switched off while the site was away, and a passkey approved there meanwhile: neither undoes the other."""
    owner, site, cameras, agent = await connected(w)
    await w.owners.ask_for(owner, site.id, FIRST)
    (proposal,) = await w.outbox.due(agent, w.agents.held[agent])
    await w.sharing.switch(owner, cameras[0], is_on=False)
    await w._take(agent, dict(proposal.document), approves=True)

    (first,) = await w.outbox.due(agent, w.agents.held[agent])
    assert first.document["approve_by"] is None
    assert await w.deliver(agent) == ["ack"]
    assert await named(w, agent) == [(FIRST.credential, False)]


async def test_suspending_counts_at_once_and_asks_nobody(w):
    """It is a narrowing, sent without approval, whatever else waits."""
    owner, site, _, agent = await approving(w, FIRST)
    await w.owners.ask_for(owner, site.id, SECOND)
    await w.owners.suspend(owner, FIRST.credential)

    assert await state(w, owner) is KeyState.SUSPENDED
    (due,) = await w.outbox.due(agent, w.agents.held[agent])
    assert due.document["approve_by"] is None
    assert await w.deliver(agent, approves=False) == ["ack", "proposed"]
    assert await named(w, agent) == [(FIRST.credential, True)]
    assert await state(w, owner, SECOND) is KeyState.ASKED


async def test_suspending_one_that_nobody_approved_yet_takes_the_wish_back(w):
    """It never could approve anything, so there is nothing to narrow and nothing to ask."""
    owner, site, _, agent = await connected(w)
    await w.owners.ask_for(owner, site.id, FIRST)
    await w.owners.suspend(owner, FIRST.credential)

    assert await state(w, owner) is KeyState.UNKNOWN
    assert await w.outbox.due(agent, w.agents.held[agent]) == []


async def test_taking_one_off_suspends_it_first_and_waits_for_the_rest(w):
    """It can approve nothing from now on; that it leaves the list is for another passkey, or the site."""
    owner, _, _, agent = await approving(w, FIRST, SECOND)
    await w.owners.take_off(owner, FIRST.credential)

    assert await w.deliver(agent, approves=False) == ["ack", "proposed"]
    assert await named(w, agent) == [(FIRST.credential, True), (SECOND.credential, False)]
    assert await state(w, owner) is KeyState.LEAVING
    (waiting,) = [one for one in await w.rows.waiting(agent) if one.step is Step.PROPOSAL]
    assert [each["credential"] for each in waiting.raw["owners"]] == [SECOND.credential]
    assert await w.deliver(agent) == ["ack"]
    assert await named(w, agent) == [(SECOND.credential, False)]


async def test_the_last_one_is_suspended_and_stays_listed(w):
    """A site refuses to lose its last owner, so that is never asked of it."""
    owner, _, _, agent = await approving(w, FIRST)
    await w.owners.take_off(owner, FIRST.credential)

    assert await w.deliver(agent, approves=False) == ["ack"]
    assert await named(w, agent) == [(FIRST.credential, True)]
    assert await w.outbox.due(agent, w.agents.held[agent]) == []


async def test_a_document_names_so_many_and_no_more(w):
    """The list has an end, said before a document is written that no site could read."""
    owner, site, _, _ = await connected(w)
    for number in range(MAX_OWNERS):
        await w.owners.ask_for(owner, site.id, key(str(number)))

    with pytest.raises(PreconditionError):
        await w.owners.ask_for(owner, site.id, key("more"))


async def test_the_wish_survives_other_saves_and_is_logged(w):
    """Answers saved while a passkey waits keep it waiting; each wish is a leaf with what it does."""
    owner, site, cameras, agent = await connected(w)
    await w.owners.ask_for(owner, site.id, FIRST)
    await w.answer(owner, site, dataclasses.replace(usual(*cameras), live=Live.ALWAYS))

    assert await state(w, owner) is KeyState.ASKED
    assert (await w.base.kinds(site.id)).count("policy.saved") == 3
    assert await w.deliver(agent) == ["ack"]
    assert await named(w, agent) == [(FIRST.credential, False)]


def answering(name: str = "c") -> Key:
    """A passkey of somebody who only answers requests."""
    return dataclasses.replace(key(name), role=OwnerRole.ANSWERS)


async def test_whoever_only_answers_is_named_by_a_proposal_and_offered_no_document(w):
    """The document says its role; a page that asks an owner to approve does not name it."""
    owner, site, cameras, agent = await approving(w, FIRST)
    await w.owners.ask_for(owner, site.id, answering())

    assert await w.deliver(agent, approves=False) == ["proposed"]
    assert await state(w, owner, answering()) is KeyState.ASKED
    assert await w.deliver(agent) == ["ack"]
    roles = {one.credential: one.role for one in (await w.policy_at(agent)).owners}
    assert roles == {FIRST.credential: OwnerRole.OWNER, answering().credential: OwnerRole.ANSWERS}
    assert (await w.rows.answers(site.id)).owners is None
    await w.answer(owner, site, dataclasses.replace(usual(*cameras), live=Live.ALWAYS))
    await w.deliver(agent, approves=False)
    assert (await w.approvals.waiting(owner, site.id)).credentials == (FIRST.credential,)
    (keys,) = await w.owners.sites(owner)
    assert keys.approving == 1


@pytest.mark.parametrize("why", ["away", "old"])
async def test_no_agent_is_asked_for_what_it_may_not_know(w, why):
    """One that would refuse every document with such a passkey gets none, nor one of which nobody knows."""
    owner, site, _, agent = await approving(w, FIRST)
    getattr(w.agents, why).add(agent)

    with pytest.raises(PreconditionError):
        await w.owners.ask_for(owner, site.id, answering())
    assert await state(w, owner, answering()) is KeyState.UNKNOWN
    await w.owners.ask_for(owner, site.id, SECOND)


async def answered_by(w):
    """A shop whose site names an owner and somebody who only answers."""
    owner, site, cameras, agent = await approving(w, FIRST)
    await w.owners.ask_for(owner, site.id, answering())
    await w.deliver(agent)
    return owner, site, cameras, agent


async def test_taking_them_off_asks_nobody(w):
    """It is a narrowing, on site at once, also beside a switch that is turned off."""
    owner, _, cameras, agent = await answered_by(w)
    await w.owners.take_off(owner, answering().credential)
    await w.sharing.switch(owner, cameras[0], is_on=False)

    assert "proposed" not in await w.deliver(agent, approves=False)
    assert await named(w, agent) == [(FIRST.credential, False)]
    assert await w.outbox.due(agent, w.agents.held[agent]) == []


async def test_whoever_leaves_is_suspended_and_stays_listed(w):
    """So that the site can still tell whose answer a running view stands on; an owner is taken off as ever."""
    owner, site, _, agent = await answered_by(w)
    await w.owners.leave(owner, answering().credential)

    assert await w.deliver(agent, approves=False) == ["ack"]
    assert await named(w, agent) == [(FIRST.credential, False), (answering().credential, True)]
    await w.owners.ask_for(owner, site.id, SECOND)
    await w.deliver(agent)
    await w.owners.leave(owner, FIRST.credential)
    assert await w.deliver(agent) == ["ack", "ack"]
    assert await named(w, agent) == [(answering().credential, True), (SECOND.credential, False)]


async def test_the_last_owner_stays_beside_somebody_who_only_answers(w):
    """A list of people who approve nothing would leave nobody who can."""
    owner, _, _, agent = await answered_by(w)
    await w.owners.take_off(owner, FIRST.credential)

    assert await w.deliver(agent) == ["ack"]
    assert await named(w, agent) == [(FIRST.credential, True), (answering().credential, False)]
