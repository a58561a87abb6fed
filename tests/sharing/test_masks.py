"""An answer that asks for masks: live is refused at the centre, in lists as in decisions, and the pages say so."""

import dataclasses
import html

import pytest
from litestar.testing import AsyncTestClient

from gateway.sharing import Question
from gateway.sharing.matrix import COLUMNS
from gateway.sharing.week_grid import Open
from policies.clauses import Preset
from policies.request import Permit
from policies.vocabulary import Act, Layer, Obligation, Reason
from tests.sharing.test_pages import app_of
from tests.sharing.test_sharing import ask
from tests.support.listing import listed
from tests.support.pages import Caller
from tests.support.sharing import incident, operator, sharing_world, usual

pytestmark = pytest.mark.anyio


@pytest.fixture
async def masked(sqlite_database, clock, ids):
    """A paired shop whose answer for the first camera asks for a mask; the second is open."""
    w = sharing_world(sqlite_database, clock=clock, ids=ids)
    owner, site, cameras = await w.shop()
    agent = w.pair(site, cameras)
    door = dataclasses.replace(usual(cameras[0], preset=Preset.OPEN), masks=frozenset({"door"}))
    await w.answer(owner, site, door, usual(cameras[1], preset=Preset.OPEN))
    assert await w.deliver(agent) == ["ack"]
    await w.marker.mark_all()
    return w, owner, site, cameras


async def test_the_centre_refuses_live_and_says_why(masked):
    """No grant is written that the site would refuse; the open camera is as it was."""
    w, _, _, cameras = masked
    refused = (await ask(w, cameras[0])).decision

    assert (refused.reason, refused.layer) == (Reason.MASKS, Layer.SHARING)
    assert refused.explanation == "This camera lacks an area that must be black, so no picture is given."
    assert isinstance((await ask(w, cameras[1])).decision, Permit)


async def test_a_list_says_what_the_decision_says(masked):
    """Marked or not: a camera whose live pictures would owe a mask stands in no list as available."""
    w, _, site, cameras = masked
    for is_marked in (True, False):
        if not is_marked:
            async with w.base.database.unit_of_work() as unit:
                unit.bump(site.id)
                await unit.commit(unaudited="a test")
        found = await listed(w)
        available = [found[camera.id][0].value for camera in cameras]
        assert available == ["not_available", "available"]


async def test_once_the_site_says_that_it_draws_it_live_is_permitted_with_it(masked):
    """Decision and lists, marked or not; an area of another name changes nothing."""
    w, _, site, cameras = masked
    local = w.agents.ticks[next(iter(w.agents.held))][cameras[0].id]
    for areas, word in (({"window": "Window"}, "not_available"), ({"door": "Door"}, "available")):
        w.agents.drawn = {next(iter(w.agents.held)): {local: areas}}
        for is_marked in (False, True):
            if is_marked:
                await w.marker.mark_all()
            else:
                async with w.base.database.unit_of_work() as unit:
                    unit.bump(site.id)
                    await unit.commit(unaudited="a test")
            assert (await listed(w))[cameras[0].id][0].value == word
    permit = (await ask(w, cameras[0])).decision

    assert isinstance(permit, Permit)
    assert permit.obligations[Obligation.MASKS] == ("door",)


async def test_a_range_of_a_recording_is_proposed_once_the_area_is_drawn(masked):
    """What is worked out before the decision knows of the areas as the decision does."""
    w, _, site, cameras = masked
    agent = next(iter(w.agents.held))
    found = []
    for areas in ({}, {"door": "Door"}):
        w.agents.drawn = {agent: {w.agents.ticks[agent][cameras[0].id]: areas}}
        async with w.base.database.unit_of_work() as unit:
            unit.bump(site.id)
            await unit.commit(unaudited="a test")
        question = Question(
            principal=operator(),
            camera_id=cameras[0].id,
            act=Act.RECORDED_VIEW,
            purpose="violent_crime",
            incident=incident(w.clock),
        )
        found.append(await w.decisions.footage_for(question, at=w.clock.now(), most_s=600, lasts_s=60))

    assert [span is not None for span in found] == [False, True]


async def test_the_matrix_of_a_site_tells_the_cameras_apart_that_have_the_area(masked):
    """Two cameras of one answer: live on the one that has it, never on the other."""
    w, owner, site, cameras = masked
    agent = next(iter(w.agents.held))
    both = dataclasses.replace(usual(*cameras, preset=Preset.OPEN), masks=frozenset({"door"}))
    await w.answer(owner, site, both)
    await w.deliver(agent)
    w.agents.drawn = {agent: {w.agents.ticks[agent][cameras[0].id]: {"door": "Door"}}}
    async with w.base.database.unit_of_work() as unit:
        unit.bump(site.id)
        await unit.commit(unaudited="a test")

    tables = await w.who_sees.tables(await w.sharing.view(owner, site.id))

    live = [act for act, _ in COLUMNS].index(Act.LIVE_VIEW)
    said = {table.cameras: {row.cells[live][1].is_open for row in table.rows} for table in tables}
    assert said.keys() == {camera.name for camera in cameras}
    assert Open.ALWAYS in said[cameras[0].name]
    assert said[cameras[1].name] == {Open.NEVER}


async def test_the_form_offers_what_is_drawn_and_what_is_asked_for(masked):
    """Ticked where the answer asks for it, with the cameras that have it; said where none has it."""
    w, owner, site, cameras = masked
    agent = next(iter(w.agents.held))
    w.agents.drawn = {agent: {w.agents.ticks[agent][cameras[1].id]: {"yard": "Back yard"}}}
    async with AsyncTestClient(app_of(w, Caller(owner))) as client:
        page = html.unescape((await client.get(f"/portal/sites/{site.id}/sharing/answers/1")).text)

    assert 'name="black_door"' in page
    assert "No camera has it. While you ask for it, nothing is shown live." in page
    assert 'name="black_yard"' in page
    assert f"At {cameras[1].name}." in page


async def test_whether_masks_are_owed_is_in_a_mark_and_which_is_not(masked):
    """Two cameras with other masks get one answer; one with none another."""
    w, owner, site, cameras = masked
    marks = [camera.mark for camera in await w.base.cameras.of_site(site.id)]
    assert marks[0] != marks[1]
    other = [dataclasses.replace(usual(one, preset=Preset.OPEN), masks=frozenset({one.id})) for one in cameras]
    await w.answer(owner, site, *other)
    await w.deliver(next(iter(w.agents.held)))
    await w.marker.mark_all()

    assert len({camera.mark for camera in await w.base.cameras.of_site(site.id)}) == 1


async def test_the_page_promises_no_masked_picture(masked):
    """What is said back is that live is refused, and what a recording needs."""
    w, owner, site, _ = masked
    async with AsyncTestClient(app_of(w, Caller(owner))) as client:
        text = html.unescape((await client.get(f"/portal/sites/{site.id}/sharing")).text)

    assert "live only with 1 areas black that are drawn on site, and not at all until they are" in text
    assert "with 1 masked areas" not in text
