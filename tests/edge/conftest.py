"""A small application behind the real edge, with one route of each sort."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Annotated, Any

import anyio
import httpx
import pytest
from litestar import Request, Response, get, post
from litestar.enums import RequestEncodingType
from litestar.params import Body, PathParameter, QueryParameter

from gateway.app.settings import Settings
from gateway.edge.inputs import Line, StrictInput
from gateway.edge.requires import PUBLIC, requires
from gateway.kernel.database import Database
from gateway.kernel.errors import ConflictError, LimitedError
from tests.fakes.authenticator import FakeAuthenticator
from tests.support.application import app_of, browser, services_for, settings_for


class Thing(StrictInput):
    name: Line
    count: int = 0
    ratio: float = 0.0
    is_on: bool = False
    tags: list[str] = []  # noqa: RUF012  (msgspec copies it)


@get("/", opt=requires(PUBLIC), media_type="text/html")
async def start(request: Request[Any, Any, Any]) -> str:
    """A page without a form."""
    return "<h1>start</h1>"


@get("/form", opt=requires(PUBLIC), media_type="text/html")
async def form(request: Request[Any, Any, Any]) -> str:
    """A page with a form."""
    return request.scope["state"]["csrf"].value


@post("/form", opt=requires(PUBLIC))
async def send_form(data: Annotated[Thing, Body(media_type=RequestEncodingType.URL_ENCODED)]) -> dict[str, Any]:
    """What the form says."""
    return {"name": data.name, "count": data.count, "is_on": data.is_on, "tags": data.tags}


@post("/api/v1/things", opt=requires("admin.edit"))
async def make_thing(data: Annotated[Thing, Body()]) -> dict[str, Any]:
    """What the JSON says."""
    return {"name": data.name, "count": data.count}


@get("/secret", opt=requires("admin.read"))
async def secret() -> str:
    """For admins."""
    return "seen"


@get("/fail/{how:str}", opt=requires(PUBLIC))
async def fail(how: Annotated[str, PathParameter()], n: Annotated[int, QueryParameter()] = 0) -> None:
    """Fails in the way asked for."""
    if how == "limited":
        raise LimitedError("Too often.", retry_after_s=7)
    if how == "conflict":
        raise ConflictError("Somebody else changed it.")
    raise ZeroDivisionError("hunter2 is the password")


@get("/slow", opt=requires(PUBLIC, deadline_s=0.05))
async def slow() -> None:
    """Never answers."""
    await anyio.sleep_forever()


@post("/ticketed", opt=requires(PUBLIC, reads_cookies=False))
async def ticketed(request: Request[Any, Any, Any]) -> dict[str, Any]:
    """Takes no notice of cookies."""
    return {"kind": str(request.user.kind)}


@post("/ticketed-body", opt=requires(PUBLIC, reads_cookies=False))
async def ticketed_body(request: Request[Any, Any, Any]) -> dict[str, Any]:
    """Reads its body itself."""
    return {"bytes": len(await request.body())}


@get("/own-headers", opt=requires(PUBLIC))
async def own_headers() -> Response[str]:
    """Sets its own caching."""
    return Response("x", headers={"cache-control": "public, max-age=60"})


ROUTES = [start, form, send_form, make_thing, secret, fail, slow, ticketed, ticketed_body, own_headers]


@pytest.fixture
def authenticator() -> FakeAuthenticator:
    return FakeAuthenticator()


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return settings_for(tmp_path / "state")


@pytest.fixture
async def app(
    settings: Settings, sqlite_database: Database, clock: Any, ids: Any, authenticator: FakeAuthenticator
) -> AsyncIterator[Any]:
    services = services_for(settings, sqlite_database, clock=clock, ids=ids, authenticator=authenticator)
    yield app_of(services, settings, ROUTES)
    await services.close()


@pytest.fixture
async def client(app: Any) -> AsyncIterator[httpx.AsyncClient]:
    async with browser(app) as client:
        yield client
