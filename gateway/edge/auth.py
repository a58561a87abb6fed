"""Who is asking: turns the session cookie into a `Principal` through an injected port, once per request.

The session itself belongs to `identity`, which the composition root passes in as `Authenticator`. A route that
declares `reads_cookies=False` (agents, tickets, the public log) never sees one, so nothing can ride on it.
"""

from typing import Protocol

from litestar.connection import ASGIConnection
from litestar.datastructures import Cookie
from litestar.exceptions import NotFoundException
from litestar.handlers import BaseRouteHandler
from litestar.middleware import ASGIMiddleware
from litestar.types import ASGIApp, Receive, Scope, Send

from gateway.edge.origin import PublicOrigin
from gateway.edge.requires import is_allowed, needs_of
from gateway.kernel.errors import DeniedError, UnauthenticatedError
from gateway.kernel.principal import ANONYMOUS, Principal

SESSION_COOKIE = "lenspact"


class Authenticator(Protocol):
    """Knows sessions."""

    async def authenticate(self, session_token: str) -> Principal:
        """Who holds this session; `ANONYMOUS` when it is unknown, over or revoked."""


class AuthenticationMiddleware(ASGIMiddleware):
    """Puts the caller into `scope["user"]`, where `request.user` and the `principal` dependency find it."""

    def __init__(self, *, authenticator: Authenticator, origin: PublicOrigin) -> None:
        self._authenticator = authenticator
        self._cookie = origin.cookie_name(SESSION_COOKIE)

    async def handle(self, scope: Scope, receive: Receive, send: Send, next_app: ASGIApp) -> None:
        """Authenticate, then pass on."""
        principal = ANONYMOUS
        if needs_of(scope["route_handler"].opt).reads_cookies:
            token = ASGIConnection(scope).cookies.get(self._cookie, "")
            if token:
                principal = await self._authenticator.authenticate(token)
        scope["user"] = principal
        scope["auth"] = None
        await next_app(scope, receive, send)


def enforce(connection: ASGIConnection, handler: BaseRouteHandler) -> None:  # type: ignore[type-arg]
    """The guard of every route: the declared action against the caller's roles; no declaration, no entry.

    Raises:
        UnauthenticatedError: nobody is signed in; signing in may help.
        DeniedError: signed in, with roles that do not allow it.
    """
    if connection.scope.get("method") == "OPTIONS":
        return
    action = needs_of(handler.opt).action
    if not action:
        raise NotFoundException
    principal: Principal = connection.scope.get("user", ANONYMOUS)
    if is_allowed(action, principal):
        return
    if not principal.is_signed_in:
        raise UnauthenticatedError("Sign in to go on.")
    raise DeniedError("Your role does not allow this. Ask the person who manages roles in your organisation.")


def session_cookie(token: str, *, origin: PublicOrigin, lifetime_s: int) -> Cookie:
    """The cookie that carries a session; an empty `token` deletes it."""
    return Cookie(
        key=origin.cookie_name(SESSION_COOKIE),
        value=token,
        path="/",
        max_age=lifetime_s if token else 0,
        secure=origin.is_https,
        httponly=True,
        samesite="lax",
    )
