"""Sessions cannot be planted, end when idle or old, and follow their person's roles."""

import pytest
from sqlalchemy import text

from gateway.kernel.principal import Role
from tests.identity.conftest import Gateway, csrf_of, submit

pytestmark = pytest.mark.anyio


async def _sign_in_owner(gateway: Gateway, session: str = "") -> str:
    await gateway.owner()
    await gateway.services.identity.send_link("owner@shop.example", next_path="/portal")
    link = await gateway.newest_link()
    async with gateway.browser(session) as client:
        page = await client.get(link)
        answer = await client.post(link, data={"csrf": csrf_of(page.text)})
        assert answer.status_code == 303
        return answer.cookies["lenspact"]


async def _is_signed_in(gateway: Gateway, session: str) -> bool:
    async with gateway.browser(session) as client:
        return (await client.get("/account")).status_code == 200


async def test_planted_id_is_never_used(gateway: Gateway):
    """A session id an attacker planted before sign-in is not the one after it, and opens nothing."""
    session = await _sign_in_owner(gateway, session="ATTACKER-CHOSEN-ID")

    assert session != "ATTACKER-CHOSEN-ID"
    assert not await _is_signed_in(gateway, "ATTACKER-CHOSEN-ID")
    assert await _is_signed_in(gateway, session)


async def test_signing_in_again_ends_the_old_session(gateway: Gateway):
    """The id before a sign-in is dead after it."""
    first = await _sign_in_owner(gateway)
    second = await _sign_in_owner(gateway, session=first)

    assert first != second
    assert not await _is_signed_in(gateway, first)
    assert await _is_signed_in(gateway, second)


async def test_nothing_is_stored_for_anonymous_visits(gateway: Gateway):
    """Ten visits without a cookie leave no session behind."""
    for path in ("/sign-in", "/sign-in/owner", "/account") * 4:
        async with gateway.browser() as client:
            await client.get(path)
    async with gateway.services.database.read() as connection:
        assert (await connection.execute(text("SELECT count(*) FROM identity_session"))).scalar_one() == 0


@pytest.mark.parametrize(
    ("roles", "idle_min", "absolute_h"), [((Role.OPERATOR,), 30, 12), ((Role.ADMIN,), 15, 8), ((), 60, 24)]
)
async def test_idle_and_absolute_limits(gateway: Gateway, roles: tuple[Role, ...], idle_min: int, absolute_h: int):
    """A session ends after its idle time, and after its absolute time however busy it was."""
    session = (await gateway.enrol("a@city.example", *roles))[0] if roles else await _sign_in_owner(gateway)
    gateway.clock.advance(idle_min * 60 - 1)
    assert await _is_signed_in(gateway, session)
    gateway.clock.advance(idle_min * 60)
    assert not await _is_signed_in(gateway, session)

    gateway.clock.advance(3600)
    roles_again = roles or ()
    session = (await gateway.enrol("b@city.example", *roles_again))[0] if roles else await _sign_in_owner(gateway)
    for _ in range(absolute_h * 60 // 10 - 1):
        gateway.clock.advance(600)
        assert await _is_signed_in(gateway, session)
    gateway.clock.advance(600)
    assert not await _is_signed_in(gateway, session)


async def test_sign_out_ends_it_on_the_server(gateway: Gateway):
    """After signing out the old cookie is worth nothing, and the browser's is taken back."""
    session = await _sign_in_owner(gateway)
    async with gateway.browser(session) as client:
        answer = await submit(client, "/account", {}, to="/sign-out")

    assert answer.status_code == 303
    assert 'lenspact=""' in answer.headers["set-cookie"] or "lenspact=;" in answer.headers["set-cookie"]
    assert "Max-Age=0" in answer.headers["set-cookie"]
    assert not await _is_signed_in(gateway, session)


async def test_other_sessions_can_be_ended_and_not_other_peoples(gateway: Gateway):
    """A person ends their own session elsewhere; somebody else's is not found."""
    here, there = await _sign_in_owner(gateway), await _sign_in_owner(gateway)
    strangers, _ = await gateway.enrol()
    principal = await gateway.services.identity.sessions.authenticate(there)
    stranger = await gateway.services.identity.sessions.authenticate(strangers)
    async with gateway.browser(here) as client:
        refused = await submit(client, "/account", {}, to=f"/account/sessions/{stranger.session_ref}/end")
        ended = await submit(client, "/account", {}, to=f"/account/sessions/{principal.session_ref}/end")

    assert (refused.status_code, ended.status_code) == (404, 303)
    assert not await _is_signed_in(gateway, there)
    assert await _is_signed_in(gateway, here)
    assert await _is_signed_in(gateway, strangers)


async def test_cookie_is_http_only_and_lax(gateway: Gateway):
    """Script cannot read it, other sites cannot send it with their forms."""
    await gateway.owner()
    await gateway.services.identity.send_link("owner@shop.example", next_path="/portal")
    async with gateway.browser() as client:
        answer = await submit(client, await gateway.newest_link(), {})
    cookie = next(value for value in answer.headers.get_list("set-cookie") if value.startswith("lenspact="))

    assert "HttpOnly" in cookie
    assert "SameSite=lax" in cookie
    assert "Path=/" in cookie
    assert "Domain" not in cookie


async def test_streams_can_ask_whether_a_session_lives(gateway: Gateway):
    """What outlives its request learns when the session has ended."""
    session = await _sign_in_owner(gateway)
    sessions = gateway.services.identity.sessions
    principal = await sessions.authenticate(session)

    assert await sessions.is_live(principal.session_ref)
    gateway.clock.advance(3601)
    assert not await sessions.is_live(principal.session_ref)


async def test_sweep_removes_what_is_over(gateway: Gateway):
    """Ended sessions and used links do not stay in the database."""
    await _sign_in_owner(gateway)
    gateway.clock.advance(25 * 3600)
    await gateway.services.identity.sessions._store.sweep(gateway.clock.now())
    async with gateway.services.database.read() as connection:
        for table in ("identity_session", "identity_link"):
            assert (await connection.execute(text(f"SELECT count(*) FROM {table}"))).scalar_one() == 0
