"""The sign of a place: only what is in force, no camera, no hours, and only while its owner has it switched on."""

import dataclasses
import html

import pytest
from litestar.testing import AsyncTestClient

from gateway.kernel.errors import NotFoundError
from gateway.kernel.principal import ANONYMOUS, Role
from policies.clauses import Preset
from tests.sharing.test_pages import app_of
from tests.support.pages import Caller
from tests.support.sharing import sharing_world, stopping_of, usual

pytestmark = pytest.mark.anyio


@pytest.fixture
async def shop(sqlite_database, clock, ids):
    """A shop with two cameras whose site holds "emergencies only"."""
    w = sharing_world(sqlite_database, clock=clock, ids=ids)
    owner, site, cameras = await w.shop()
    await w.answer(owner, site, usual(*cameras))
    caller = Caller(owner)
    async with AsyncTestClient(app_of(w, caller)) as client:
        yield w, caller, client, site, cameras


async def test_nobody_else_switches_it(shop):
    """Another owner finds nothing; who only answers requests may not."""
    w, caller, client, site, _ = shop
    page, mine = f"/portal/sites/{site.id}/sign", caller.principal
    caller.principal, *_ = await w.shop("bo@example.org")
    sent = await client.post(page, data={"csrf": "t", "is_public": "yes"})
    assert [(await client.get(page)).status_code, sent.status_code] == [404, 404]
    caller.principal = dataclasses.replace(mine, roles=frozenset({Role.ANSWERS}))
    assert (await client.post(page, data={"csrf": "t", "is_public": "yes"})).status_code == 403
    assert await w.signs.sign(site.id) is None


async def test_there_is_no_page_until_the_owner_switches_it_on_and_none_after(shop):
    """A guessed address, one that is off and one of a site that is gone are all the same: not found."""
    w, caller, client, site, _ = shop
    owner = caller.principal
    assert (await client.get(f"/portal/sites/{site.id}/sign/code.svg")).status_code == 404
    await w.signs.switch(owner, site.id, is_public=True)
    sign = await w.signs.sign(site.id)
    caller.principal = ANONYMOUS
    assert (await client.get(f"/place/{sign.token}")).status_code == 200
    assert (await client.get(f"/place/{sign.token[:-1]}")).status_code == 404
    assert (await client.get(f"/place/{site.id}")).status_code == 404
    await w.signs.switch(owner, site.id, is_public=False)
    assert (await client.get(f"/place/{sign.token}")).status_code == 404
    await w.signs.switch(owner, site.id, is_public=True)
    assert (await w.signs.sign(site.id)).token == sign.token
    async with w.base.database.unit_of_work() as unit:
        await w.sharing.site_removed(unit, site)
        await unit.commit(unaudited="the leaf is partners'")
    with pytest.raises(NotFoundError):
        await w.signs.read(sign.token)


async def test_it_says_what_is_in_force_and_not_what_was_asked_for(shop):
    """Before the site holds anything nothing is shared; then what it holds, in both languages."""
    w, caller, client, site, cameras = shop
    page = f"/portal/sites/{site.id}/sign"
    assert "Nothing from the cameras here is shared now." in (await client.get(page)).text
    agent = w.pair(site, cameras)
    await w.deliver(agent)
    shown = html.unescape((await client.get(page)).text)
    assert "Live pictures: only if there is an incident nearby." in shown
    assert "Recordings: only if the owner says yes." in shown
    assert "Imágenes en vivo: solo si hay un incidente cerca." in shown
    await w.answer(caller.principal, site, usual(*cameras, preset=Preset.OPEN))
    assert "Live pictures: at any time." not in (await client.get(page)).text
    await w.deliver(agent)
    assert "Live pictures: at any time." in (await client.get(page)).text


async def test_the_public_page_says_what_is_so_now(shop):
    """While the owner's or the network's switch is off, or the site is paused, nothing is shared; the sign stays."""
    w, caller, client, site, cameras = shop
    agent = w.pair(site, cameras)
    await w.deliver(agent)
    await w.signs.switch(caller.principal, site.id, is_public=True)
    place, nothing = f"/place/{(await w.signs.sign(site.id)).token}", "Nothing from the cameras here is shared now."
    assert nothing not in (await client.get(place)).text

    await w.sharing.suspend(caller.principal, is_suspended=True)
    assert nothing in (await client.get(place)).text
    assert nothing not in (await client.get(f"/portal/sites/{site.id}/sign")).text
    await w.sharing.suspend(caller.principal, is_suspended=False)
    assert nothing not in (await client.get(place)).text

    await stopping_of(w).stop(caller.principal)
    assert nothing in (await client.get(place)).text


async def test_the_public_page_names_no_camera_and_no_place(shop):
    """No name of a camera, of the site, its address, its owner or an id stands in it; search engines are sent away."""
    w, caller, client, site, cameras = shop
    await w.deliver(w.pair(site, cameras))
    await w.signs.switch(caller.principal, site.id, is_public=True)
    sign, owner = await w.signs.sign(site.id), caller.principal
    caller.principal = ANONYMOUS
    text = html.unescape((await client.get(f"/place/{sign.token}")).text)

    assert "City Police" in text
    assert 'content="noindex"' in text
    for secret in (*(camera.name for camera in cameras), site.name, site.address, owner.name, site.id):
        assert secret not in text


async def test_the_code_is_a_picture_of_its_own_without_a_script_or_style(shop):
    """The content security policy holds, for the code is an image and no part of the page."""
    w, caller, client, site, _ = shop
    await w.signs.switch(caller.principal, site.id, is_public=True)
    code = await client.get(f"/portal/sites/{site.id}/sign/code.svg")

    assert code.headers["content-type"].startswith("image/svg+xml")
    assert code.content.startswith(b"<?xml")
    assert b"style=" not in code.content
    assert b"<script" not in code.content
