"""Walks the real application's route table: what holds for every route is tested on every route."""

import re
from collections import Counter
from typing import Any

import pytest
from litestar import Litestar

from gateway.app.services import Services
from gateway.app.settings import Settings
from gateway.edge.headers import FIXED
from gateway.edge.requires import ALLOWED, PUBLIC, needs_of, undeclared
from gateway.kernel.principal import PrincipalKind, Role
from tests.fakes.authenticator import FakeAuthenticator
from tests.support.application import app_of, browser, csrf_of, services_for

pytestmark = pytest.mark.anyio

_UNSAFE = {"POST", "PUT", "PATCH", "DELETE"}


class Table:
    """The application and its routes as (method, path with something in each blank, what it needs)."""

    def __init__(self, app: Litestar, services: Services) -> None:
        self.app = app
        self.services = services
        self.routes = [
            (method, re.sub(r"\{[^}]*\}", "x", re.sub(r"\{[^}]*:int\}", "1", route.path)), needs_of(handler.opt))
            for route in app.routes
            for handler in getattr(route, "route_handlers", [])
            for method in sorted(handler.http_methods - {"OPTIONS"})
        ]


@pytest.fixture
async def table(
    settings: Settings, sqlite_database: Any, clock: Any, ids: Any, authenticator: FakeAuthenticator
) -> Any:
    """The real application's table."""
    services = services_for(settings, sqlite_database, clock=clock, ids=ids, authenticator=authenticator)
    yield Table(app_of(services, settings), services)
    await services.close()


async def test_every_route_declares_a_known_action(table: Table):
    """No handler without an action, no action outside the table."""
    assert undeclared(table.app) == []
    assert {needs.action for _, _, needs in table.routes} <= set(ALLOWED) | {PUBLIC}
    assert len(table.routes) > 20


@pytest.mark.parametrize(
    "headers",
    [
        {"origin": "https://evil.example", "sec-fetch-site": "cross-site"},
        {"origin": "null", "sec-fetch-site": "same-origin"},
        {"sec-fetch-site": "same-site"},
        {},
        {"x-csrf-token": "A" * 43},
    ],
)
async def test_every_unsafe_route_refuses_other_sites(
    table: Table, authenticator: FakeAuthenticator, headers: dict[str, str]
):
    """Whoever is signed in, no unsafe route takes a request another site made, or one without token."""
    session = authenticator.sign_in(*Role, kind=PrincipalKind.AGENCY)
    unsafe = [(method, path) for method, path, needs in table.routes if method in _UNSAFE and needs.reads_cookies]
    assert unsafe
    async with browser(table.app, session=session) as client:
        client.cookies.set("lenspact-visit", "planted")
        taken = []
        for method, path in unsafe:
            answer = await client.request(method, path, headers=headers, data={"csrf": "planted"})
            if answer.status_code != 403:
                taken.append((method, path, answer.status_code))

    assert taken == []


async def test_every_route_that_needs_somebody_refuses_nobody(table: Table):
    """Without a session every route but the public ones answers 401, whatever is in its path."""
    async with browser(table.app) as client:
        form = (await client.get("/sign-in/owner")).text
        token = re.search(r'name="csrf" value="([^"]+)"', form)
        assert token
        headers = {"accept": "application/json", "x-csrf-token": token.group(1)}
        open_ones = []
        for method, path, needs in table.routes:
            if needs.action != PUBLIC:
                answer = await client.request(method, path, headers=headers)
                if answer.status_code != 401:
                    open_ones.append((method, path, answer.status_code))

    assert open_ones == []


async def test_every_route_carries_the_headers(table: Table, authenticator: FakeAuthenticator):
    """Pages, files, JSON, redirects and refusals: the same set everywhere, a stack trace nowhere."""
    session = authenticator.sign_in(*Role, kind=PrincipalKind.AGENCY)
    async with browser(table.app, session=session) as client:
        for method, path, needs in table.routes:
            if needs.deadline_s is None and method == "GET":
                continue  # an endless stream; its own tests read its first bytes
            answer = await client.request(method, path)
            missing = {name for name in FIXED if name not in answer.headers}
            assert not missing, (method, path, missing)
            assert "Traceback" not in answer.text, (method, path)
            assert "server" not in answer.headers


async def test_nothing_in_a_path_makes_an_internal_error(table: Table, authenticator: FakeAuthenticator):
    """Odd ids in every blank of every reading route are refused as not found or unusable, never 500."""
    session = authenticator.sign_in(*Role, kind=PrincipalKind.AGENCY)
    failed = []
    async with browser(table.app, session=session) as client:
        for method, path, needs in table.routes:
            if method != "GET" or needs.deadline_s is None:
                continue
            for odd in ("..%2f..%2fetc%2fpasswd", "%27%20OR%201=1--", "9" * 300, "%F0%9F%92%A9", "%ff"):
                answer = await client.get(path.replace("/x", "/" + odd))
                if answer.status_code >= 500 and answer.status_code != 503:
                    failed.append((path, odd, answer.status_code))

    assert failed == []


MACHINES = ("/api/", "/agent/", "/whip", "/whep", "/uploads", "/log/", "/oauth/")
HOSTILE = (b"", b"{", b"[]", b"null", b'{"x": 1}', b"\xff\xfe", b"[" * 3000, b'{"id": "' + b"x" * 70_000 + b'"}')


@pytest.mark.parametrize("kind", [PrincipalKind.AGENCY, PrincipalKind.PARTNER])
async def test_every_error_a_program_gets_is_a_problem(
    table: Table, authenticator: FakeAuthenticator, kind: PrincipalKind
):
    """Whatever is sent to the doors of machines: no 500, no trace, and each refusal is problem+json (RFC 9457).

    The token endpoint answers as RFC 6749 section 5.2 wants it, which is JSON of its own.
    """
    session = authenticator.sign_in(*Role, kind=kind)
    key = csrf_of(table.services, session)
    wrong = []
    async with browser(table.app, session=session) as client:
        for method, path, needs in table.routes:
            if not path.startswith(MACHINES) or (method == "GET" and needs.deadline_s is None):
                continue
            for body in HOSTILE if method in _UNSAFE else (b"",):
                headers = {"x-csrf-token": key, "content-type": "application/json", "accept": "*/*"}
                answer = await client.request(method, path, content=body, headers=headers)
                is_problem = answer.headers.get("content-type") == "application/problem+json" or (
                    path.startswith("/oauth/") and answer.headers["content-type"].startswith("application/json")
                )
                is_refusal = answer.status_code >= 400
                is_bad = answer.status_code >= 500 and answer.status_code != 503
                if is_bad or "Traceback" in answer.text or (is_refusal and not is_problem and method != "HEAD"):
                    wrong.append((method, path, body[:12], answer.status_code, answer.headers.get("content-type")))

    assert wrong == []


FORMS = (
    b"",  # every field is missing
    b"name=%3Cscript%3Ealert(1)%3C%2Fscript%3E&email=%3Cscript%3E&lat=north&lon=-999&made_from=-1&role=king&kind=x",
    b"name=" + b"%F0%9F%92%A9" * 4000,
    b"name=%ff%fe%00&email=%00%0d%0aBcc:x@example.org&t0=2026-13-99T99:99&purpose=%00&is_on=maybe",
    b"name=a&name=b&live=always&live=never&preset=" + b"9" * 500,
    b"x" * 70_000,
    b"%%%=%&==&&&;;",
)


@pytest.mark.parametrize("kind", [PrincipalKind.AGENCY, PrincipalKind.PARTNER])
async def test_no_form_makes_an_internal_error(table: Table, authenticator: FakeAuthenticator, kind: PrincipalKind):
    """Missing, oversized, hostile, doubled, undecodable fields, sent with a good token: told, never a 500 or trace."""
    session = authenticator.sign_in(*Role, kind=kind, organisation_id="org_" + "9" * 26)
    key = csrf_of(table.services, session).encode()
    wrong, statuses = [], Counter[int]()
    async with browser(table.app, session=session) as client:
        for method, path, needs in table.routes:
            if method not in _UNSAFE or path.startswith(MACHINES) or not needs.reads_cookies:
                continue
            for form in FORMS:
                headers = {"content-type": "application/x-www-form-urlencoded"}
                answer = await client.request(method, path, content=b"csrf=" + key + b"&" + form, headers=headers)
                statuses[answer.status_code] += 1
                is_bad = answer.status_code >= 500 and answer.status_code != 503
                if is_bad or "Traceback" in answer.text or "<script>alert(1)" in answer.text:
                    wrong.append((method, path, form[:20], answer.status_code))

    assert wrong == []
    assert statuses[400] + statuses[422] > 10, statuses
