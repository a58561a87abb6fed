"""Who can see what: each cell is the kernel's answer, for what was answered and for what is in force."""

import dataclasses
import html

import pytest
from litestar.testing import AsyncTestClient

from gateway.sharing.matrix import COLUMNS, NEVER, Cell
from gateway.sharing.week_grid import Open
from policies.clauses import Live, Preset, Recordings, Where
from policies.vocabulary import Act, Condition, Purpose
from tests.sharing.test_pages import app_of
from tests.support.pages import Caller
from tests.support.sharing import AGENCY_ID, sharing_world, usual

pytestmark = pytest.mark.anyio
ANY_TIME = Cell(Open.ALWAYS)
NEARBY = Cell(Open.IF, (Condition.NEAR,))
MONDAY_MORNING = ((480, 720),)


@pytest.fixture
async def shop(sqlite_database, clock, ids):
    """A shop with two cameras; a way to answer and read the cells of its first camera by viewer and act."""
    w = sharing_world(sqlite_database, clock=clock, ids=ids)
    owner, site, cameras = await w.shop()

    async def cells(*clauses, is_held=False):
        await w.answer(owner, site, *clauses)
        return await read(is_held=is_held)

    async def read(*, is_held=False):
        table = (await w.who_sees.tables(await w.sharing.view(owner, site.id)))[0]
        found = {}
        for row in table.rows:
            for (act, _), (held, saved) in zip(COLUMNS, row.cells, strict=True):
                cell = (saved if held is None else held) if is_held else saved
                found |= {(viewer.part or viewer.kind, act): cell for viewer in row.viewers}
        return found

    return w, owner, site, cameras, cells, read


async def test_somebody_of_no_agency_sees_nothing_whatever_is_shared(shop):
    """Everything open: still never, in every column, for anybody else."""
    *_, cameras, cells, _ = shop
    found = await cells(usual(*cameras, preset=Preset.OPEN))

    assert {found["other", act] for act, _ in COLUMNS} == {NEVER}


async def test_who_is_excluded_sees_nothing(shop):
    """A no to supervisors and to a unit wins; operators keep what they had."""
    *_, cameras, cells, _ = shop
    no = frozenset({f"role:{AGENCY_ID}/supervisor", f"unit:{AGENCY_ID}/patrol"})
    found = await cells(dataclasses.replace(usual(*cameras, preset=Preset.OPEN), excluded=no))

    assert found["operator", Act.LIVE_VIEW] == ANY_TIME
    for viewer in ("supervisor", "patrol", "other"):
        assert {found[viewer, act] for act, _ in COLUMNS} == {NEVER}


async def test_an_act_that_is_not_given_is_never(shop):
    """Emergencies only: live for an incident nearby, clips when the owner says yes, no sound, no moving."""
    *_, cameras, cells, _ = shop
    found = await cells(usual(*cameras))

    assert found["operator", Act.LIVE_VIEW] == NEARBY
    assert found["operator", Act.CLIP_REQUEST] == ANY_TIME
    assert found["operator", Act.CLIP_FETCH] == Cell(Open.IF, (Condition.ASK,))
    assert found["operator", Act.REGISTRY_VIEW] == ANY_TIME
    assert found["operator", Act.LIVE_AUDIO] == found["operator", Act.PTZ_MOVE] == NEVER


async def test_every_condition_is_found(shop):
    """Incident, yes, alarm button and two people, each from its own answer; a clip from now on is not called never."""
    *_, cameras, cells, _ = shop
    said = dataclasses.replace(usual(*cameras), on_panic=True, emergency=True, recordings=Recordings.ALWAYS)
    now_ms = round(shop[0].clock.now().timestamp() * 1000)
    found = await cells(
        dataclasses.replace(said, history_from_ms=now_ms),
        dataclasses.replace(usual(*cameras), live=Live.ASK, recordings=Recordings.NEVER),
    )

    every = (Condition.NEAR, Condition.ASK, Condition.PANIC, Condition.TWO_PERSONS)
    assert found["operator", Act.LIVE_VIEW] == Cell(Open.IF, every)
    assert found["operator", Act.CLIP_FETCH] == ANY_TIME


async def test_hours_are_said_only_where_they_bind(shop):
    """A window alone is at some hours; beside an answer without hours it is not."""
    *_, site, cameras, cells, _ = shop
    hourly = dataclasses.replace(usual(*cameras, preset=Preset.OPEN), zone=site.zone, spans=MONDAY_MORNING)
    assert (await cells(hourly))["operator", Act.LIVE_VIEW] == Cell(Open.ALWAYS, is_hourly=True)
    both = await cells(hourly, usual(*cameras, preset=Preset.OPEN))
    assert both["operator", Act.LIVE_VIEW] == ANY_TIME
    other = dataclasses.replace(usual(*cameras), zone=site.zone, spans=MONDAY_MORNING, where=Where.NEARBY)
    found = await cells(other)
    assert found["operator", Act.LIVE_VIEW] == Cell(Open.IF, (Condition.NEAR,), is_hourly=True)
    assert found["operator", Act.REGISTRY_VIEW] == NEARBY


async def test_an_answer_about_one_purpose_is_found(shop):
    """Fire alone: the question that is asked names a fire."""
    *_, cameras, cells, _ = shop
    fire = dataclasses.replace(usual(*cameras), purposes=frozenset({Purpose.FIRE}))

    assert (await cells(fire))["supervisor", Act.LIVE_VIEW] == NEARBY


async def test_what_the_site_does_not_hold_yet_is_never_now(shop):
    """Before the site acknowledged anything nothing is in force; afterwards more waits, and less counts at once."""
    w, _, site, cameras, cells, read = shop
    assert (await cells(usual(*cameras), is_held=True))["operator", Act.LIVE_VIEW] == NEVER
    agent = w.pair(site, cameras)
    await w.deliver(agent)
    assert (await read(is_held=True))["operator", Act.LIVE_VIEW] == NEARBY
    found = await cells(usual(*cameras, preset=Preset.OPEN), is_held=True)
    assert found["operator", Act.LIVE_VIEW] == NEARBY
    found = await cells(usual(*cameras, preset=Preset.LIST_ONLY), is_held=True)
    assert found["operator", Act.LIVE_VIEW] == NEVER


async def test_who_can_do_the_same_stands_in_one_row(shop):
    """Those of one agency with the same cells are named together, and nobody stands in two rows."""
    w, owner, site, cameras, cells, _ = shop
    await cells(dataclasses.replace(usual(*cameras), excluded=frozenset({f"role:{AGENCY_ID}/supervisor"})))
    rows = (await w.who_sees.tables(await w.sharing.view(owner, site.id)))[0].rows

    parts = [[viewer.part for viewer in row.viewers] for row in rows]
    assert parts == [["operator"], ["supervisor"], ["fire", "ems", "emergency_management", "transport"], [""]]


async def test_the_page_shows_both(shop):
    """The table says what was answered, and what is so now where that differs."""
    w, owner, site, cameras, cells, _ = shop
    await cells(usual(*cameras))
    async with AsyncTestClient(app_of(w, Caller(owner))) as client:
        text = html.unescape((await client.get(f"/portal/sites/{site.id}/sharing")).text)

    assert "operators, supervisors<" in text
    assert "fire service, emergency medical service, emergency management, transport department<" in text
    assert "an incident is nearby" in text
    assert "Now:" in text
