"""The list says what the single decision says of each camera, in cities made by chance."""

import dataclasses
from contextlib import suppress
from datetime import timedelta
from random import Random

import pytest

from gateway.cameras import Box, CameraFacts
from gateway.incidents import Stop
from gateway.kernel.errors import InvalidError
from gateway.kernel.principal import Role
from gateway.partners import Place
from gateway.sharing import Availability, Question
from policies.clauses import Clause, Live, Recordings, Where
from policies.request import Permit, Usage
from policies.vocabulary import Act, Notify, Origin, Purpose
from tests.support.listing import (
    HIDDEN_CLAUSE,
    OPEN_CLAUSE,
    WEEK_MIN,
    connected,
    listed,
    search,
    single_decision,
    single_look,
)
from tests.support.partners import LOOP
from tests.support.sharing import incident, operator

pytestmark = pytest.mark.anyio


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
