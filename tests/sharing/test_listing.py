"""Lists and counts: what they hide, and that they say what the single decision says, on both databases."""

import dataclasses
from contextlib import suppress
from datetime import timedelta
from random import Random

import pytest
from msgspec import structs

from gateway.cameras import Box, CameraFacts, position_of
from gateway.incidents import Stop
from gateway.kernel.errors import InvalidError, NotFoundError
from gateway.kernel.principal import Role
from gateway.partners import Place
from gateway.sharing import Availability, Question, Search
from gateway.sharing.deciding import request_of
from gateway.sharing.looking import look
from gateway.sharing.marking import SINGLY
from gateway.sharing.model import EVERYBODY
from policies.clauses import Clause, Live, Recordings, Where
from policies.request import Permit, Usage
from policies.vocabulary import Act, Notify, Origin, Purpose, Reason, Remedy
from tests.support.partners import LOOP
from tests.support.sharing import incident, operator, sharing_world, usual

pytestmark = pytest.mark.anyio
CITY = Box(41.5, -88.0, 42.5, -87.0)
EVERYWHERE = Box(-90, -180, 90, 180)
WEEK_MIN = 7 * 1440


@pytest.fixture
def w(database, clock, ids):
    """Sharing on a database of its own."""
    return sharing_world(database, clock=clock, ids=ids)


async def connected(w, email="ana@example.org", *clauses, people_live_here=False):
    """A shop of two cameras with these answers in force, and every camera marked."""
    owner, site, cameras = await w.shop(email, people_live_here=people_live_here)
    agent = w.pair(site, cameras)
    said = clauses or (usual(*cameras, is_home=people_live_here),)
    await w.answer(owner, site, *[dataclasses.replace(c, cameras=frozenset(x.id for x in cameras)) for c in said])
    await w.deliver(agent)
    await w.marker.mark_all()
    return owner, site, cameras, agent


def search(w, **changes):
    """An operator who wants to watch for an incident nearby, with changes."""
    usual_search = {"principal": operator(), "purpose": "violent_crime", "incident": incident(w.clock)}
    return Search(**{**usual_search, **changes})


async def listed(w, box=CITY, **changes):
    """What the list says of each camera."""
    page = await w.listing.page(search(w, **changes), box)
    return {one.camera.id: (one.look.availability, one.look.remedy) for one in page.listed}


async def marks(w, site):
    """The marks at a site."""
    return [camera.mark for camera in await w.base.cameras.of_site(site.id)]


OPEN_CLAUSE = Clause(frozenset(), Live.ALWAYS, Recordings.ALWAYS, Where.SHOWN)
HIDDEN_CLAUSE = Clause(frozenset(), Live.NEARBY, Recordings.ASK, Where.NEARBY, radius_m=300)


# -- what nobody may find out --------------------------------------------------------------------------------------


async def test_a_camera_the_caller_may_not_know_of_is_in_no_page_and_no_count(w):
    """Hidden without an incident nearby: not listed, not counted, not where a page ends, marked or not."""
    _, _, shops, _ = await connected(w, "ana@example.org", OPEN_CLAUSE)
    _, site, hidden, _ = await connected(w, "bo@example.org", HIDDEN_CLAUSE)
    street = search(w, incident=None, act=Act.REGISTRY_VIEW, purpose="life_safety")

    for is_marked in (True, False):
        if not is_marked:
            async with w.base.database.unit_of_work() as unit:
                unit.bump(site.id)
                await unit.commit(unaudited="a test")
        page = await w.listing.page(street, CITY)
        assert {one.camera.id for one in page.listed} == {shop.id for shop in shops}
        assert sum((await w.listing.counts(street, CITY)).values()) == 2
        first = await w.listing.page(street, CITY, most=2)
        assert first.next is None
        view = await w.listing.map_view(operator(), CITY, purpose="life_safety", most=10)
        assert {camera.id for camera in view.points} == {shop.id for shop in shops}
        assert view.squares == {}
    assert hidden


async def test_whom_the_agency_lets_know_of_nothing_is_answered_without_a_search(w):
    """A supervisor with a password alone: nothing in a page, a count or nearby, and no camera is looked for."""
    _, _, cameras, _ = await connected(w, "ana@example.org", OPEN_CLAUSE)
    weak = dataclasses.replace(operator(), roles=frozenset({Role.SUPERVISOR}), factors=frozenset({"password"}))
    wanted = search(w, principal=weak)
    assert not [one for one in cameras if (await single_look(w, one, wanted)).is_known]
    w.listing._cameras = None  # whatever would be asked of it fails

    assert (await w.listing.page(wanted, EVERYWHERE)).listed == ()
    assert await w.listing.counts(wanted, EVERYWHERE) == {}
    near = await w.listing.list_near(weak, wanted.incident, purpose="violent_crime", radius_m=9_000, most=9)
    assert near == []


async def test_a_list_says_everything_an_owner_offers_and_nothing_of_another_owner_s(w):
    """One offers asking and two people, one only asking, one nothing: each camera says what its own owner offers."""
    both = Clause(frozenset(), Live.ASK, Recordings.NEVER, Where.SHOWN, emergency=True)
    _, _, two, _ = await connected(w, "ana@example.org", both)
    _, _, one, _ = await connected(w, "bo@example.org", dataclasses.replace(both, emergency=False))
    _, _, none, _ = await connected(w, "cy@example.org", Clause(frozenset(), Live.NEVER, Recordings.NEVER, Where.SHOWN))
    offered = {two[0].id: (Remedy.ASK, Remedy.TWO_PERSONS), one[0].id: (Remedy.ASK,), none[0].id: ()}

    page = await w.listing.page(search(w), CITY)
    near = await w.listing.list_near(operator(), incident(w.clock), purpose="violent_crime", radius_m=500, most=10)

    assert offered.items() <= {seen.camera.id: seen.look.remedies for seen in page.listed}.items()
    assert offered.items() <= {seen.camera.id: seen.remedies for seen in near}.items()


async def test_a_yes_is_not_offered_to_whoever_looks_for_another_agency(w):
    """Asked after their own, which is kept: neither the owner nor a second person would be asked for somebody else."""
    both = Clause(frozenset(), Live.ASK, Recordings.NEVER, Where.SHOWN, emergency=True)
    _, _, (camera, _), _ = await connected(w, "ana@example.org", both)

    async def near(**behalf):
        around = {"purpose": "violent_crime", "radius_m": 500, "most": 10}
        found = await w.listing.list_near(operator(), incident(w.clock), **around, **behalf)
        return {one.camera.id: (one.availability, one.remedies) for one in found}[camera.id]

    own = (Availability.AVAILABLE_IF, (Remedy.ASK, Remedy.TWO_PERSONS))
    assert await near() == own
    assert await near(on_behalf_of="Bureau") == (Availability.NOT_AVAILABLE, ())
    assert await near() == own
    page = await w.listing.page(search(w, on_behalf_of="Bureau"), CITY)
    assert [one.look.remedies for one in page.listed if one.camera.id == camera.id] == [()]


async def test_homes_are_counted_by_square_whatever_their_owners_share(w):
    """The one number about cameras that the caller may not know of: how many cameras of homes a square holds."""
    await connected(w, "ana@example.org", people_live_here=True)
    _, _, homes, _ = await connected(w, "bo@example.org", OPEN_CLAUSE, people_live_here=True)

    view = await w.listing.map_view(operator(), EVERYWHERE, purpose="life_safety", most=10)

    assert view.points == ()
    assert view.squares == {position_of(homes[0]).cell: 4}


async def test_more_than_the_map_shows_are_numbers(w):
    """Beyond its bound the map names no camera at all, and the numbers are those of the cameras known."""
    _, _, shops, _ = await connected(w, "ana@example.org", OPEN_CLAUSE)
    await connected(w, "bo@example.org", HIDDEN_CLAUSE)
    await connected(w, "cy@example.org", people_live_here=True)

    view = await w.listing.map_view(operator(), EVERYWHERE, purpose="life_safety", most=1)

    assert view.points == ()
    assert view.squares == {position_of(shops[0]).cell: 4}


async def test_words_that_are_none_and_recordings_are_refused(w):
    """A purpose outside the vocabulary, and an act that needs a time range."""
    for changes in ({"purpose": "because"}, {"act": Act.CLIP_FETCH}):
        with pytest.raises(InvalidError):
            await w.listing.page(search(w, **changes), CITY)


# -- what a page is ------------------------------------------------------------------------------------------------


async def test_pages_go_through_all_cameras_each_once(w):
    """From the south-west on, page by page, in the same order as one large page; nothing outside the box."""
    owner, site, cameras = await w.shop()
    cameras += [
        await w.base.cameras.add(owner, site, CameraFacts(f"c{n}", Place(41.8 + n * 0.003, -87.6), None, True, ""))
        for n in range(9)
    ]
    await w.answer(owner, site, usual(*cameras))
    await w.marker.mark_all()
    box, found, after = Box(41.8, -87.7, 41.8819, -87.5), [], None
    while True:
        page = await w.listing.page(search(w), box, after=after, most=4)
        found += [one.camera.id for one in page.listed]
        after = page.next
        if after is None:
            break

    whole = [one.camera.id for one in (await w.listing.page(search(w), box)).listed]
    assert found == whole
    assert set(found) == {c.id for c in cameras if c.place.lat <= 41.8819}
    assert len(found) == 10


async def test_hidden_cameras_do_not_shorten_a_page(w):
    """A page is filled from the cameras behind the hidden ones."""
    _, _, shops, _ = await connected(w, "ana@example.org", OPEN_CLAUSE)
    for n in range(6):
        await connected(w, f"h{n}@example.org", dataclasses.replace(HIDDEN_CLAUSE, radius_m=300 + n))

    page = await w.listing.page(search(w, incident=None), CITY, most=1)
    rest = await w.listing.page(search(w, incident=None), CITY, most=1, after=page.next)

    assert {one.camera.id for one in (*page.listed, *rest.listed)} == {shop.id for shop in shops}
    assert rest.next is None


async def test_cameras_of_different_partners_with_the_same_answers_have_one_mark(w):
    """Names of cameras, sites, partners and rules, dates of signing and the masks are in no signature."""
    _, one, *_ = await connected(w, "ana@example.org")
    w.clock.advance(86_400)
    _, two, *_ = await connected(w, "bo@example.org")

    assert len({*await marks(w, one), *await marks(w, two)}) == 1


async def test_cameras_that_the_same_rules_bind_differ_by_their_distance(w):
    """One mark, two answers: within the radius of the rule, and just beyond it."""
    clause = dataclasses.replace(HIDDEN_CLAUSE, where=Where.SHOWN, radius_m=250)
    _, site, cameras, _ = await connected(w, "ana@example.org", clause)
    south = dataclasses.replace(incident(w.clock), stops=(Stop(LOOP.lat - 0.0012, LOOP.lon, "", w.clock.now()),))

    found = await listed(w, incident=south)

    assert len(set(await marks(w, site))) == 1
    assert [found[camera.id][0] for camera in cameras] == [Availability.AVAILABLE, Availability.NOT_AVAILABLE]


async def test_a_camera_hidden_by_its_distance_hides_no_other(w):
    """What was hidden for being far stays no reason to leave out a nearer camera of the same mark."""
    clause = dataclasses.replace(HIDDEN_CLAUSE, radius_m=250)
    _, _, cameras, _ = await connected(w, "ana@example.org", clause)
    south = dataclasses.replace(incident(w.clock), stops=(Stop(LOOP.lat - 0.0012, LOOP.lon, "", w.clock.now()),))

    assert set(await listed(w, incident=south)) == {cameras[0].id}
    assert set(await listed(w, incident=south)) == {cameras[0].id}


async def test_what_the_ordinance_says_of_homes_holds_in_lists(w):
    """The same answers, for a shop and for a home: standing live pictures of a home stay forbidden."""
    _, _, shops, _ = await connected(w, "ana@example.org", OPEN_CLAUSE)
    _, _, homes, _ = await connected(w, "bo@example.org", OPEN_CLAUSE, people_live_here=True)

    page = await w.listing.page(search(w, incident=None), CITY)

    denied = {one.camera.id: one.look.denied for one in page.listed}
    assert [denied[shop.id] for shop in shops] == [None, None]
    assert [denied[home.id].reason for home in homes] == [Reason.GUARDRAIL] * 2


async def test_near_an_incident_hidden_cameras_take_no_place_of_known_ones(w):
    """The nearest known are listed, however many unknown ones are nearer."""
    for n in range(3):
        await connected(w, f"h{n}@example.org", dataclasses.replace(HIDDEN_CLAUSE, by_hand=False))
    far = Place(LOOP.lat + 0.002, LOOP.lon)
    owner = await w.base.owner("far@example.org")
    site = await w.base.site(owner, place=far)
    await w.base.partners.accept_agreement(owner, sha256=w.base.partners.agreement.sha256)
    camera = await w.base.cameras.add(owner, site, CameraFacts("Far", far, None, True, ""))
    await w.answer(owner, site, dataclasses.replace(OPEN_CLAUSE, cameras=frozenset({camera.id})))
    await w.marker.mark_all()

    near = await w.listing.list_near(
        operator(), incident(w.clock, origin=Origin.HAND), purpose="violent_crime", radius_m=500, most=2
    )
    assert [view.camera.id for view in near] == [camera.id]


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


# -- marks that are missing, late or wrong -------------------------------------------------------------------------


async def test_a_mark_is_not_written_over_a_change(w):
    """Rules read before a change are not kept after it."""
    _, site, cameras, _ = await connected(w)
    before = await w.base.cameras.of_site(site.id)
    async with w.base.database.unit_of_work() as unit:
        unit.bump(site.id)
        await unit.commit(unaudited="a test")

    async with w.base.database.unit_of_work() as unit:
        written = [await w.base.cameras.mark(unit, camera) for camera in before]
        await unit.commit(unaudited="a test")

    assert written == [False, False]
    assert await marks(w, site) == ["", ""]
    assert cameras


@pytest.mark.parametrize("mark", ["", "00000000.0", "another.mark", "ground." + "0" * 32, "ground." + SINGLY])
async def test_a_mark_that_means_nothing_permits_nothing(w, mark):
    """Without a mark, with one of other rules, or one whose signature is lost, a camera is decided by itself."""
    owner, site, cameras, _ = await connected(w)
    ground = (await marks(w, site))[0].partition(".")[0]
    w.agents.change(w.agents.by_site[site.id].id, is_paused=True)
    for camera in await w.base.cameras.of_site(site.id):
        changed = structs.replace(camera, mark=mark.replace("ground", ground), mark_until_ms=None)
        async with w.base.database.unit_of_work() as unit:
            await w.base.cameras.mark(unit, changed)
            await unit.commit(unaudited="a test")

    assert {a for a, _ in (await listed(w)).values()} == {Availability.NOT_AVAILABLE}
    assert sum((await w.listing.counts(search(w, act=Act.REGISTRY_VIEW), CITY)).values()) == 2
    assert owner
    assert cameras


async def test_a_signature_that_was_tampered_with_is_not_believed(w):
    """A body that is not what its mark names is as good as none."""
    _, site, _, _ = await connected(w, "ana@example.org", HIDDEN_CLAUSE)
    hidden = (await marks(w, site))[0]
    _, other, _, _ = await connected(w, "bo@example.org", OPEN_CLAUSE)
    wide = (await w.rows.signatures(await marks(w, other)))[(await marks(w, other))[0]]
    async with w.base.database.unit_of_work() as unit:
        await w.rows.drop_signatures(unit, [hidden])
        await w.rows.add_signatures(unit, {hidden: wide})
        await unit.commit(unaudited="a test")

    assert len(await listed(w, incident=None)) == 2


async def test_a_change_that_went_unnoticed_is_found_and_told(w, caplog):
    """The slow round finds marks that are not what the rules say, reports an alarm, and puts them right."""
    _, site, _, agent = await connected(w)
    w.agents.change(agent, is_paused=True)
    before = await marks(w, site)

    await w.marker.check_next()

    assert "went unnoticed" in caplog.text
    assert await marks(w, site) != before
    assert {a for a, _ in (await listed(w)).values()} == {Availability.NOT_AVAILABLE}
    caplog.clear()
    await w.marker.check_next()
    await w.marker.check_next()
    assert caplog.text == ""


async def test_marks_of_another_ground_and_signatures_nobody_has_are_forgotten(w):
    """A gateway that starts with other packs begins with no mark at all."""
    _, site, _, _ = await connected(w)
    kept = set(await w.rows.signature_marks())
    await w.marker.begin()
    assert set(await marks(w, site)) <= kept & set(await w.rows.signature_marks())
    for camera in await w.base.cameras.of_site(site.id):
        async with w.base.database.unit_of_work() as unit:
            await w.base.cameras.mark(unit, structs.replace(camera, mark="other.1"))
            await unit.commit(unaudited="a test")

    await w.marker.begin()

    assert await marks(w, site) == ["", ""]
    assert await w.rows.signature_marks() == set()


# -- the list is the set of single decisions -----------------------------------------------------------------------


async def single_decision(w, camera, told, *, purpose="violent_crime", act=Act.LIVE_VIEW, principal=None):
    """What `decide_for` makes of it, as a list would say it; None where there is no such camera."""
    question = Question(principal=principal or operator(), camera_id=camera.id, act=act, purpose=purpose, incident=told)
    try:
        decision = (await w.decisions.decide_for(question)).decision
    except NotFoundError:
        return None
    if isinstance(decision, Permit):
        return Availability.AVAILABLE
    return Availability.NOT_AVAILABLE if decision.remedy == "none" else Availability.AVAILABLE_IF


async def random_city(w, dice, partners=8):
    """Partners who take one of few random answers, in every state that a site can be in."""
    found, pool = [], [random_clause(dice, w) for _ in range(3)]
    for number in range(partners):
        owner = await w.base.owner(f"p{number}@example.org")
        place = Place(LOOP.lat + dice.uniform(-0.02, 0.02), LOOP.lon + dice.uniform(-0.02, 0.02))
        site = await w.base.site(owner, place=place, people_live_here=dice.random() < 0.3)
        if dice.random() < 0.9:
            await w.base.partners.accept_agreement(owner, sha256=w.base.partners.agreement.sha256)
        else:
            continue
        cameras = [
            await w.base.cameras.add(
                owner,
                site,
                CameraFacts(
                    f"c{n}",
                    Place(place.lat + dice.uniform(-0.004, 0.004), place.lon + dice.uniform(-0.004, 0.004)),
                    None,
                    dice.random() < 0.7,
                    "",
                ),
            )
            for n in range(dice.randint(1, 4))
        ]
        agent = w.pair(site, dice.sample(cameras, dice.randint(1, len(cameras)))) if dice.random() < 0.8 else ""
        for _ in range(dice.choice((1, 2))):
            said = dice.sample(pool, dice.choice((1, 2)))
            if site.people_live_here:  # no sound of homes, says the ordinance, and such an answer is not saved
                said = [dataclasses.replace(clause, audio=False) for clause in said]
            chosen = [dice.sample(cameras, dice.randint(1, len(cameras))) for _ in said]
            with suppress(InvalidError):  # the ordinance forbids it in every case
                await w.answer(owner, site, *(about(clause, some) for clause, some in zip(said, chosen, strict=True)))
            if agent and dice.random() < 0.8:
                await w.deliver(agent, approves=dice.random() < 0.9)
        if agent and dice.random() < 0.1:
            w.agents.change(agent, is_paused=True)
        if agent and dice.random() < 0.2:
            w.agents.change(agent, panic_until=w.clock.now() + timedelta(hours=20))
        found += cameras
    return found


def about(clause, cameras):
    """The same answers for these cameras."""
    return dataclasses.replace(clause, cameras=frozenset(camera.id for camera in cameras))


def random_clause(dice, w):
    """Any answers a form can give."""
    now = w.clock.now()
    start = dice.randrange(WEEK_MIN - 60)
    has_hours = dice.random() < 0.3
    return Clause(
        cameras=frozenset(),
        live=dice.choice(tuple(Live)),
        recordings=dice.choice(tuple(Recordings)),
        where=dice.choice(tuple(Where)),
        radius_m=dice.choice((300, 600, 900, 1600)),
        agencies=dice.choice((frozenset(), frozenset({operator().organisation_id}), frozenset({"age_2"}))),
        purposes=frozenset(dice.sample(sorted(Purpose)[:10], dice.randint(1, 6))),
        zone="America/Chicago" if has_hours else "",
        spans=((start, WEEK_MIN if dice.random() < 0.7 else start + 60),) if has_hours else (),
        until_ms=dice.choice((None, round((now + timedelta(days=dice.choice((-1, 1)))).timestamp() * 1000))),
        by_hand=dice.random() < 0.5,
        is_moving=dice.random() < 0.5,
        audio=dice.random() < 0.3,
        notify=dice.choice(tuple(Notify)),
        excluded=dice.choice((frozenset(), frozenset(), frozenset({f"unit:{operator().organisation_id}/rtcc"}))),
        emergency=dice.random() < 0.3,
        on_panic=dice.random() < 0.5,
        session_s=dice.choice((60, 1800)),
        height_lines=dice.choice((480, 2160)),
    )


def random_incident(dice, w):
    """An incident somewhere in the city, or none."""
    if dice.random() < 0.25:
        return None
    place = Place(LOOP.lat + dice.uniform(-0.02, 0.02), LOOP.lon + dice.uniform(-0.02, 0.02))
    told = incident(w.clock, place=place, origin=dice.choice(tuple(Origin)))
    if dice.random() < 0.3:
        told = dataclasses.replace(
            told, stops=(*told.stops, Stop(place.lat + 0.004, place.lon, "", told.opened_at + timedelta(seconds=30)))
        )
    return told


@pytest.mark.parametrize("seed", range(4))
async def test_the_list_is_the_set_of_single_decisions(w, seed):
    """For random partners, people, purposes, incidents and boxes: the same cameras, answers, reasons and counts."""
    dice = Random(seed)
    cameras = await random_city(w, dice)
    if dice.random() < 0.8:
        await w.marker.mark_all()
    for _ in range(25):
        told, purpose = random_incident(dice, w), dice.choice(sorted(Purpose))
        act = dice.choice(
            (Act.LIVE_VIEW, Act.LIVE_VIEW, Act.REGISTRY_VIEW, Act.STILL_TAKE, Act.PTZ_MOVE, Act.LIVE_AUDIO)
        )
        person = dataclasses.replace(
            operator(),
            unit=dice.choice(("rtcc", "patrol")),
            roles=frozenset({dice.choice((Role.OPERATOR, Role.OPERATOR, Role.SUPERVISOR))}),
            factors=dice.choice((frozenset({"password"}), frozenset({"password", "totp"}))),
        )
        box = Box(LOOP.lat - dice.uniform(0, 0.03), -87.7, LOOP.lat + dice.uniform(0, 0.03), LOOP.lon + 0.02)
        wanted = search(w, principal=person, purpose=purpose, act=act, incident=told)
        got = {one.camera.id: one.look for one in (await w.listing.page(wanted, box)).listed}
        inside = [c for c in cameras if box.south <= c.place.lat <= box.north and box.west <= c.place.lon <= box.east]
        for camera in inside:
            single = await single_decision(w, camera, told, purpose=purpose, act=act, principal=person)
            assert (got[camera.id].availability if camera.id in got else None) is single
            if camera.id in got:
                assert got[camera.id] == await single_look(w, camera, wanted)
        assert got.keys() <= {camera.id for camera in inside}
        if dice.random() < 0.3:
            w.clock.advance(dice.choice((30, 3600, 6 * 3600)))


async def single_look(w, camera, wanted):
    """The same look, from the rules of this one camera."""
    site = await w.layering.of_site(camera.site_id, camera.organisation_id)
    question = Question(
        principal=wanted.principal,
        camera_id=camera.id,
        act=wanted.act,
        purpose=wanted.purpose,
        incident=wanted.incident,
    )
    return look(site, request_of(question, camera, site, now=w.clock.now()))


# -- what a place gave already -------------------------------------------------------------------------------------


async def test_a_list_says_what_a_decision_says_where_the_days_total_is_used_up(w):
    """In a page and around an incident, of that place alone; a camera that is not known does not appear by it."""
    _, site, used, _ = await connected(w, "ana@example.org", OPEN_CLAUSE)
    _, _, others, _ = await connected(w, "bo@example.org", OPEN_CLAUSE)
    _, hidden_site, hidden, _ = await connected(w, "cy@example.org", dataclasses.replace(HIDDEN_CLAUSE, radius_m=1))
    w.given.by_site = {site.id: Usage(live_s=86_400), hidden_site.id: Usage(live_s=86_400)}

    found = await listed(w)

    assert {found[camera.id][0] for camera in used} == {Availability.NOT_AVAILABLE}
    assert {found[camera.id][0] for camera in others} == {Availability.AVAILABLE}
    assert not found.keys() & {camera.id for camera in hidden}
    near = await w.listing.list_near(operator(), incident(w.clock), purpose="violent_crime", radius_m=2_000, most=100)
    assert {one.camera.id: one.availability for one in near} == {name: state for name, (state, _) in found.items()}
    for camera in (used[0], others[0]):
        question = Question(
            principal=operator(),
            camera_id=camera.id,
            act=Act.LIVE_VIEW,
            purpose="violent_crime",
            incident=incident(w.clock),
        )
        decision = (await w.decisions.decide_for(question)).decision
        assert isinstance(decision, Permit) == (found[camera.id][0] is Availability.AVAILABLE)


async def test_what_a_place_gave_is_not_kept_with_the_answer(w):
    """A day later it is available again: the total is of the site, the answer found is of everybody's rules."""
    _, site, cameras, _ = await connected(w, "ana@example.org", OPEN_CLAUSE)
    w.given.by_site = {site.id: Usage(live_s=86_400)}
    assert (await listed(w))[cameras[0].id][0] is Availability.NOT_AVAILABLE

    w.given.by_site = {}
    assert (await listed(w))[cameras[0].id][0] is Availability.AVAILABLE
