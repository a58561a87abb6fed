"""The routes of live views over a plane, without a server: who asks is said, nobody signs in."""

from collections.abc import Callable

from litestar import Litestar
from litestar.di import Provide

from gateway.edge.inputs import StrictInputPlugin
from gateway.edge.origin import PublicOrigin
from gateway.edge.problems import ProblemHandler
from gateway.kernel.principal import Principal
from gateway.live import LIVE_ROUTES
from gateway.live.calls import Calls
from tests.support.live import GATEWAY, Plane, limiter_of


def live_app(
    plane: Plane, principal: Callable[[], Principal], *, calls: Callable[[], Calls | None] = lambda: None
) -> Litestar:
    """Every route of live views, answered for `principal`; without `calls` nobody can call the relay."""
    return Litestar(
        [*LIVE_ROUTES],
        dependencies={
            "live": Provide(lambda: plane.sessions.live, sync_to_thread=False),
            "showings": Provide(lambda: plane.sessions.showings, sync_to_thread=False),
            "stills": Provide(lambda: plane.sessions.stills, sync_to_thread=False),
            "view_asks": Provide(lambda: plane.sessions.asks, sync_to_thread=False),
            "phones": Provide(lambda: plane.sessions.phones, sync_to_thread=False),
            "origin": Provide(lambda: PublicOrigin.parse(GATEWAY), sync_to_thread=False),
            "rate_limiter": Provide(lambda: limiter_of(plane), sync_to_thread=False),
            "live_calls": Provide(calls, sync_to_thread=False),
            "principal": Provide(principal, sync_to_thread=False),
        },
        plugins=[StrictInputPlugin()],
        exception_handlers=ProblemHandler().handlers(),
        openapi_config=None,
    )
