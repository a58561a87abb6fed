"""One touch for many places, a wish that is taken back, a passkey that is used again: each site answers for itself."""

import pytest

from gateway.cameras import CameraFacts
from gateway.kernel.errors import ConflictError, NotFoundError, PreconditionError, UnavailableError
from gateway.partners import Place
from gateway.sharing import Everywhere, KeyState, Standing, Step
from partner_agent.wire.approvals import ApprovalError, Profile, verify
from partner_agent.wire.documents import POLICY_LABEL
from partner_agent.wire.limits import TOUCH_DIGESTS
from partner_agent.wire.touches import from_base64url
from policies.clauses import Preset
from tests.sharing.test_approving import TOUCH, more
from tests.sharing.test_owners import FIRST, SECOND, approving, named, state
from tests.support.partners import LOOP
from tests.support.passkeys import ORIGIN, RP_ID, SoftPasskey
from tests.support.sharing import sharing_world, usual

pytestmark = pytest.mark.anyio


@pytest.fixture
def w(sqlite_database, clock, ids):
    """Sharing on SQLite: a touch is carried, and changes no row but the log's."""
    return sharing_world(sqlite_database, clock=clock, ids=ids)


async def chain(w, count: int = 2, keys=(FIRST,)):
    """One owner with so many shops; each names the passkeys, and at each sharing more waits."""
    owner, site, _, agent = await more(w)
    places = [(site, agent)]
    for number in range(1, count):
        site = await w.base.site(owner)
        place = Place(LOOP.lat + number * 0.01, LOOP.lon)
        camera = await w.base.cameras.add(owner, site, CameraFacts(f"Till {number}", place, None, True, ""))
        agent = w.pair(site, [camera])
        await w.answer(owner, site, usual(camera))
        await w.deliver(agent)
        for key in keys:
            await w.owners.ask_for(owner, site.id, key)
        await w.deliver(agent)
        await w.answer(owner, site, usual(camera, preset=Preset.OPEN))
        await w.deliver(agent, approves=False)
        places.append((site, agent))
    return owner, places


def everywhere(w) -> Everywhere:
    """The use cases."""
    return Everywhere(approvals=w.approvals)


# --- one touch for many


async def test_one_place_alone_is_no_batch(w):
    """Its own page does as well; nor is one whose site knows no passkey."""
    owner, _ = await chain(w, 1)
    waiting = await everywhere(w).waiting(owner)

    assert len(waiting) == 1
    assert everywhere(w).batches(waiting) == []


async def test_sites_that_know_no_common_passkey_are_not_put_together(w):
    """A touch that one of them cannot take is not offered for it."""
    owner, _ = await chain(w, 2, keys=(SECOND,))
    waiting = await everywhere(w).waiting(owner)

    assert len(waiting) == 2
    assert everywhere(w).batches(waiting) == []


async def test_one_touch_is_good_for_each_of_many_with_its_own_path(w):
    """What is signed is the root: with its path, and only with that, each document is covered, and no other."""
    owner, _ = await chain(w, 3)
    waiting = await everywhere(w).waiting(owner)
    (batch,) = everywhere(w).batches(waiting)
    passkey = SoftPasskey()
    touch = passkey.sign(from_base64url(batch.challenge))
    outcomes = await everywhere(w).touch(owner, batch.digests, touch)

    assert batch.credentials == (FIRST.credential,)
    assert [outcome.held_s for outcome in outcomes] == [3600] * 3
    assert {sha256 for sha256, _, _ in w.agents.touches} == set(batch.digests)
    profile, owners = Profile(rp_id=RP_ID, origin=ORIGIN), [passkey.owner]

    def takes(digest: str, path) -> bool:
        try:
            verify(touch, label=POLICY_LABEL, digest=bytes.fromhex(digest), path=path, profile=profile, owners=owners)
        except ApprovalError:
            return False
        return True

    assert all(takes(digest, w.agents.paths[digest]) for digest in batch.digests)
    assert not any(takes(digest, None) for digest in batch.digests)
    assert not takes("ab" * 32, w.agents.paths[batch.digests[0]])


async def test_what_one_site_refuses_changes_nothing_at_another(w):
    """Away, or unwilling: said of that place alone; the others are approved, and logged."""
    owner, places = await chain(w, 3)
    (batch,) = everywhere(w).batches(await everywhere(w).waiting(owner))
    w.agents.away.add(places[1][1])
    outcomes = {outcome.site.id: outcome for outcome in await everywhere(w).touch(owner, batch.digests, TOUCH)}

    assert [bool(outcomes[site.id].sentence) for site, _ in places] == [False, True, False]
    logged = ["policy.approved" in await w.base.kinds(site.id) for site, _ in places]
    assert logged == [True, False, True]


async def test_a_touch_for_what_waits_no_more_is_brought_to_those_that_wait(w):
    """A place where something else is wanted meanwhile is left out; the path of the others is still right."""
    owner, places = await chain(w, 2)
    (batch,) = everywhere(w).batches(await everywhere(w).waiting(owner))
    outcomes = await everywhere(w).touch(owner, ["ab" * 32, *batch.digests], TOUCH)
    assert len(outcomes) == 2
    first = (await w.approvals.waiting(owner, places[0][0].id)).sha256
    await w.approvals.take_back(owner, places[0][0].id, first)
    again = await everywhere(w).touch(owner, batch.digests, TOUCH)

    assert [outcome.site.id for outcome in again] == [places[1][0].id]


@pytest.mark.parametrize(
    "digests",
    [[], ["zz"], ["AB" * 32], ["ab" * 32] * 2, [f"{n:064x}" for n in range(TOUCH_DIGESTS + 1)]],
    ids=["none", "no hash", "not as we write them", "twice", "too many"],
)
async def test_nonsense_is_brought_nowhere(w, digests):
    """A form that somebody made up is refused before any site hears of it."""
    owner, _ = await chain(w, 2)
    with pytest.raises(PreconditionError):
        await everywhere(w).touch(owner, digests, TOUCH)

    assert w.agents.touches == []


async def test_another_owner_touches_nothing_here(w):
    """Only the caller's own places are looked at."""
    owner, _ = await chain(w, 2)
    (batch,) = everywhere(w).batches(await everywhere(w).waiting(owner))
    other, *_ = await w.shop("bo@example.org")

    assert await everywhere(w).touch(other, batch.digests, TOUCH) == []
    assert w.agents.touches == []


# --- taking back


async def test_a_wish_is_taken_back_only_where_it_waits_and_while_the_site_hears_it(w):
    """Not another's, not another document, not behind the site's back: then nothing has changed."""
    owner, site, _, agent = await more(w)
    other, *_ = await w.shop("bo@example.org")
    sha256 = (await w.approvals.waiting(owner, site.id)).sha256
    with pytest.raises(NotFoundError):
        await w.approvals.take_back(other, site.id, sha256)
    with pytest.raises(ConflictError):
        await w.approvals.take_back(owner, site.id, "ab" * 32)
    w.agents.away.add(agent)
    with pytest.raises(UnavailableError):
        await w.approvals.take_back(owner, site.id, sha256)

    assert w.agents.noes == []
    assert (await w.sharing.view(owner, site.id)).standing is Standing.TO_APPROVE
    assert "policy.withdrawn" not in await w.base.kinds(site.id)


async def test_a_wish_that_was_taken_back_does_not_come_again_by_itself(w):
    """The site hears no, also while it holds it; nothing is sent until the owner wants something else."""
    owner, site, cameras, agent = await more(w)
    sha256 = (await w.approvals.waiting(owner, site.id)).sha256
    w.agents.holds[sha256] = w.clock.now()
    await w.approvals.take_back(owner, site.id, sha256)

    assert w.agents.noes == [sha256]
    assert (await w.base.kinds(site.id))[-1] == "policy.withdrawn"
    assert await w.approvals.waiting(owner, site.id) is None
    assert await w.outbox.due(agent, w.agents.held[agent]) == []
    with pytest.raises(ConflictError):
        await w.approvals.touch(owner, site.id, sha256, TOUCH)
    await w.answer(owner, site, usual(cameras[0], preset=Preset.OPEN), usual(cameras[1]))
    assert await w.deliver(agent, approves=False) == ["proposed"]


async def test_taking_back_a_new_passkey_takes_back_the_wish_for_it(w):
    """It is asked for no more, and can be asked for again."""
    owner, site, _, agent = await approving(w, FIRST)
    await w.owners.ask_for(owner, site.id, SECOND)
    await w.deliver(agent, approves=False)
    await w.approvals.take_back(owner, site.id, (await w.approvals.waiting(owner, site.id)).sha256)

    assert await state(w, owner, SECOND) is KeyState.UNKNOWN
    assert await w.outbox.due(agent, w.agents.held[agent]) == []


# --- a suspended passkey is used again


async def test_a_suspended_passkey_approves_again_only_once_that_is_approved(w):
    """Suspending was free; this is a widening, and waits as one."""
    owner, _, _, agent = await approving(w, FIRST, SECOND)
    await w.owners.suspend(owner, FIRST.credential)
    await w.deliver(agent)
    await w.owners.resume(owner, FIRST.credential)

    assert await state(w, owner) is KeyState.ASKED
    assert await w.deliver(agent, approves=False) == ["proposed"]
    assert await named(w, agent) == [(FIRST.credential, True), (SECOND.credential, False)]
    (waiting,) = [one for one in await w.rows.waiting(agent) if one.step is Step.PROPOSAL]
    assert [each["is_suspended"] for each in waiting.raw["owners"]] == [False, False]
    assert await w.deliver(agent) == ["ack"]
    assert await state(w, owner) is KeyState.APPROVES


async def test_only_what_is_suspended_is_resumed(w):
    """One that approves, or that nobody knows, is not asked about."""
    owner, _, _, agent = await approving(w, FIRST)
    await w.owners.resume(owner, FIRST.credential)
    await w.owners.resume(owner, SECOND.credential)

    assert await w.outbox.due(agent, w.agents.held[agent]) == []
