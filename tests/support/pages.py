"""A small application for page tests: our files and templates, a caller of the test's choice, the real headers."""

from collections.abc import Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from litestar import Litestar, Request, Response, get
from litestar.types import ASGIApp, Message, Receive, Scope, Send

from gateway.edge.requires import PUBLIC, requires
from gateway.kernel.principal import ANONYMOUS, Principal
from gateway.web import Assets, static_routes, style_routes, template_config

OPEN = requires(PUBLIC)
AXE = Path(__file__).parents[1] / "vendor" / "axe.min.js"
# the header set of every response; `edge.headers` sends the same
CSP = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data: blob:; media-src 'self' blob:; "
    "connect-src 'self'; font-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'; "
    "require-trusted-types-for 'script'"
)


class Caller:
    """Who the next request comes from; a test changes it between requests."""

    def __init__(self, principal: Principal = ANONYMOUS) -> None:
        self.principal = principal
        self.csrf = SimpleNamespace(value="test-token")

    def middleware(self, app: ASGIApp) -> ASGIApp:
        async def run(scope: Scope, receive: Receive, send: Send) -> None:
            async def with_headers(message: Message) -> None:
                if message["type"] == "http.response.start":
                    message["headers"] = [*message["headers"], (b"content-security-policy", CSP.encode())]
                await send(message)

            scope["user"] = self.principal
            scope.setdefault("state", {})["csrf"] = self.csrf
            await app(scope, receive, with_headers)

        return run


@get("/test/axe.js", opt=OPEN, sync_to_thread=False)
def axe(request: Request[Any, Any, Any]) -> Response[bytes]:
    """The accessibility checker, for tests only."""
    return Response(AXE.read_bytes(), media_type="text/javascript")


def web_app(handlers: Sequence[Any] = (), *, caller: Caller | None = None, **options: Any) -> Litestar:
    """An application of `handlers`, the static files, the style page and axe."""
    assets = Assets.load()
    return Litestar(
        route_handlers=[static_routes(assets, opt=OPEN), style_routes(opt=OPEN), axe, *handlers],
        template_config=template_config(assets),
        middleware=[(caller or Caller()).middleware],
        openapi_config=None,
        **options,
    )
