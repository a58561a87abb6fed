"""Marks that are missing, late or wrong permit nothing."""

import pytest
from msgspec import structs

from gateway.sharing import Availability
from gateway.sharing.marking import SINGLY
from policies.vocabulary import Act
from tests.support.listing import CITY, HIDDEN_CLAUSE, OPEN_CLAUSE, connected, listed, marks, search

pytestmark = pytest.mark.anyio


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
