"""Every event that changes a decision changes the list."""

import dataclasses
from datetime import timedelta

import pytest
from msgspec import structs

from gateway.cameras import CameraFacts
from gateway.partners import Place
from gateway.sharing import Availability
from gateway.sharing.marking import SINGLY
from gateway.sharing.model import EVERYBODY
from policies.clauses import Live, Where
from policies.vocabulary import Act
from tests.support.listing import (
    CITY,
    HIDDEN_CLAUSE,
    OPEN_CLAUSE,
    WEEK_MIN,
    connected,
    listed,
    marks,
    search,
    single_decision,
)
from tests.support.partners import LOOP
from tests.support.sharing import incident, operator, usual

pytestmark = pytest.mark.anyio


# -- every event that changes a decision changes the list ----------------------------------------------------------


async def test_a_narrowing_changes_the_list_at_once_and_its_ack_again(w):
    """Switched off: gone from the next list on, before and after the site's ack and before and after marking."""
    owner, _, cameras, agent = await connected(w)
    assert len(await listed(w)) == 2

    await w.sharing.switch(owner, cameras[0], is_on=False)
    assert set(await listed(w)) == {cameras[1].id}
    await w.marker.mark_all()
    assert set(await listed(w)) == {cameras[1].id}
    await w.deliver(agent)
    assert set(await listed(w)) == {cameras[1].id}


async def test_an_acknowledged_document_changes_the_list(w):
    """What is more is listed as available once the site acknowledged it, not before."""
    owner, site, cameras, agent = await connected(w)
    await w.answer(owner, site, dataclasses.replace(OPEN_CLAUSE, cameras=frozenset(c.id for c in cameras)))
    await w.marker.mark_all()
    assert {a for a, _ in (await listed(w, incident=None)).values()} == {Availability.AVAILABLE_IF}

    await w.deliver(agent)

    assert {a for a, _ in (await listed(w, incident=None)).values()} == {Availability.AVAILABLE}


async def test_answers_about_cameras_on_the_list_only_change_the_list(w):
    """Before pairing, a camera is known by what its owner answered."""
    owner, site, cameras = await w.shop()
    await w.marker.mark_all()
    assert await listed(w) == {}

    await w.answer(owner, site, usual(*cameras))
    assert {a for a, _ in (await listed(w)).values()} == {Availability.NOT_AVAILABLE}
    await w.marker.mark_all()
    await w.answer(owner, site, usual(cameras[0]))
    assert set(await listed(w)) == {cameras[0].id}


async def test_accepting_the_agreement_changes_the_list(w):
    """Without an accepted agreement a document permits nothing; accepting one takes the old marks away."""
    owner = await w.base.owner()
    site = await w.base.site(owner)
    camera = await w.base.cameras.add(owner, site, CameraFacts("Door", LOOP, None, True, ""))
    await w.marker.mark_all()
    before = await marks(w, site)

    await w.base.partners.accept_agreement(owner, sha256=w.base.partners.agreement.sha256)

    assert before != [""]
    assert await marks(w, site) == [""]
    await w.answer(owner, site, usual(camera))
    assert set(await listed(w)) == {camera.id}


async def test_the_end_of_the_agreement_changes_the_list_without_any_event(w):
    """A mark ends with the agreement it stands on, at that very millisecond."""
    _, site, cameras, _ = await connected(w)
    assert len(await listed(w)) == 2
    ends = {camera.mark_until_ms for camera in await w.base.cameras.of_site(site.id)}
    (end,) = ends

    w.clock.advance(end / 1000 - w.clock.now().timestamp() - 1)
    assert len(await listed(w)) == 2
    w.clock.advance(1)
    assert await listed(w) == {}
    assert await w.listing.counts(search(w, act=Act.REGISTRY_VIEW), CITY) == {}
    await w.marker.mark_all()
    assert await listed(w) == {}
    assert cameras


async def test_the_end_of_a_rule_changes_the_list(w):
    """A clause that ends at 12:00:30 is listed at 12:00:29 and not at 12:00:30, from the same minute's answers."""
    end = (w.clock.now() + timedelta(days=2)).replace(second=30, microsecond=0)
    ending = dataclasses.replace(OPEN_CLAUSE, until_ms=round(end.timestamp() * 1000))
    await connected(w, "ana@example.org", ending)

    w.clock.advance((end - w.clock.now()).total_seconds() - 1)
    assert len(await listed(w, incident=None)) == 2
    w.clock.advance(1)
    assert await listed(w, incident=None) == {}


async def test_a_window_opens_and_closes_in_the_list(w):
    """Weekly hours are looked at by the minute."""
    now = w.clock.now()
    opens = (now.weekday() * 1440 + now.hour * 60 + now.minute + 60) % WEEK_MIN
    hours = dataclasses.replace(OPEN_CLAUSE, zone="Etc/UTC", spans=((opens, min(opens + 30, WEEK_MIN)),))
    await connected(w, "ana@example.org", hours)

    assert {a for a, _ in (await listed(w)).values()} == {Availability.NOT_AVAILABLE}
    w.clock.advance(3600)
    assert {a for a, _ in (await listed(w)).values()} == {Availability.AVAILABLE}
    w.clock.advance(1800)
    assert {a for a, _ in (await listed(w)).values()} == {Availability.NOT_AVAILABLE}


async def test_the_network_switch_changes_the_list_at_once(w):
    """Suspended: nothing is available, and everything is still on the map; resumed: as before."""
    _, site, _, _ = await connected(w)
    before = await listed(w)

    await w.sharing.suspend(operator(), is_suspended=True)
    assert {a for a, _ in (await listed(w)).values()} == {Availability.NOT_AVAILABLE}
    await w.sharing.suspend(operator(), is_suspended=False)
    assert await listed(w) == before
    assert "" not in await marks(w, site)


@pytest.mark.parametrize("whom", [EVERYBODY, operator().organisation_id])
async def test_an_owner_who_stops_sharing_with_an_agency_changes_the_list(w, whom):
    """The owner's one switch, for everybody or for this agency: nothing is available, marked anew or not."""
    owner, site, _, _ = await connected(w)
    async with w.base.database.unit_of_work() as unit:
        await w.rows.suspend(unit, owner.organisation_id, whom, at=w.clock.now())
        unit.bump(owner.organisation_id)
        await unit.commit(unaudited="a test: the switch alone, without what follows from it for the documents")
    assert await marks(w, site) == ["", ""]

    for _ in range(2):
        assert {a for a, _ in (await listed(w)).values()} == {Availability.NOT_AVAILABLE}
        await w.marker.mark_all()


async def test_a_fact_of_the_site_changes_the_list(w):
    """Said to be a home: it is a number on the map from then on, and its marks are made anew."""
    owner, site, _, _ = await connected(w, "ana@example.org", OPEN_CLAUSE)
    assert len((await w.listing.map_view(operator(), CITY, purpose="life_safety", most=10)).points) == 2

    await w.base.partners.save_site(owner, dataclasses.replace(site, people_live_here=True), is_new=False)

    assert await marks(w, site) == ["", ""]
    view = await w.listing.map_view(operator(), CITY, purpose="life_safety", most=10)
    assert (view.points, sum(view.squares.values())) == ((), 2)


async def test_a_camera_that_is_moved_is_decided_by_the_place_in_its_document(w):
    """The owner moves the pin: until the site has the new place, distances are those of the place it has approved."""
    owner, site, cameras, _ = await connected(w)
    away = structs.replace(cameras[0].facts, place=Place(LOOP.lat + 0.05, LOOP.lon))
    await w.base.cameras.change(owner, cameras[0].id, away)
    await w.marker.mark_all()

    moved = await w.base.cameras.camera(cameras[0].id)
    assert moved.mark.endswith(SINGLY)
    assert (await listed(w))[moved.id][0] is Availability.AVAILABLE
    assert site


async def test_a_removed_camera_and_a_partner_who_left_are_not_listed(w):
    """Neither in pages nor in counts."""
    owner, _, cameras, _ = await connected(w, "ana@example.org", OPEN_CLAUSE)
    street = search(w, act=Act.REGISTRY_VIEW, purpose="life_safety")
    await w.base.cameras.remove(owner, cameras[0].id)
    assert set(await listed(w)) == {cameras[1].id}
    assert sum((await w.listing.counts(street, CITY)).values()) == 1
    await w.base.partners.withdraw(owner)
    assert await listed(w) == {}
    assert await w.listing.counts(street, CITY) == {}


@pytest.mark.parametrize("change", ["paused", "lineage", "acked", "ticks", "gone"])
async def test_what_the_site_says_changes_the_list(w, change):
    """Paused, a new lineage, another document, a camera unticked, another agent: the marks fall with the change."""
    _, site, cameras, agent = await connected(w)
    match change:
        case "paused":
            w.agents.change(agent, is_paused=True)
        case "lineage":
            w.agents.change(agent, lineage="b" * 32)
        case "acked":
            w.agents.change(agent, acked_sha256="0" * 64)
        case "ticks":
            w.agents.ticks[agent] = {cameras[1].id: "local-1"}
        case "gone":
            del w.agents.by_site[site.id]
    async with w.base.database.unit_of_work() as unit:
        unit.bump(site.id)  # as `sites` does in the transaction of each of these changes
        await unit.commit(unaudited="a test")

    for _ in range(2):
        found = await listed(w)
        for camera in cameras:
            single = await single_decision(w, camera, incident(w.clock))
            assert found.get(camera.id, (None,))[0] == single, camera.name
        assert found.get(cameras[0].id, (None,))[0] != Availability.AVAILABLE
        await w.marker.mark_all()


async def test_an_alarm_at_the_site_changes_the_list_for_as_long_as_it_lasts(w):
    """A clause that counts while the site calls for help: decided camera by camera then, and as before afterwards."""
    alarmed = dataclasses.replace(HIDDEN_CLAUSE, live=Live.NEVER, where=Where.SHOWN, on_panic=True)
    _, site, cameras, agent = await connected(w, "ana@example.org", alarmed)
    before = await listed(w, incident=None)
    assert {a for a, _ in before.values()} == {Availability.NOT_AVAILABLE}

    w.agents.change(agent, panic_until=w.clock.now() + timedelta(minutes=5))
    assert {a for a, _ in (await listed(w, incident=None)).values()} == {Availability.AVAILABLE}
    w.agents.change(agent, panic_until=None)
    assert await listed(w, incident=None) == before
    assert "" not in await marks(w, site)
    assert cameras
