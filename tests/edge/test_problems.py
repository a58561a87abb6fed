"""Every failure is told as problem+json or as a page, and nothing internal leaks."""

import logging
from typing import Any

import httpx
import pytest

from gateway.edge.problems import STATUS, TITLES, problem_of
from gateway.kernel import errors

pytestmark = pytest.mark.anyio

JSON = {"accept": "application/json"}


async def test_unknown_error_tells_nothing(client: httpx.AsyncClient):
    """An unexpected exception is `internal`, with neither its text nor a trace."""
    answer = await client.get("/fail/boom", headers=JSON)

    assert answer.status_code == 500
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json()["type"] == "urn:lenspact:problem:internal"
    assert "hunter2" not in answer.text
    assert "Traceback" not in answer.text


async def test_known_error_says_its_sentence(client: httpx.AsyncClient):
    """An error of ours carries kind, status, sentence and the request's id."""
    answer = await client.get("/fail/conflict", headers=JSON)

    assert answer.status_code == 409
    assert answer.json()["detail"] == "Somebody else changed it."
    assert answer.json()["instance"] == "urn:lenspact:request:" + answer.headers["x-request-id"]


async def test_limited_says_when_to_come_back(client: httpx.AsyncClient):
    """A refused rate carries Retry-After."""
    answer = await client.get("/fail/limited", headers=JSON)

    assert (answer.status_code, answer.headers["retry-after"]) == (429, "7")


@pytest.mark.parametrize(("path", "status"), [("/nowhere", 404), ("/fail/x?n=abc", 400), ("/api/v1/nowhere", 404)])
async def test_framework_errors_are_problems_too(client: httpx.AsyncClient, path: str, status: int):
    """Unknown paths and bad parameters get the same shape."""
    answer = await client.get(path, headers=JSON)

    assert answer.status_code == status
    assert answer.headers["content-type"] == "application/problem+json"
    assert set(answer.json()) >= {"type", "title", "status", "detail", "instance"}


async def test_wrong_method_is_told(client: httpx.AsyncClient):
    """A method the path does not have is 405, as problem+json."""
    answer = await client.delete("/secret", headers=JSON)

    assert (answer.status_code, answer.json()["type"]) == (405, "urn:lenspact:problem:method_not_allowed")


async def test_browser_gets_a_page(client: httpx.AsyncClient):
    """A person reads a page; the API answers JSON whatever it is asked for."""
    page = await client.get("/nowhere")
    api = await client.get("/api/v1/nowhere")

    assert page.headers["content-type"].startswith("text/html")
    assert "<h1>There is nothing here</h1>" in page.text
    assert "/css/app.css" in page.text, "the design system, not the bare page"
    assert api.headers["content-type"] == "application/problem+json"


async def test_browser_without_session_is_sent_to_sign_in(client: httpx.AsyncClient):
    """A page that needs somebody leads to the sign-in page and back; the API says 401."""
    page = await client.get("/secret")
    api = await client.get("/secret", headers=JSON)

    assert (page.status_code, page.headers["location"]) == (303, "/sign-in?next=/secret")
    assert api.status_code == 401


async def test_deadline_is_told(client: httpx.AsyncClient):
    """A handler that outlives its deadline is answered 504."""
    assert (await client.get("/slow", headers=JSON)).status_code == 504


def test_every_kind_has_a_status_and_a_title():
    """The closed list of kinds is mapped completely."""
    kinds = {
        each.kind for each in vars(errors).values() if isinstance(each, type) and issubclass(each, errors.LenspactError)
    }

    assert kinds <= set(STATUS)
    assert set(STATUS) == set(TITLES)


def test_internal_kind_never_shows_its_sentence():
    """A bare LenspactError is internal, so its text stays inside."""
    assert "secret" not in problem_of(errors.LenspactError("secret")).sentence


@pytest.mark.parametrize("path", ["/form", "/ticketed-body"])
async def test_a_page_that_leaves_while_it_reports_is_no_failure(app: Any, caplog: pytest.LogCaptureFixture, path: str):
    """Its request breaks off in the middle of the body: one line for whoever looks for it, no trace, no 5xx."""
    headers = [(b"content-type", b"application/x-www-form-urlencoded"), (b"content-length", b"100")]
    scope = {
        "type": "http",
        "asgi": {"version": "3.0"},
        "http_version": "1.1",
        "method": "POST",
        "scheme": "http",
        "path": path,
        "raw_path": path.encode(),
        "query_string": b"",
        "root_path": "",
        "state": {},
        "headers": [(b"host", b"localhost:8080"), *headers],
        "client": ("127.0.0.1", 9),
        "server": ("localhost", 80),
    }
    arrives = iter([{"type": "http.request", "body": b"csrf=", "more_body": True}, {"type": "http.disconnect"}])
    sent: list[Any] = []

    async def receive() -> Any:
        return next(arrives)

    async def send(message: Any) -> None:
        sent.append(message)

    with caplog.at_level(logging.DEBUG, logger="lenspact"):
        await app(scope, receive, send)

    assert [message["status"] for message in sent if "status" in message] == [400]
    said = [record for record in caplog.records if record.name == "lenspact.problems"]
    assert [(record.levelname, record.exc_info) for record in said] == [("DEBUG", None)]
