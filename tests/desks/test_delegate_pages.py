"""Who only answers requests: an own passkey, named by the owner, suspended at once; no page but the open requests."""

import dataclasses
from types import SimpleNamespace

import pytest
from litestar.di import Provide
from litestar.testing import AsyncTestClient

from gateway.desks.portal import DELEGATE_PAGES, PASSKEY_PAGES
from gateway.desks.portal import PAGES as PORTAL_PAGES
from gateway.edge.auth import enforce
from gateway.edge.origin import PublicOrigin
from gateway.edge.problems import ProblemHandler
from gateway.identity import Identity, Passkey
from gateway.kernel.principal import Role
from gateway.partners.pages import PAGES as PARTNER_PAGES
from gateway.sharing import Everywhere, Key, KeyState
from gateway.sharing.pages import PAGES as SHARING_PAGES
from tests.fakes.requests import FakeRequests, FakeViewRequests
from tests.support.pages import Caller, web_app
from tests.support.passkeys import SoftPasskey
from tests.support.sharing import sharing_world, stopping_of, usual

pytestmark = pytest.mark.anyio
OWNER, HELPER = SoftPasskey("a").owner, SoftPasskey("b").owner


class Keys:
    """`identity.Passkeys` with what the test put there."""

    def __init__(self) -> None:
        self.held: list[Passkey] = []

    async def of_person(self, person_id):
        return [one for one in self.held if one.person_id == person_id]

    async def of_caller(self, principal):
        return await self.of_person(principal.person_id)

    async def one(self, principal, credential):
        (found,) = [one for one in await self.of_caller(principal) if one.credential == credential]
        return found

    async def remove(self, principal, credential):
        self.held = [one for one in self.held if one.credential != credential]


def just(keys) -> Identity:
    """`Identity` with passkeys and nothing else."""
    return Identity(**{field.name: None for field in dataclasses.fields(Identity)} | {"passkeys": keys})


def app_of(w, caller, keys):
    """The owner's pages, as far as a helper could try them."""
    provided = {"sharing": w.sharing, "partners": w.base.partners, "cameras": w.base.cameras, "portal": w.base.portal}
    provided |= {"site_owners": w.owners, "identity": just(keys), "bus": w.base.bus}
    provided |= {"stopping": stopping_of(w), "who_sees": w.who_sees, "history": w.history, "signs": w.signs}
    provided |= {"approvals": w.approvals, "origin": PublicOrigin.parse("http://localhost:8080")}
    provided |= {"rate_limiter": None, "everywhere": Everywhere(approvals=w.approvals)}
    dependencies = {name: _constant(value) for name, value in provided.items()}
    dependencies["principal"] = Provide(lambda: caller.principal, sync_to_thread=False)
    pages = [*DELEGATE_PAGES, *PASSKEY_PAGES, *PORTAL_PAGES, *PARTNER_PAGES, *SHARING_PAGES]
    return web_app(
        pages,
        caller=caller,
        dependencies=dependencies,
        guards=[enforce],
        exception_handlers=ProblemHandler().handlers(),
    )


def _constant(value):
    return Provide(lambda: value, sync_to_thread=False)


@pytest.fixture
async def shop(sqlite_database, clock, ids):
    """A connected shop that names its owner's passkey, with a helper who has a passkey that nobody named."""
    w = sharing_world(sqlite_database, clock=clock, ids=ids)
    owner, site, cameras = await w.shop()
    agent = w.pair(site, cameras)
    await w.answer(owner, site, usual(*cameras))
    await w.owners.ask_for(owner, site.id, Key(OWNER.credential, OWNER.public_key))
    await w.deliver(agent)
    await w.base.partners.add_member(owner, name="Bo Helper", email="bo@example.org", role=Role.ANSWERS)
    helper = await w.base.principal(w.base.people.by_email["bo@example.org"])
    keys = Keys()
    keys.held.append(Passkey(HELPER.credential, helper.person_id, HELPER.public_key, "Phone", clock.now()))
    caller = Caller(owner)
    async with AsyncTestClient(app_of(w, caller, keys)) as client:
        yield SimpleNamespace(
            w=w, owner=owner, helper=helper, site=site, cameras=cameras, agent=agent, keys=keys, caller=caller,
            client=client,
        )  # fmt: skip


async def _state(s) -> KeyState:
    (keys,) = await s.w.owners.sites(s.owner)
    return keys.state_of(HELPER.credential)


async def _press(s, act: str, **form: str):
    path = f"/portal/delegates/{HELPER.credential}/{act}"
    return await s.client.post(path, data={"csrf": "t", **form}, follow_redirects=False)


async def test_whoever_only_answers_sees_no_page_but_the_open_requests(shop):
    """Neither sharing nor its history, who looked, the people, the agreement, the owner's passkeys or delegates."""
    s = shop
    s.caller.principal = s.helper
    site = f"/portal/sites/{s.site.id}"
    shut = ("/portal", "/portal/sharing", f"{site}/sharing", f"{site}/sharing/history", f"{site}/sign",
            "/portal/set-up", "/portal/who-looked", "/portal/organisation", "/portal/passkeys",
            "/portal/delegates")  # fmt: skip
    assert {path: (await s.client.get(path)).status_code for path in shut} == dict.fromkeys(shut, 403)
    for act in ("ask", "suspend", "remove"):
        assert (await _press(s, act, site=s.site.id)).status_code == 403
    assert await _state(s) is KeyState.UNKNOWN
    assert (await s.client.get("/portal/requests")).status_code == 200
    assert (await s.client.get("/portal/answer-key")).status_code == 200


async def test_only_an_owner_keeps_who_answers_and_only_who_answers_has_such_a_passkey(shop):
    """A manager names nobody; an owner's own passkeys are kept elsewhere."""
    s = shop
    assert (await s.client.get("/portal/answer-key")).status_code == 403
    await s.w.base.partners.add_member(s.owner, name="Cy", email="cy@example.org", role=Role.MANAGER)
    s.caller.principal = await s.w.base.principal(s.w.base.people.by_email["cy@example.org"])
    assert (await s.client.get("/portal/delegates")).status_code == 403
    assert (await _press(s, "ask", site=s.site.id)).status_code == 403


async def test_an_owner_names_somebody_who_answers_once_that_is_approved(shop):
    """Asked here, in force where the owner approved; suspended and named again in the same way."""
    s = shop
    shown = (await s.client.get("/portal/delegates")).text
    assert "Bo Helper" in shown
    assert "May not answer at Shop yet." in shown
    assert (await _press(s, "ask", site=s.site.id)).headers["location"] == "/portal/delegates?done=delegate-asked"
    assert await s.w.deliver(s.agent, approves=False) == ["proposed"]
    assert "Waits for your approval at Shop" in (await s.client.get("/portal/delegates")).text
    await s.w.deliver(s.agent)
    assert "Answers requests at Shop." in (await s.client.get("/portal/delegates")).text
    s.caller.principal = s.helper
    assert "You answer requests at Shop." in (await s.client.get("/portal/answer-key")).text

    s.caller.principal = s.owner
    await _press(s, "suspend")
    assert await s.w.deliver(s.agent, approves=False) == ["ack"]
    assert await _state(s) is KeyState.SUSPENDED
    await _press(s, "remove")
    assert await s.w.deliver(s.agent, approves=False) == ["ack"]
    assert await _state(s) is KeyState.UNKNOWN


async def test_an_agent_that_knows_no_such_passkey_is_not_asked(shop):
    """The page says what is missing, and nothing changed."""
    s = shop
    s.w.agents.old.add(s.agent)
    refused = await _press(s, "ask", site=s.site.id)

    assert refused.status_code == 422
    assert "Shop has to be connected first, with a new enough agent." in refused.text
    assert await _state(s) is KeyState.UNKNOWN


async def test_nobody_elses_passkey_is_named_or_taken_away_here(shop):
    """Neither a made-up one, nor the owner's own by the page of those who only answer."""
    s = shop
    for credential in ("AAAA", OWNER.credential):
        for act in ("ask", "suspend", "remove"):
            path = f"/portal/delegates/{credential}/{act}"
            form = {"csrf": "t", **({"site": s.site.id} if act == "ask" else {})}
            assert (await s.client.post(path, data=form)).status_code == 404
    (keys,) = await s.w.owners.sites(s.owner)
    assert keys.state_of(OWNER.credential) is KeyState.APPROVES


async def test_whoever_loses_an_own_passkey_stops_it_without_the_owner(shop):
    """It answers nothing more at any place; the list still shows it until the owner takes it off."""
    s = shop
    await _press(s, "ask", site=s.site.id)
    await s.w.deliver(s.agent)
    s.caller.principal = s.helper
    path = f"/portal/answer-key/{HELPER.credential}/remove"
    assert (await s.client.post(path, data={"csrf": "t"}, follow_redirects=False)).status_code == 303
    assert await s.w.deliver(s.agent, approves=False) == ["ack"]
    assert await _state(s) is KeyState.SUSPENDED
    assert s.keys.held == []

    s.caller.principal = s.owner
    shown = (await s.client.get("/portal/delegates")).text
    assert "Somebody who has left" in shown
    assert "Let them answer" not in shown


async def test_whoever_only_answers_is_shown_what_is_open_and_what_they_may_take_back(shop):
    """An answered one goes; the owner reads on it who answered."""
    s = shop
    views, clips = FakeViewRequests(), FakeRequests()
    s.w.base.portal._view_requests, s.w.base.portal._requests = views, clips
    camera = s.cameras[0].id
    opened, asked = views.add(camera, state="opened"), views.add(camera)
    views.answered_by(opened, s.owner.person_id)
    clips.add(camera, state="declined")
    s.caller.principal = s.helper
    shown = (await s.client.get("/portal/requests")).text
    assert [f'id="{one}"' in shown for one in (opened, asked, "clr_0")] == [False, True, False]
    views.answered_by(opened, s.helper.person_id)
    assert f'id="{opened}"' in (await s.client.get("/portal/requests")).text

    s.caller.principal = s.owner
    shown = (await s.client.get("/portal/requests")).text
    assert [f'id="{one}"' in shown for one in (opened, asked, "clr_0")] == [True, True, True]
    assert "<dt>Answered by</dt><dd>Bo Helper</dd>" in shown
    await s.w.base.partners.remove_member(s.owner, s.helper.person_id)
    assert "<dt>Answered by</dt><dd>Somebody who has left</dd>" in (await s.client.get("/portal/requests")).text
