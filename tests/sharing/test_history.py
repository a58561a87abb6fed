"""What was said before: each save as it was, in words, and the way back through the same two keys as any save."""

import dataclasses
import html

import pytest
from litestar.testing import AsyncTestClient
from sqlalchemy import text

from gateway.kernel.errors import NotFoundError
from gateway.kernel.principal import Role
from gateway.sharing import Key
from policies.clauses import Live, Preset
from tests.sharing.test_pages import app_of, hidden
from tests.support.pages import Caller
from tests.support.passkeys import SoftPasskey
from tests.support.sharing import sharing_world, usual

pytestmark = pytest.mark.anyio


async def answered(database, clock, ids):
    """A shop with two cameras that answered twice."""
    w = sharing_world(database, clock=clock, ids=ids)
    owner, site, cameras = await w.shop()
    await w.answer(owner, site, usual(*cameras, preset=Preset.OPEN))
    await w.answer(owner, site, usual(*cameras))
    return w, Caller(owner), site, cameras


@pytest.fixture
async def rows(database, clock, ids):
    """The shop on both databases."""
    return await answered(database, clock, ids)


@pytest.fixture
async def shop(sqlite_database, clock, ids):
    """The shop with a client on its pages, which do not know the database."""
    w, caller, site, cameras = await answered(sqlite_database, clock, ids)
    async with AsyncTestClient(app_of(w, caller)) as client:
        yield w, caller, client, site, cameras


async def versions(w, site):
    """The numbers of what was kept, newest first."""
    return [version.seq for version in await w.rows.versions(site.id, before=None, most=50)]


async def test_another_owner_and_who_only_answers(shop):
    """Somebody else finds nothing; who only answers requests is shown nothing of it."""
    w, caller, client, site, _ = shop
    page, mine = f"/portal/sites/{site.id}/sharing/history", caller.principal
    caller.principal, *_ = await w.shop("bo@example.org")
    assert [(await client.get(path)).status_code for path in (page, f"{page}/1/restore")] == [404, 404]
    caller.principal = dataclasses.replace(mine, roles=frozenset({Role.ANSWERS}))
    assert (await client.get(page)).status_code == 403
    assert (await client.post(f"{page}/1/restore", data={"csrf": "t"})).status_code == 403


async def test_each_save_is_told_with_what_it_changed(shop):
    """Who, when, and the difference in words, newest first."""
    _, caller, client, site, _ = shop
    shown = html.unescape((await client.get(f"/portal/sites/{site.id}/sharing/history")).text)

    assert shown.index("Version 2") < shown.index("Version 1")
    assert caller.principal.name in shown
    assert "You shared less" in shown
    assert "only for an incident nearby" in shown
    assert "history/1/restore" in shown
    assert "history/2/restore" not in shown


async def test_going_back_is_a_save_that_is_shown_first_and_approved_where_it_shares_more(shop):
    """The old answers stand again as a new version; what is more of it waits for the site."""
    w, _, client, site, cameras = shop
    agent = w.pair(site, cameras)
    await w.deliver(agent)
    path = f"/portal/sites/{site.id}/sharing/history/1/restore"
    shown = (await client.get(path)).text
    assert "You share more" in shown
    assert "Go back: Share more once I approve it" in shown
    form = {"csrf": "t", "made_from": hidden(shown, "made_from"), "looked_at": hidden(shown, "looked_at")}
    assert (await client.post(path, data={**form, "looked_at": "0" * 64})).status_code == 422
    done = await client.post(path, data=form, follow_redirects=False)

    assert done.headers["location"] == f"/portal/sites/{site.id}/sharing?done=sharing-saved"
    assert (await w.rows.answers(site.id)).clauses[0].live is Live.ALWAYS
    assert await versions(w, site) == [3, 2, 1]
    assert (await w.policy_at(agent)).to_document()["rules"] != []
    assert "Sharing more waits for you." in (await client.get(f"/portal/sites/{site.id}/sharing")).text


async def test_what_was_switched_off_comes_back_as_it_was(rows):
    """A version holds the switches too, and forgets cameras that are gone."""
    w, caller, site, cameras = rows
    await w.sharing.switch(caller.principal, cameras[0], is_on=False)
    await w.sharing.switch(caller.principal, cameras[0], is_on=True)
    await w.base.cameras.remove(caller.principal, cameras[1].id)
    view = await w.sharing.view(caller.principal, site.id)
    act = await w.history.restoration(view, 3)

    assert act.off == {cameras[0].id}
    assert act.clauses[0].cameras == {cameras[0].id}
    with pytest.raises(NotFoundError):
        await w.history.restoration(view, 99)


async def test_a_wish_about_passkeys_is_no_version(rows):
    """Whose passkeys approve is another matter; the list of answers does not grow by it."""
    w, caller, site, cameras = rows
    w.pair(site, cameras)
    key = SoftPasskey().owner
    await w.owners.ask_for(caller.principal, site.id, Key(key.credential, key.public_key))

    assert await versions(w, site) == [2, 1]


async def test_what_was_there_before_versions_were_kept_is_kept_at_the_next_save(rows):
    """Its author is not known; the save after it is told as a change of it."""
    w, caller, site, cameras = rows
    async with w.base.database.unit_of_work() as unit:
        await unit.session.execute(text("DELETE FROM sharing_version"))
        await unit.commit(unaudited="as a gateway that kept no versions left it")
    await w.answer(caller.principal, site, usual(*cameras, preset=Preset.LIST_ONLY))

    assert await versions(w, site) == [3, 2]
    newest, oldest = await w.history.entries(await w.sharing.view(caller.principal, site.id), before=None)
    assert oldest.changes is None
    assert oldest.version.author_name == ""
    assert [change.kind for change in newest.changes][:1] == ["less"]


async def test_the_site_takes_its_history_with_it(rows):
    """No version outlives its site."""
    w, _, site, _ = rows
    async with w.base.database.unit_of_work() as unit:
        await w.sharing.site_removed(unit, site)
        await unit.commit(unaudited="the leaf is partners'")

    assert await versions(w, site) == []
