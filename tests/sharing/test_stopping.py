"""One switch stops everything an organisation shares, with everybody or with one agency; its sites are told."""

import pytest

from gateway.cameras import Box
from gateway.kernel.errors import NotFoundError
from gateway.sharing import EVERYBODY, Availability, Question, Search, Standing
from policies.clauses import Preset
from policies.request import Deny, Permit
from policies.vocabulary import Act, Reason
from tests.support.sharing import AGENCY_ID, incident, operator, sharing_world, stopping_of, usual

pytestmark = pytest.mark.anyio


@pytest.fixture
async def w(database, clock, ids):
    """A shop with two places, both in force."""
    w = sharing_world(database, clock=clock, ids=ids)
    w.stopping = stopping_of(w)
    w.owner, w.site, w.cameras_here = await w.shop()
    w.agent = w.pair(w.site, w.cameras_here)
    await w.answer(w.owner, w.site, usual(*w.cameras_here, preset=Preset.EMERGENCIES))
    assert await w.deliver(w.agent) == ["ack"]
    return w


async def ask(w, principal=None):
    """The centre's answer to somebody who wants to watch for an incident nearby."""
    question = Question(
        principal=principal or operator(),
        camera_id=w.cameras_here[0].id,
        act=Act.LIVE_VIEW,
        purpose="violent_crime",
        incident=incident(w.clock),
    )
    try:
        return (await w.decisions.decide_for(question)).decision
    except NotFoundError:
        return None  # not known any more


async def test_an_agency_that_is_not_ours_is_refused(w):
    """There is no switch for an agency that nobody knows."""
    with pytest.raises(NotFoundError):
        await w.stopping.stop(w.owner, "age_" + "7" * 26)
    assert await w.stopping.stopped(w.owner.organisation_id) == {}


@pytest.mark.parametrize("whom", [EVERYBODY, AGENCY_ID])
async def test_stopped_counts_at_once_and_is_a_narrowing_of_the_site(w, whom):
    """Refused from the commit on; the site gets less without being asked, and then refuses by its own document."""
    assert isinstance(await ask(w), Permit)
    before = (await w.base.database.generations_since(0)).platform

    await w.stopping.stop(w.owner, whom)

    assert not isinstance(await ask(w), Permit)
    raised = (await w.base.database.generations_since(before)).changed
    assert {w.site.id, w.owner.organisation_id} <= raised
    assert (await w.sharing.view(w.owner, w.site.id)).standing is Standing.TO_CONFIRM
    assert await w.deliver(w.agent, approves=False) == ["ack"]
    held = await w.policy_at(w.agent)
    denied = {rule.grantee for rule in held.rules if rule.effect == "deny"}
    assert held.rules == () if whom == EVERYBODY else denied == {f"agency:{AGENCY_ID}"}


async def test_the_switch_refuses_even_where_no_document_could_be_written(w):
    """The switch itself is a ground of every decision: a document that does not say it yet changes nothing."""
    async with w.base.database.unit_of_work() as unit:
        await w.rows.suspend(unit, w.owner.organisation_id, AGENCY_ID, at=w.clock.now())
        await w.rows.keep_pending(unit, w.site.id, None)
        unit.bump(w.site.id)
        await unit.commit(unaudited="the switch alone")

    answer = await ask(w)
    assert answer is None or (isinstance(answer, Deny) and answer.reason is Reason.SUSPENDED)


async def test_the_list_refuses_even_where_no_document_could_be_written(w):
    """Marked anew after the switch: a list must not offer what every release refuses."""
    async with w.base.database.unit_of_work() as unit:
        await w.rows.suspend(unit, w.owner.organisation_id, AGENCY_ID, at=w.clock.now())
        unit.bump(w.owner.organisation_id)
        await unit.commit(unaudited="the switch alone")
    await w.marker.mark_all()
    search = Search(principal=operator(), purpose="violent_crime", incident=incident(w.clock))

    for _ in range(2):
        page = await w.listing.page(search, Box(41.5, -88.0, 42.5, -87.0))
        assert {one.look.availability for one in page.listed} <= {Availability.NOT_AVAILABLE}
        await w.marker.mark_all()


async def test_sharing_again_waits_for_the_owner(w):
    """Once the site has taken it away, only the owner's approval brings it back; the answers were kept."""
    await w.stopping.stop(w.owner)
    await w.deliver(w.agent)

    await w.stopping.share_again(w.owner)

    assert not isinstance(await ask(w), Permit)
    assert (await w.sharing.view(w.owner, w.site.id)).standing is Standing.TO_APPROVE
    assert await w.deliver(w.agent, approves=False) == ["proposed"]
    assert await w.deliver(w.agent) == ["ack"]
    assert isinstance(await ask(w), Permit)


async def test_both_are_logged_and_twice_is_once(w):
    """Who, whom, and how many places; pressing again changes and logs nothing."""
    for _ in range(2):
        await w.stopping.stop(w.owner)
    for _ in range(2):
        await w.stopping.share_again(w.owner)

    entries = await w.base.entries(w.owner.organisation_id)
    said = [(entry.kind, entry.said("is_everybody")) for entry in entries if entry.kind.startswith("sharing.")]
    assert said == [("sharing.suspended", True), ("sharing.resumed", True)]


async def test_a_place_answered_for_while_stopped_shares_nothing(w):
    """The switch is the organisation's: a save meanwhile is kept, and shares nothing until sharing goes on."""
    await w.stopping.stop(w.owner)
    await w.deliver(w.agent)

    await w.answer(w.owner, w.site, usual(*w.cameras_here, preset=Preset.OPEN))

    assert not isinstance(await ask(w), Permit)
    assert await w.deliver(w.agent) == []


async def test_another_organisation_is_not_stopped(w):
    """One owner's switch is one owner's."""
    owner, site, cameras = await w.shop("bo@example.org")
    agent = w.pair(site, cameras)
    await w.answer(owner, site, usual(*cameras))
    await w.deliver(agent)
    await w.stopping.stop(w.owner)

    w.cameras_here = cameras
    assert isinstance(await ask(w), Permit)


async def test_removing_the_last_place_shares_nothing_again(w):
    """The switch is lifted by its owner's word alone, with its leaf: a place that is added later is stopped too."""
    await w.stopping.stop(w.owner)
    await w.base.partners.remove_site(w.owner, w.site.id)
    async with w.base.database.unit_of_work() as unit:
        await w.sharing.site_removed(unit, w.site)
        await unit.commit(unaudited="as the watcher does")
    assert EVERYBODY in await w.stopping.stopped(w.owner.organisation_id)

    site = await w.base.partners.save_site(w.owner, w.site, is_new=True)
    camera = await w.base.cameras.add(w.owner, site, w.cameras_here[0].facts)
    agent = w.pair(site, [camera])
    await w.sharing.save(w.owner, site.id, [usual(camera, preset=Preset.OPEN)], made_from=0)
    await w.deliver(agent)
    w.cameras_here = [camera]
    assert not isinstance(await ask(w), Permit)
