"""What follows when facts change that are not the owner's answers: ticks, cameras, places, homes."""

import dataclasses

import anyio
import pytest

from gateway.kernel.errors import NotFoundError
from gateway.sharing import Standing, follow_forever
from partner_agent.wire.documents import Position
from policies.clauses import Live, Preset
from policies.model import read_policy
from policies.vocabulary import Tag
from tests.sharing.test_sharing import ask, connected
from tests.support.sharing import sharing_world, usual

pytestmark = pytest.mark.anyio


@pytest.fixture
def w(database, clock, ids):
    """Sharing on a database of its own."""
    return sharing_world(database, clock=clock, ids=ids)


async def follows(w, topic: str, site_id: str):
    """Publish a piece of news and let the follower act on it."""
    async with anyio.create_task_group() as group:
        group.start_soon(lambda: follow_forever(bus=w.base.bus, rows=w.rows, outbox=w.outbox))
        await anyio.wait_all_tasks_blocked()
        nudged = len(w.agents.nudged)
        w.base.bus.publish(topic)
        with anyio.fail_after(5):
            while len(w.agents.nudged) == nudged:
                await anyio.lowlevel.checkpoint()
        group.cancel_scope.cancel()
    return (await w.rows.answers(site_id)).pending


async def test_unticking_counts_before_the_site_hears_of_it(w):
    """News of the site makes the narrowing pending at once, also while the site is not connected."""
    _, site, cameras, agent = await connected(w)
    w.agents.ticks[agent] = {cameras[1].id: "local-1"}

    pending = await follows(w, f"site.{site.id}", site.id)

    assert list(read_policy(pending).camera_by_id) == ["local-1"]
    assert (await ask(w, cameras[1])).snapshot.pending


async def test_a_camera_taken_off_the_list_leaves_the_document(w):
    """Removing a registered camera narrows what its site holds."""
    owner, site, cameras, _ = await connected(w)
    await w.base.cameras.remove(owner, cameras[0].id)

    pending = await follows(w, f"camera.{cameras[0].id}", site.id)

    assert list(read_policy(pending).camera_by_id) == ["local-1"]
    with pytest.raises(NotFoundError):
        await ask(w, cameras[0])


async def test_a_place_said_to_be_a_home_is_protected_at_once(w):
    """The tag that guard-rails are written against counts before the site confirms; taking it off needs approval."""
    owner, site, cameras, agent = await connected(w)
    await w.base.partners.save_site(owner, dataclasses.replace(site, people_live_here=True), is_new=False)

    pending = read_policy(await follows(w, f"camera.{cameras[0].id}", site.id))
    assert pending.tags_of("local-0") == {Tag.RESIDENTIAL, Tag.PUBLIC_FACING}
    assert await w.deliver(agent) == ["ack"]
    await w.base.partners.save_site(owner, site, is_new=False)
    assert await follows(w, f"camera.{cameras[0].id}", site.id) is None
    assert await w.deliver(agent, approves=False) == ["proposed"]


async def test_news_without_consequence_changes_nothing(w):
    """A new link, with everything as it was: nothing pending, nothing due."""
    _, site, _, agent = await connected(w)

    assert await follows(w, f"site.{site.id}", site.id) is None
    assert await w.outbox.due(agent, w.agents.held[agent]) == []


async def test_sites_that_nobody_answered_for_get_nothing(w):
    """No agent, no answers, or a document that is not ours: nothing is due and no answer counts."""
    owner, site, cameras = await w.shop()
    agent = w.pair(site, cameras)
    nothing = Position.nothing("a" * 32)

    assert await w.outbox.due(agent, nothing) == []
    assert await w.outbox.due("agt_" + "7" * 26, nothing) == []
    await w.outbox.refresh(site.id)
    await w.say(agent, "ack", "f" * 64)
    assert await w.rows.document("f" * 64) is None
    assert owner.name


async def test_the_site_ends_and_its_answers_with_it(w):
    """A removed site leaves nothing said about it; a changed one wakes its agent."""
    _, site, _, agent = await connected(w)
    async with w.base.database.unit_of_work() as unit:
        await w.sharing.site_changed(unit, site)
        await unit.commit(unaudited="the leaf is partners'")
    assert w.agents.nudged[-1] == agent
    async with w.base.database.unit_of_work() as unit:
        await w.sharing.site_removed(unit, site)
        await unit.commit(unaudited="the leaf is partners'")

    assert await w.rows.answers(site.id) is None


async def test_an_agents_camera_whose_name_cannot_stand_in_a_document_is_left_out(w):
    """What an agent calls a camera is checked before it is written down."""
    _, site, cameras = await w.shop()
    agent = w.agents.pair(site.id, {cameras[0].id: "<b>", cameras[1].id: "ok-1"})
    facts = await w.book.facts(site.id, site.organisation_id, agent)

    assert [camera.name_on_site for camera in facts.cameras] == ["ok-1"]


async def test_the_cards_of_the_first_page(w):
    """Nothing said, on, off, and how far each site has come."""
    owner, site, cameras, _ = await connected(w)
    other, _, strangers = await w.shop("bo@example.org")
    await w.sharing.switch(owner, cameras[0], is_on=False)

    cards = await w.sharing.cards([*cameras, *strangers])
    assert (cards[cameras[0].id].is_on, cards[cameras[1].id].is_on) == (False, True)
    assert cards[cameras[1].id].live is Live.NEARBY
    assert cards[cameras[0].id].standing is Standing.TO_CONFIRM
    assert (cards[strangers[0].id].live, cards[strangers[0].id].standing) == (None, Standing.NOTHING_SAID)
    assert await w.sharing.has_rules(owner.organisation_id)
    assert not await w.sharing.has_rules(other.organisation_id)
    assert list(await w.sharing.answers_of(owner.organisation_id)) == [site.id]


async def test_a_pending_narrowing_the_site_already_stands_at_is_forgotten(w):
    """The ack was lost between two saves: what the site holds is within the pending narrowing, so it is over."""
    owner, site, cameras, agent = await connected(w)
    await w.sharing.switch(owner, cameras[0], is_on=False)
    pending = (await w.rows.answers(site.id)).pending
    await w.deliver(agent)
    async with w.base.database.unit_of_work() as unit:
        await w.rows.keep_pending(unit, site.id, pending)
        await unit.commit(unaudited="as a lost ack leaves it")

    assert await w.outbox.due(agent, w.agents.held[agent]) == []
    assert (await w.rows.answers(site.id)).pending is None


async def test_nothing_to_share_is_nothing_to_send(w):
    """A site whose owner shares nothing and holds nothing gets no document."""
    owner, site, cameras = await w.shop()
    agent = w.pair(site, cameras)
    await w.answer(owner, site)

    assert await w.outbox.due(agent, w.agents.held[agent]) == []
    await w.answer(owner, site, usual(*cameras, preset=Preset.LIST_ONLY))
    assert await w.outbox.due(agent, w.agents.held[agent])
