"""Several answers for one place: one more, a changed one, one taken away; each shown before it is saved."""

import html
import re

import pytest
from litestar.testing import AsyncTestClient

from policies.clauses import Live, Recordings
from policies.vocabulary import Notify, Origin
from tests.sharing.test_pages import ANSWERS, app_of, hidden, post, save
from tests.support.pages import Caller
from tests.support.sharing import AGENCY_ID, sharing_world, usual

pytestmark = pytest.mark.anyio


@pytest.fixture
async def shop(sqlite_database, clock, ids):
    """A shop with two cameras and one answer, its owner signed in."""
    w = sharing_world(sqlite_database, clock=clock, ids=ids)
    owner, site, cameras = await w.shop()
    await w.answer(owner, site, usual(*cameras))
    caller = Caller(owner)
    async with AsyncTestClient(app_of(w, caller)) as client:
        yield w, caller, client, f"/portal/sites/{site.id}/sharing", cameras


async def kept(w, path):
    """The answers of the site."""
    return (await w.rows.answers(path.split("/")[3])).clauses


async def test_one_more_answer_stands_beside_the_first(shop):
    """It speaks of the cameras that are ticked, and the page says both, each with its number."""
    w, _, client, page, cameras = shop
    more = {**ANSWERS, "live": "always", f"camera_{cameras[1].id}": "yes", f"to_supervisor_{AGENCY_ID}": "yes"}
    assert (await save(client, f"{page}/answers/new", more)).status_code == 303

    first, second = await kept(w, page)
    assert first.cameras == {camera.id for camera in cameras}
    assert (second.cameras, second.live) == ({cameras[1].id}, Live.ALWAYS)
    assert second.named == {f"role:{AGENCY_ID}/supervisor"}
    text = html.unescape((await client.get(page)).text)
    assert "Answer 2" in text
    assert "A supervisor of City Police can watch Yard live" in text


async def test_an_answer_is_changed_in_its_place(shop):
    """Everything of the folded part is shown again, saved and said."""
    w, _, client, page, cameras = shop
    fields = {**ANSWERS, f"camera_{cameras[0].id}": "yes", "on_panic": "yes", "emergency": "yes", "session_min": "10"}
    fields |= {"notify": "digest", "height_lines": "720", "from_now": "yes", "origin_alert": "yes", "clip_min": "5"}
    path = f"{page}/answers/1"
    looked = await post(client, path, **fields, made_from="1")
    since = hidden(looked.text, "history_from")
    again = {"looked_at": hidden(looked.text, "looked_at"), "made_from": "1", "history_from": since, "then": "save"}
    saved = await client.post(path, data={"csrf": "t", **fields, **again}, follow_redirects=False)
    assert saved.headers["location"] == f"{page}?done=sharing-saved"

    (clause,) = await kept(w, page)
    assert (clause.cameras, clause.on_panic, clause.emergency) == ({cameras[0].id}, True, True)
    assert (clause.session_s, clause.clip_s, clause.height_lines) == (600, 300, 720)
    assert (clause.notify, clause.origins) == (Notify.DIGEST, {Origin.CAD, Origin.ALERT})
    assert clause.history_from_ms
    text = html.unescape((await client.get(page)).text)
    for sentence in (
        "only while the alarm button of this site is on",
        "at most 10 minutes at a time",
        "720 lines high",
    ):
        assert sentence in text
    assert "You are told once a day." in text
    shown = (await client.get(path)).text
    assert shown.count('<details class="plate" open>') == 3


async def test_taking_an_answer_away_is_shown_first(shop):
    """The page names what is no longer shared; the button does exactly that, once."""
    w, _, client, page, _ = shop
    path = f"{page}/answers/1/remove"
    shown = (await client.get(path)).text
    assert "You share less" in shown
    form = {"csrf": "t", "made_from": hidden(shown, "made_from"), "looked_at": hidden(shown, "looked_at")}
    stale = await client.post(path, data={**form, "made_from": "0"})
    assert (stale.status_code, "was changed meanwhile" in stale.text) == (422, True)
    assert len(await kept(w, page)) == 1

    done = await client.post(path, data=form, follow_redirects=False)
    assert done.headers["location"] == f"{page}?done=sharing-saved"
    assert await kept(w, page) == ()


async def test_a_number_means_what_the_page_showed(shop):
    """Somebody saved meanwhile: the number may mean another answer now, so nothing changes and what was typed stays."""
    w, caller, client, page, cameras = shop
    path = f"{page}/answers/1"
    made_from = hidden((await client.get(path)).text, "made_from")
    site = await w.base.partners.site(page.split("/")[3])
    await w.answer(caller.principal, site, usual(cameras[1]), usual(cameras[0]))

    late = await post(
        client, path, **{**ANSWERS, f"camera_{cameras[0].id}": "yes", "live": "always"}, made_from=made_from
    )
    assert (late.status_code, "Somebody else changed" in late.text) == (422, True)
    assert re.search(r'name="live" value="always"[^>]*checked', late.text)


async def test_no_camera_and_no_such_answer(shop):
    """An answer for no camera is refused at its field; a number that is none is not found, for everybody."""
    w, caller, client, page, _ = shop
    nobody = await post(client, f"{page}/answers/new", **ANSWERS, made_from="1")
    assert (nobody.status_code, "Choose at least one camera or label." in nobody.text) == (422, True)
    assert [(await client.get(f"{page}/answers/{number}")).status_code for number in (0, 2, 99)] == [404] * 3
    assert (await client.get(f"{page}/answers/2/remove")).status_code == 404
    other, *_ = await w.shop("bo@example.org")
    caller.principal = other
    for path in ("answers/new", "answers/1", "answers/1/remove"):
        assert (await client.get(f"{page}/{path}")).status_code == 404


async def test_a_camera_of_several_answers_is_not_overwritten_by_its_own_page(shop):
    """The page of one camera would replace both answers; it leads to them instead."""
    w, _, client, page, cameras = shop
    await save(client, f"{page}/answers/new", {**ANSWERS, "recordings": "never", f"camera_{cameras[0].id}": "yes"})
    own = f"/portal/cameras/{cameras[0].id}/sharing"

    assert (await client.get(own, follow_redirects=False)).headers["location"] == f"{page}?done=several-answers"
    sent = await client.post(own, data={"csrf": "t", **ANSWERS}, follow_redirects=False)
    assert sent.headers["location"] == f"{page}?done=several-answers"
    assert [clause.recordings for clause in await kept(w, page)] == [Recordings.ASK, Recordings.NEVER]
