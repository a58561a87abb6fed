"""The web application: routes of every capability behind one edge, and the work that runs beside them."""

import sys
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import fields
from typing import Any

import anyio
from litestar import Litestar, Request, Response, Router
from litestar.config.app import AppConfig
from litestar.di import Provide
from litestar.openapi import OpenAPIConfig
from litestar.openapi.plugins import JsonRenderPlugin
from litestar.types import ASGIApp, ControllerRouterHandler

from gateway.app.services import Services
from gateway.app.settings import Settings
from gateway.audit.routes import audit_routes
from gateway.cameras.pages import PAGES as CAMERA_PAGES
from gateway.desks.admin import admin_routes
from gateway.desks.console import PAGES as CONSOLE_PAGES
from gateway.desks.front import front
from gateway.desks.oversight_desk import PAGES as OVERSIGHT_PAGES
from gateway.desks.portal import DELEGATE_PAGES, PASSKEY_PAGES
from gateway.desks.portal import PAGES as PORTAL_PAGES
from gateway.desks.reports import PAGES as REPORT_PAGES
from gateway.desks.watching import PAGES as WATCHING_PAGES
from gateway.edge.auth import AuthenticationMiddleware, enforce
from gateway.edge.csrf import CsrfMiddleware
from gateway.edge.deadlines import BODY_BYTES, DeadlineMiddleware, RequestId
from gateway.edge.headers import HostGate, SecurityHeaders
from gateway.edge.health import health_routes
from gateway.edge.inputs import StrictInputPlugin
from gateway.edge.language import Speaking, language_routes
from gateway.edge.observe import Observe
from gateway.edge.problems import AnyRequest, Problem, ProblemHandler, problem_of_kind
from gateway.edge.requires import PUBLIC, requires, undeclared
from gateway.evidence.routes import evidence_routes
from gateway.identity import sign_in_routes
from gateway.incidents.routes import incident_routes
from gateway.kernel.background import Background, supervise
from gateway.kernel.principal import Principal
from gateway.live import LIVE_ROUTES
from gateway.partners.pages import PAGES as PARTNER_PAGES
from gateway.sharing.access_routes import access_routes
from gateway.sharing.pages import PAGES as SHARING_PAGES
from gateway.sharing.routes import sharing_routes
from gateway.sharing.trial_pages import TRIAL_PAGES
from gateway.sites.connection_pages import CONNECTION_PAGES
from gateway.sites.pages import PAGES as SITE_PAGES
from gateway.sites.routes import agent_routes
from gateway.web import (
    MAPS,
    Assets,
    _,
    load_languages,
    open_sets,
    page,
    static_routes,
    style_routes,
    template_config,
    tile_routes,
)

# One line per capability; health comes by itself.
ROUTES: tuple[ControllerRouterHandler, ...] = (
    style_routes(opt=requires(PUBLIC)),
    front,
    sign_in_routes(),
    admin_routes(),
    *audit_routes(),
    *evidence_routes(),
    *PARTNER_PAGES,
    *CAMERA_PAGES,
    *SHARING_PAGES,
    *TRIAL_PAGES,
    *access_routes(),
    sharing_routes(),
    *PORTAL_PAGES,
    *PASSKEY_PAGES,
    *DELEGATE_PAGES,
    incident_routes(),
    *CONSOLE_PAGES,
    *OVERSIGHT_PAGES,
    *REPORT_PAGES,
    *WATCHING_PAGES,
    *SITE_PAGES,
    *CONNECTION_PAGES,
    agent_routes(),
    *LIVE_ROUTES,
)


class UndeclaredRouteError(RuntimeError):
    """A route says not what it needs; a programming error that must not start."""


def create_app(
    services: Services,
    settings: Settings,
    *,
    routes: Sequence[ControllerRouterHandler] = ROUTES,
    write_access_line: Callable[[bytes], None] | None = None,
    role: str = "all",
) -> Litestar:
    """The whole application, ready for a server; background work starts with its lifespan.

    Raises:
        UndeclaredRouteError: a route has no `opt=requires(…)`.
    """
    origin = settings.origin
    assets, languages = Assets.load(), load_languages()
    app = Litestar.from_config(
        AppConfig(
            route_handlers=[
                *routes,
                static_routes(assets, opt=requires(PUBLIC, reads_cookies=False)),
                tile_routes(open_sets(MAPS), opt=requires(PUBLIC, reads_cookies=False)),
                language_routes(languages, origin=origin),
                *health_routes(services.probes),
            ],
            guards=[enforce],
            dependencies=_dependencies(services, settings),
            exception_handlers=ProblemHandler(page=_error_page).handlers(),
            middleware=[
                DeadlineMiddleware(),
                AuthenticationMiddleware(authenticator=services.authenticator, origin=origin),
                CsrfMiddleware(key=services.secret.key("csrf"), origin=origin, ids=services.ids),
            ],
            plugins=[StrictInputPlugin()],
            template_config=template_config(assets),
            lifespan=[_lifespan(services, [work for work in services.background if work.runs_as(role)])],
            request_max_body_size=BODY_BYTES,
            openapi_config=_openapi(),
            logging_config=None,
        )
    )
    if missing := undeclared(app):
        raise UndeclaredRouteError("declare opt=requires(…) on: " + ", ".join(missing))
    app.asgi_handler = _outside(
        Speaking(app.asgi_handler, languages=languages, origin=origin),
        services,
        settings,
        write_access_line or _to_standard_output,
    )
    return app


def _outside(inner: ASGIApp, services: Services, settings: Settings, write: Callable[[bytes], None]) -> ASGIApp:
    """What every answer passes, also those of unknown paths and refused hosts."""
    app: ASGIApp = HostGate(inner, origin=settings.origin)
    app = SecurityHeaders(app, origin=settings.origin)
    app = RequestId(app, ids=services.ids)
    return Observe(app, metrics=services.metrics, clock=services.clock, write=write)


def _dependencies(services: Services, settings: Settings) -> dict[str, Provide | Callable[..., Any]]:
    def provide_principal(request: Request[Principal, Any, Any]) -> Principal:
        return request.user

    provided: dict[str, Provide | Callable[..., Any]] = {
        field.name: _constant(getattr(services, field.name)) for field in fields(services)
    }
    return provided | {"settings": _constant(settings), "principal": Provide(provide_principal, sync_to_thread=False)}


def _constant(value: object) -> Provide:
    return Provide(lambda: value, sync_to_thread=False)


def _lifespan(services: Services, background: Sequence[Background]) -> Callable[[Litestar], Any]:
    @asynccontextmanager
    async def lifespan(app: Litestar) -> AsyncIterator[None]:
        del app
        try:
            async with anyio.create_task_group() as group:
                for work in background:
                    group.start_soon(lambda each=work: supervise(each, clock=services.clock), name=work.name)  # type: ignore[misc]
                yield
                group.cancel_scope.cancel()
        finally:
            with anyio.CancelScope(shield=True):
                await services.close()

    return lifespan


def _error_page(request: AnyRequest, problem: Problem) -> str:
    shown = page("web/problem.html", request, title=_(problem.title), problem=problem)
    engine = request.app.template_engine
    assert engine is not None
    return str(engine.get_template("web/problem.html").render(**shown.context))


def _openapi() -> OpenAPIConfig:
    router = Router(
        "/api",
        route_handlers=[],
        opt=requires(PUBLIC, reads_cookies=False),
        include_in_schema=False,
        after_request=_as_problem,
    )
    return OpenAPIConfig(
        title="Lenspact gateway",
        version="1",
        openapi_router=router,
        render_plugins=[JsonRenderPlugin(path="/openapi.json")],
    )


def _as_problem(response: Response[Any]) -> Response[Any]:
    """The framework answers unknown paths beside the schema with a page of its own."""
    if response.status_code != 404:
        return response
    return Response(problem_of_kind("not_found").encode(), status_code=404, media_type="application/problem+json")


def _to_standard_output(line: bytes) -> None:
    sys.stdout.buffer.write(line + b"\n")
    sys.stdout.buffer.flush()
