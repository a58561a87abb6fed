"""The header set is on every response, and only the public name is answered."""

from pathlib import Path
from typing import Any

import httpx
import pytest

from gateway.edge.headers import FIXED
from gateway.edge.origin import PublicOrigin, safe_next
from tests.edge.conftest import ROUTES
from tests.support.application import app_of, browser, services_for, settings_for

pytestmark = pytest.mark.anyio


@pytest.mark.parametrize(
    "path",
    ["/", "/form", "/secret", "/nowhere", "/fail/boom", "/fail/conflict", "/slow", "/healthz", "/api/openapi.json"],
)
async def test_header_set_is_on_every_response(client: httpx.AsyncClient, path: str):
    """Pages, errors, redirects and machine answers carry the same headers, and never a server's name."""
    answer = await client.get(path)

    for name, value in FIXED.items():
        assert answer.headers[name] == value, name
    assert "server" not in answer.headers
    assert "strict-transport-security" not in answer.headers
    assert answer.headers["x-request-id"].startswith("req_")


async def test_handler_may_cache(client: httpx.AsyncClient):
    """What a handler sets itself stays."""
    assert (await client.get("/own-headers")).headers["cache-control"] == "public, max-age=60"


async def test_https_pins_itself(tmp_path: Path, sqlite_database: Any, clock: Any, ids: Any):
    """Over https there is HSTS, and the visit cookie is a __Host- one."""
    settings = settings_for(tmp_path / "state", public_url="https://gw.example")
    services = services_for(settings, sqlite_database, clock=clock, ids=ids)
    async with browser(app_of(services, settings, ROUTES), origin="https://gw.example") as client:
        answer = await client.get("/form")
        refused = await client.get("/form", headers={"host": "evil.example"})
    await services.close()

    assert answer.headers["strict-transport-security"].startswith("max-age=63072000")
    cookie = answer.headers["set-cookie"]
    assert cookie.startswith("__Host-lenspact-visit=")
    for attribute in ("Secure", "HttpOnly", "SameSite=lax", "Path=/"):
        assert attribute in cookie
    assert refused.headers["strict-transport-security"]


@pytest.mark.parametrize(
    "host", ["evil.example", "localhost", "localhost:81", "", "localhost:8080.evil.example", "[::1]"]
)
async def test_foreign_host_is_refused(client: httpx.AsyncClient, host: str):
    """A Host header that is not ours gets 400 and no page."""
    answer = await client.get("/", headers={"host": host})

    assert answer.status_code == 400
    assert answer.headers["content-type"] == "application/problem+json"


async def test_host_case_does_not_matter(client: httpx.AsyncClient):
    """LOCALHOST is localhost."""
    assert (await client.get("/", headers={"host": "LOCALHOST:8080"})).status_code == 200


@pytest.mark.parametrize("host", ["127.0.0.1:8080", "[::1]:8080"])
async def test_other_loopback_is_sent_to_localhost(client: httpx.AsyncClient, host: str):
    """127.0.0.1 redirects to the name, keeping path and query; a form posted there is refused."""
    answer = await client.get("/form?a=1", headers={"host": host})
    posted = await client.post("/form", headers={"host": host})

    assert (answer.status_code, answer.headers["location"]) == (307, "http://localhost:8080/form?a=1")
    assert posted.status_code == 400


async def test_redirect_to_localhost_cannot_leave(client: httpx.AsyncClient):
    """A path of two slashes stays on this origin."""
    answer = await client.get("http://localhost:8080//evil.example", headers={"host": "127.0.0.1:8080"})

    assert answer.headers["location"].startswith("http://localhost:8080/")


@pytest.mark.parametrize("path", ["/a%00b", "/form?x=%00"])
async def test_zero_byte_in_address_is_refused(client: httpx.AsyncClient, path: str):
    """No address holds a zero byte; PostgreSQL text could not either."""
    assert (await client.get(path)).status_code == 400


@pytest.mark.parametrize(
    "text",
    [
        "//evil.example",
        "/\\evil.example",
        "https://evil.example",
        "javascript:alert(1)",
        "/\t/evil.example",
        "",
        None,
        "evil",
        "/%2f/evil.example",
        "/%5cevil.example",
        "/%09/evil.example",
        " /x",
        "/x\ny",
        "/" + "x" * 600,
        "\\\\evil",
    ],
)
def test_next_stays_here(text: str | None):
    """After sign-in nobody is sent to another origin."""
    assert safe_next(text) == "/"


def test_next_keeps_a_path_and_its_query():
    """An honest path is kept."""
    assert safe_next("/portal/cameras?page=2") == "/portal/cameras?page=2"


@pytest.mark.parametrize(
    "url", ["http://gw.example", "ftp://x", "https://", "https://a/b", "https://u@a", "gw.example"]
)
def test_public_url_must_be_an_origin(url: str):
    """Plain http off loopback, and anything that is no origin, is refused with a reason."""
    with pytest.raises(ValueError, match="public_url"):
        PublicOrigin.parse(url)


@pytest.mark.parametrize(("sent", "comes_back"), [("4f1c-77", True), ("two words", False), ("x" * 129, False)])
async def test_a_request_id_comes_back_as_it_was_sent(client: httpx.AsyncClient, sent: str, comes_back: bool):
    """Of an answer and of an error alike; in place of what is no identifier stands ours."""
    for path in ("/healthz", "/nowhere"):
        answer = await client.get(path, headers={"x-request-id": sent})
        told = answer.headers["x-request-id"]
        assert told == sent if comes_back else told.startswith("req_")
