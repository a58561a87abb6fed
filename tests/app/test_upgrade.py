"""Data that an older program wrote is decided on after the upgrade as before it, on both databases."""

import pytest
from alembic.script import ScriptDirectory

from gateway.cameras import Box
from gateway.kernel.database import Database
from gateway.kernel.errors import NotFoundError
from gateway.sharing import Availability, Question, Search
from migrations.run import config, downgrade, upgrade
from policies.request import Permit
from policies.vocabulary import Act
from tests.support.sharing import AGENCY_ID, incident, operator, sharing_world, stopping_of, usual

pytestmark = pytest.mark.anyio
BEFORE = "0011_owners"  # no stamps, marks, versions, suspensions, consents


def test_the_migrations_are_one_line():
    """Two heads, and `lenspact migrate` would not know which."""
    assert len(ScriptDirectory.from_config(config()).get_heads()) == 1


async def test_what_an_older_program_wrote_counts_on(database, clock, ids):
    """Sites, answers, documents and generations of the schema before: permitted, listed, switched off and stopped."""
    old = sharing_world(database, clock=clock, ids=ids)
    owner, site, cameras = await old.shop()
    agent = old.pair(site, cameras)
    await old.answer(owner, site, usual(*cameras))
    await old.deliver(agent)
    await downgrade(database.engine, BEFORE)
    await upgrade(database.engine)
    again = Database(database.url)
    w = sharing_world(again, clock=clock, ids=ids)
    vars(w.agents).update(vars(old.agents))

    async def answer():
        question = Question(
            principal=operator(), camera_id=cameras[0].id, act=Act.LIVE_VIEW, purpose="violent_crime",
            incident=incident(clock),
        )  # fmt: skip
        return (await w.decisions.decide_for(question)).decision

    async def listed():
        search = Search(principal=operator(), purpose="violent_crime", incident=incident(clock))
        page = await w.listing.page(search, Box(41.5, -88.0, 42.5, -87.0))
        return {one.look.availability for one in page.listed}

    assert isinstance(await answer(), Permit)
    assert await listed() == {Availability.AVAILABLE}
    await w.marker.mark_all()
    assert await listed() == {Availability.AVAILABLE}

    await w.answer(owner, site, usual(*cameras), usual(cameras[1]))
    assert [version.author_name for version in await w.rows.versions(site.id, before=None, most=9)][-1] == ""
    await stopping_of(w).stop(owner, AGENCY_ID)
    with pytest.raises(NotFoundError):
        await answer()
    assert await listed() == set()
    await again.close()
