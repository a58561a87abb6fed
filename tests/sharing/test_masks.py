"""An answer that asks for masks: live is refused at the centre, in lists as in decisions, and the pages say so."""

import dataclasses
import html

import pytest
from litestar.testing import AsyncTestClient

from policies.clauses import Preset
from policies.request import Permit
from policies.vocabulary import Layer, Reason
from tests.sharing.test_listing import listed
from tests.sharing.test_pages import app_of
from tests.sharing.test_sharing import ask
from tests.support.pages import Caller
from tests.support.sharing import sharing_world, usual

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
    assert refused.explanation == "This camera has no mask areas, so live is refused while masks are asked for."
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

    assert "refused live as long as no mask areas are drawn there (asked for: 1)" in text
    assert "with 1 masked areas" not in text
