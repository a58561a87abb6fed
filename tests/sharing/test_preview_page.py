"""What the page shows before a save: the effect in words, and the ordinance's line at the field that breaks it."""

import dataclasses
import re

import anyio
import pytest
from litestar.testing import AsyncTestClient

from gateway.kernel.errors import InvalidError
from gateway.sharing import Effects, Unproved
from policies import packs
from policies.clauses import Preset
from policies.vocabulary import Purpose
from tests.sharing.test_effects import NoProver, SlowProver
from tests.sharing.test_pages import ANSWERS, app_of, hidden, post
from tests.support.ordinances import in_force
from tests.support.pages import Caller
from tests.support.sharing import sharing_world, usual

pytestmark = pytest.mark.anyio


def world_with(database, clock, ids, **changes):
    """Sharing that works out what saving does."""
    parts = {
        "ordinance": in_force(packs.load_document("ordinances", "open_city/pack.json")),
        "prover": NoProver(),
        "clock": clock,
        "deadline_s": 60,
    }
    return sharing_world(database, clock=clock, ids=ids, effects=Effects(**{**parts, **changes}))


@pytest.fixture
def w(sqlite_database, clock, ids):
    """On SQLite: pages do not know the database."""
    return world_with(sqlite_database, clock, ids)


async def test_who_gains_is_said_before_the_first_save(w):
    """The verdict, an example, and a table of who, which cameras and what."""
    owner, _, cameras = await w.shop()
    with anyio.fail_after(60):
        async with AsyncTestClient(app_of(w, Caller(owner))) as client:
            looked = (await post(client, f"/portal/cameras/{cameras[0].id}/sharing", **ANSWERS)).text

    assert "You share more, and nothing less." in looked
    assert "Searched case by case, which is slower; this gateway has no solver to prove it." in looked
    assert "For example: somebody at City Police could see Front door on the map" in looked
    assert "Can for the first time" in looked
    assert "watch live, take stills" in re.sub(r"\s+", " ", looked)


async def test_who_loses_is_said_where_an_answer_is_taken_away(w):
    """The page of a removal shows the same."""
    owner, site, cameras = await w.shop()
    await w.answer(owner, site, usual(*cameras))
    with anyio.fail_after(60):
        async with AsyncTestClient(app_of(w, Caller(owner))) as client:
            text = (await client.get(f"/portal/sites/{site.id}/sharing/answers/1/remove")).text

    assert "You share less, and nothing more." in text
    assert "Can no longer" in text


async def test_the_page_comes_in_time_and_says_what_it_does_not_know(sqlite_database, clock, ids):
    """Where nothing is ready by the deadline, the change counts as sharing more and can still be saved."""
    w = world_with(sqlite_database, clock, ids, prover=SlowProver(Unproved.LATE), deadline_s=0)
    owner, _, cameras = await w.shop()
    with anyio.fail_after(60):
        async with AsyncTestClient(app_of(w, Caller(owner))) as client:
            looked = (await post(client, f"/portal/cameras/{cameras[0].id}/sharing", **ANSWERS)).text

    assert "could not be worked out in time. It counts as sharing more." in looked
    assert 'name="then" value="save"' in looked


async def test_what_the_ordinance_forbids_is_said_at_its_field_and_not_saved(w):
    """Sound from a home: the line is cited beside the tick, before and at the save, and nothing typed is lost."""
    owner, site, cameras = await w.shop(people_live_here=True)
    path = f"/portal/cameras/{cameras[0].id}/sharing"
    typed = {**ANSWERS, "audio": "yes", "radius_m": "900"}
    with anyio.fail_after(60):
        async with AsyncTestClient(app_of(w, Caller(owner))) as client:
            looked = (await post(client, path, **typed)).text
            fine = (await post(client, path, **{**typed, "audio": ""})).text
            again = {"looked_at": hidden(fine, "looked_at"), "then": "save"}
            saved = (await post(client, path, **{**typed, **again})).text

    for text in (looked, saved):
        assert re.search(r'id="audio-error"[^>]*>.*Section 4\(b\): no sound', text, re.DOTALL)
        assert "The ordinance forbids this for Front door." in text
        assert re.search(r'value="900"[^>]*selected', text)
    assert await w.rows.answers(site.id) is None


async def test_a_forbidden_purpose_is_refused_whoever_asks(w):
    """The use case itself refuses, for every way in."""
    owner, site, cameras = await w.shop()
    clause = _with_purpose(usual(*cameras), Purpose.IMMIGRATION)

    with pytest.raises(InvalidError) as error:
        await w.sharing.save(owner, site.id, [clause], made_from=0)
    assert list(error.value.fields) == ["purposes"]
    assert "Section 3(b)" in error.value.fields["purposes"]


async def test_an_older_answer_never_stands_in_the_way_of_taking_something_back(w):
    """What was saved before the ordinance forbade it does not stop a camera from being switched off."""
    owner, site, cameras = await w.shop()
    await w.answer(owner, site, usual(*cameras, preset=Preset.OPEN))
    known = await w.rows.answers(site.id)
    clauses = [_with_purpose(clause, Purpose.IMMIGRATION) for clause in known.clauses]
    async with w.base.database.unit_of_work() as unit:
        await w.rows.save_answers(unit, dataclasses.replace(known, version=2, clauses=tuple(clauses)), made_from=1)
        await unit.commit(unaudited="as an older version would have left it")

    await w.sharing.switch(owner, cameras[0], is_on=False)
    assert (await w.rows.answers(site.id)).off == {cameras[0].id}


def _with_purpose(clause, purpose):
    return dataclasses.replace(clause, purposes=clause.purposes | {purpose})


async def test_two_owners_at_once_the_second_reads_what_the_first_saved(w):
    """A conflict with what is saved now and what theirs would change of it; what they typed stands."""
    owner, site, cameras = await w.shop()
    path = f"/portal/cameras/{cameras[0].id}/sharing"
    typed = {**ANSWERS, "live": "never", "recordings": "never"}
    with anyio.fail_after(90):
        async with AsyncTestClient(app_of(w, Caller(owner))) as client:
            looked = (await post(client, path, **typed)).text
            await w.answer(owner, site, usual(*cameras, preset=Preset.OPEN))
            second = {"looked_at": hidden(looked, "looked_at"), "then": "save"}
            late = await post(client, path, **{**typed, **second})
            assert (await w.rows.answers(site.id)).version == 1
            again = {"looked_at": hidden(late.text, "looked_at"), "made_from": hidden(late.text, "made_from")}
            kept = await client.post(path, data={"csrf": "t", "then": "save", **typed, **again}, follow_redirects=False)

    assert late.status_code == 422
    assert "Nothing you typed is lost" in late.text
    assert "City Police can watch Front door and Yard live" in late.text.partition("What they saved")[2]
    assert "What your answer would change of it" in late.text
    assert re.search(r'name="live" value="never"[^>]*checked', late.text)
    assert kept.status_code in {302, 303}
    assert (await w.rows.answers(site.id)).version == 2


async def test_an_answer_that_was_taken_away_meanwhile_is_offered_as_a_new_one(w):
    """Nothing typed is lost where the answer itself is gone."""
    owner, site, cameras = await w.shop()
    await w.answer(owner, site, usual(*cameras))
    typed = {**ANSWERS, f"camera_{cameras[0].id}": "yes", "radius_m": "900", "made_from": "1", "then": "look"}
    await w.answer(owner, site)
    with anyio.fail_after(60):
        async with AsyncTestClient(app_of(w, Caller(owner))) as client:
            late = await post(client, f"/portal/sites/{site.id}/sharing/answers/1", **typed)

    assert late.status_code == 422
    assert f'action="/portal/sites/{site.id}/sharing/answers/new"' in late.text
    assert re.search(r'value="900"[^>]*selected', late.text)
