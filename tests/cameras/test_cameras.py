"""Cameras are put on the list, corrected, removed and found by place, on both databases."""

from dataclasses import replace

import pytest
from msgspec import structs
from sqlalchemy import event

from gateway.cameras import Box, CameraFacts, CameraState, Wanted
from gateway.kernel.database import Database
from gateway.kernel.errors import NotFoundError
from gateway.partners import Place
from tests.fakes.clock import FakeClock
from tests.fakes.ids import SequentialIds
from tests.support.partners import LOOP, World, world

pytestmark = pytest.mark.anyio
FACTS = CameraFacts("Front door", LOOP, 90, is_public_facing=True, purpose="Break-ins")


@pytest.fixture
def w(database: Database, clock: FakeClock, ids: SequentialIds) -> World:
    """Cameras over both databases."""
    return world(database, clock=clock, ids=ids)


async def test_a_camera_comes_back_as_it_was_told(w):
    """Every fact is kept, its kind of place is taken from its site, and it is only listed."""
    ana = await w.owner()
    site = await w.site(ana, people_live_here=True)

    camera = await w.cameras.add(ana, site, FACTS)

    assert await w.cameras.camera(camera.id) == camera
    assert (camera.facts, camera.people_live_here, camera.state) == (FACTS, True, CameraState.LISTED)
    assert await w.kinds(camera.id) == ["camera.added"]


async def test_a_hostile_name_is_kept_as_text_and_stays_out_of_the_public_log(w):
    """The log's public part holds codes only; the name is a committed detail."""
    ana = await w.owner()
    camera = await w.cameras.add(ana, await w.site(ana), structs.replace(FACTS, name="<script>alert(1)</script>"))

    (entry,) = await w.entries(camera.id)
    assert b"script" not in entry.leaf
    assert entry.said("camera_name") == "<script>alert(1)</script>"


async def test_a_camera_of_another_organisation_is_not_there(w):
    """Adding to, reading, changing and removing what belongs to another answer the same."""
    ana, bo = await w.owner(), await w.owner("bo@example.org", name="Garage")
    site = await w.site(ana)
    camera = await w.cameras.add(ana, site, FACTS)

    with pytest.raises(NotFoundError):
        await w.cameras.add(bo, site, FACTS)
    with pytest.raises(NotFoundError):
        await w.cameras.camera(camera.id, organisation_id=bo.organisation_id)
    with pytest.raises(NotFoundError):
        await w.cameras.change(bo, camera.id, FACTS)
    with pytest.raises(NotFoundError):
        await w.cameras.remove(bo, camera.id)
    assert await w.cameras.of_organisation(ana.organisation_id) == [camera]


async def test_a_moved_camera_is_found_at_its_new_place_only(w):
    """The cell moves with it."""
    ana = await w.owner()
    camera = await w.cameras.add(ana, await w.site(ana), FACTS)
    far = Place(41.95, -87.75)

    await w.cameras.change(ana, camera.id, structs.replace(FACTS, place=far))

    assert await w.cameras.near(LOOP, radius_m=1000, most=5) == []
    assert [n.camera.id for n in await w.cameras.near(far, radius_m=10, most=5)] == [camera.id]


async def test_the_nearest_come_first_and_no_farther_than_asked(w):
    """Order and limit are by distance on the ground, over several growing boxes."""
    ana = await w.owner()
    site = await w.site(ana)
    for step in range(8):
        place = Place(LOOP.lat + step * 0.004, LOOP.lon - step * 0.001)
        await w.cameras.add(ana, site, structs.replace(FACTS, name=f"c{step}", place=place))

    near = await w.cameras.near(LOOP, radius_m=2000, most=3)
    reach = await w.cameras.near(LOOP, radius_m=2000, most=50)

    assert [n.camera.name for n in near] == ["c0", "c1", "c2"]
    assert [n.camera.name for n in reach] == ["c0", "c1", "c2", "c3", "c4"]
    assert all(n.distance_m <= 2000 for n in reach)


async def test_the_antimeridian_is_no_wall(w):
    """A camera just beyond longitude 180 is near one just before it."""
    ana = await w.owner()
    site = await w.site(ana)
    await w.cameras.add(ana, site, structs.replace(FACTS, place=Place(52.0, -179.9995)))

    (near,) = await w.cameras.near(Place(52.0, 179.9995), radius_m=200, most=5)

    assert near.distance_m < 100


async def test_facts_of_the_site_follow_in_the_same_transaction(w):
    """When people come to live at a place, its cameras know at once; when it goes, they go."""
    ana = await w.owner()
    site = await w.site(ana)
    camera = await w.cameras.add(ana, site, FACTS)

    await w.partners.save_site(ana, replace(site, people_live_here=True), is_new=False)
    assert (await w.cameras.camera(camera.id)).people_live_here

    await w.partners.remove_site(ana, site.id)
    with pytest.raises(NotFoundError):
        await w.cameras.camera(camera.id)
    assert (await w.kinds(camera.id))[-1] == "camera.removed"


async def test_removal_wakes_whoever_shows_the_camera(w):
    """Live views listen for it and end; the news says at which place, for answers that name no camera."""
    ana = await w.owner()
    camera = await w.cameras.add(ana, await w.site(ana), FACTS)

    with w.bus.subscribe(f"camera.{camera.id}") as heard:
        await w.cameras.remove(ana, camera.id)
        assert (await heard.get()).ref == camera.site_id


async def test_withdrawing_takes_every_camera_off_the_list(w):
    """Nothing is left to ask for."""
    ana = await w.owner()
    camera = await w.cameras.add(ana, await w.site(ana), FACTS)

    await w.partners.withdraw(ana)

    assert await w.cameras.near(LOOP, radius_m=1000, most=5) == []
    with pytest.raises(NotFoundError):
        await w.cameras.camera(camera.id)


async def test_only_what_the_agent_offers_is_connected(w):
    """Connecting some disconnects the others of the site."""
    ana = await w.owner()
    site = await w.site(ana)
    one, two = [await w.cameras.add(ana, site, structs.replace(FACTS, name=n)) for n in ("one", "two")]
    for offered in ({one.id}, {two.id}):
        async with w.database.unit_of_work() as unit:
            await w.cameras.set_connected(unit, offered, site_id=site.id)
            await unit.commit(unaudited="the caller's own leaf")

    states = {c.name: c.state for c in await w.cameras.of_site(site.id)}
    assert states == {"one": CameraState.LISTED, "two": CameraState.CONNECTED}


async def test_sqlite_reads_a_page_out_of_one_index(w, database):
    """A row of the table is a page of the file each: a list of a city's cameras would take three times as long."""
    if not database.is_sqlite:  # there an entry of an index may not be as long as what owners write
        async with database.read() as connection:
            names = {row[0] for row in await connection.exec_driver_sql("SELECT indexname FROM pg_indexes")}
        assert "ix_cameras_camera_cell_lat_lon" in names
        assert "ix_cameras_camera_in_order" not in names
        return
    box = Box(LOOP.lat - 0.01, LOOP.lon - 0.01, LOOP.lat + 0.01, LOOP.lon + 0.01)
    asked = []

    def note(_connection, _cursor, statement, parameters, *_more):
        asked.append((statement, parameters))

    event.listen(database.engine.sync_engine.__class__, "before_cursor_execute", note)
    try:
        await w.cameras.page(box, Wanted(most=500, without=frozenset({"ground.1"}), now_ms=1))
    finally:
        event.remove(database.engine.sync_engine.__class__, "before_cursor_execute", note)
    statement, parameters = asked[-1]
    async with database.read() as connection:
        rows = (await connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", parameters)).all()
        plan = " ".join(str(row[-1]) for row in rows)

    assert "USING COVERING INDEX ix_cameras_camera_in_order" in plan
    assert "TEMP B-TREE" not in plan  # in the order in which it lies there
