"""Each request gets an id and a deadline, and its body a limit.

The id is ours (`req_…`), told in `X-Request-Id`, and the only thing that audit and operations log share. A caller who
names the request hears their own name there instead, as AuthZEN demands; ours stands in a problem. The deadline is
the route's own (`requires(deadline_s=…)`); what runs out is cancelled and answered 504 unless it already started.
"""

import re
from typing import Final

import anyio
from litestar.datastructures import MutableScopeHeaders
from litestar.enums import ScopeType
from litestar.middleware import ASGIMiddleware
from litestar.types import ASGIApp, Message, Receive, Scope, Send

from gateway.edge.requires import needs_of
from gateway.kernel.errors import DeadlineError
from partner_agent.wire.ids import IdSource

BODY_BYTES: Final = 64 * 1024  # of a request; a route that takes more says so with `request_max_body_size`
_OWN_NAME: Final = re.compile(rb"[!-~]{1,128}")  # visible ASCII; anything else is nobody's identifier


class RequestId:
    """Outermost but for the access line: names the request before anything can fail."""

    def __init__(self, app: ASGIApp, *, ids: IdSource) -> None:
        self._app = app
        self._ids = ids

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Name it, and tell the name."""
        request_id = self._ids.new("req")
        scope.setdefault("state", {})["request_id"] = request_id
        told = _own_name(scope) or request_id

        async def send_named(message: Message) -> None:
            if message["type"] == "http.response.start":
                message.setdefault("headers", [])
                MutableScopeHeaders.from_message(message)["x-request-id"] = told
            await send(message)

        await self._app(scope, receive, send_named)


def _own_name(scope: Scope) -> str:
    """The caller's `X-Request-ID` (AuthZEN Authorization API 1.0, "Request Identification")."""
    sent = [value for name, value in scope.get("headers", ()) if name == b"x-request-id"]
    return sent[0].decode() if len(sent) == 1 and _OWN_NAME.fullmatch(sent[0]) else ""


class DeadlineMiddleware(ASGIMiddleware):
    """Cancels a handler that outlives its route's deadline."""

    scopes = (ScopeType.HTTP,)

    async def handle(self, scope: Scope, receive: Receive, send: Send, next_app: ASGIApp) -> None:
        """Run under the deadline."""
        deadline_s = needs_of(scope["route_handler"].opt).deadline_s
        if deadline_s is None:
            await next_app(scope, receive, send)
            return
        with anyio.move_on_after(deadline_s) as limit:
            await next_app(scope, receive, send)
        if limit.cancelled_caught:
            raise DeadlineError("This took too long and was stopped. Try again.")
