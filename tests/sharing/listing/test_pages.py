"""What lists and counts hide, and what a page of them is, on both databases."""

import dataclasses

import pytest

from gateway.cameras import Box, CameraFacts, position_of
from gateway.incidents import Stop
from gateway.kernel.errors import InvalidError
from gateway.kernel.principal import Role
from gateway.partners import Place
from gateway.sharing import Availability
from policies.clauses import Clause, Live, Recordings, Where
from policies.vocabulary import Act, Origin, Reason, Remedy
from tests.support.listing import (
    CITY,
    EVERYWHERE,
    HIDDEN_CLAUSE,
    OPEN_CLAUSE,
    connected,
    listed,
    marks,
    search,
    single_look,
)
from tests.support.partners import LOOP
from tests.support.sharing import incident, operator, usual

pytestmark = pytest.mark.anyio


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
