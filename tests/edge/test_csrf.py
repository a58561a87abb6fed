"""No other site acts for a person: headers and a bound token are checked on every unsafe request."""

import httpx
import pytest

from gateway.kernel.principal import Role
from tests.fakes.authenticator import FakeAuthenticator
from tests.support.application import browser

pytestmark = pytest.mark.anyio

THING = {"name": "x"}


async def test_form_with_its_token_passes(client: httpx.AsyncClient):
    """A form of ours, sent from our page, is taken."""
    token = (await client.get("/form")).text
    answer = await client.post("/form", data=THING | {"csrf": token})

    assert answer.status_code == 201


async def test_page_without_form_sets_no_cookie(client: httpx.AsyncClient):
    """A visit starts only when a form is shown."""
    assert "set-cookie" not in (await client.get("/")).headers


@pytest.mark.parametrize(
    "headers",
    [
        {"sec-fetch-site": "cross-site"},
        {"sec-fetch-site": "same-site"},
        {"sec-fetch-site": "none"},
        {"origin": "https://evil.example"},
        {"origin": "null"},
        {"origin": "http://localhost:8080.evil.example"},
        {"origin": "http://127.0.0.1:8080"},
        {"origin": "\u00e9"},
    ],
)
async def test_cross_site_headers_are_refused(client: httpx.AsyncClient, headers: dict[str, str]):
    """Even with the right token, a request that another site started is refused."""
    token = (await client.get("/form")).text
    encoded = {name: value.encode() for name, value in headers.items()}
    answer = await client.post("/form", data=THING | {"csrf": token}, headers=encoded)

    assert answer.status_code == 403


@pytest.mark.parametrize("token", ["", "x", "\u00e9\u00e9", "A" * 43])
async def test_wrong_token_is_refused(client: httpx.AsyncClient, token: str):
    """A missing, short, non-ASCII or made-up token is refused, without an error of ours."""
    await client.get("/form")

    assert (await client.post("/form", data=THING | {"csrf": token})).status_code == 403
    assert (await client.post("/form", data=THING, headers={"x-csrf-token": token.encode()})).status_code == 403


async def test_planted_visit_does_not_pass_for_a_session(app: object, authenticator: FakeAuthenticator):
    """An attacker's cookie and token pair, planted beside a victim's session, does not match it."""
    async with browser(app) as attacker:
        planted_token = (await attacker.get("/form")).text
        planted_cookie = attacker.cookies["lenspact-visit"]
    async with browser(app, session=authenticator.sign_in(Role.ADMIN)) as victim:
        victim.cookies.set("lenspact-visit", planted_cookie)
        answer = await victim.post("/form", data=THING | {"csrf": planted_token})

    assert answer.status_code == 403


async def test_token_of_another_session_is_refused(app: object, authenticator: FakeAuthenticator):
    """A token is worth nothing beside another session."""
    async with browser(app, session=authenticator.sign_in(Role.ADMIN)) as one:
        token = (await one.get("/form")).text
    async with browser(app, session=authenticator.sign_in(Role.ADMIN)) as other:
        answer = await other.post("/form", data=THING | {"csrf": token})

    assert answer.status_code == 403


async def test_json_needs_the_header(app: object, authenticator: FakeAuthenticator):
    """A JSON body cannot carry a token; the header does."""
    async with browser(app, session=authenticator.sign_in(Role.ADMIN)) as client:
        token = (await client.get("/form")).text
        without = await client.post("/api/v1/things", json=THING | {"csrf": token})
        with_header = await client.post("/api/v1/things", json=THING, headers={"x-csrf-token": token})

    assert (without.status_code, with_header.status_code) == (403, 201)


async def test_ticketed_route_sees_no_cookie(app: object, authenticator: FakeAuthenticator):
    """Where no cookie counts there is nothing to ride on, and no token is asked for."""
    async with browser(app, session=authenticator.sign_in(Role.ADMIN)) as client:
        answer = await client.post("/ticketed", headers={"origin": "https://evil.example"})

    assert answer.json() == {"kind": "anonymous"}
