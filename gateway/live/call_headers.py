"""The headers that every answer to a WHIP or WHEP call carries, refusals included.

Calls come from any origin: they are authenticated by the ticket in the header, and no cookie is read (RFC 9725 §4.2
asks for CORS, Fetch §3.2). A 401 says what would be taken (RFC 9110 §11.6.1).
"""

from http import HTTPStatus
from typing import Final

from litestar.enums import ScopeType
from litestar.types import ASGIApp, Message, Receive, Scope, Send

_FIXED: Final = (
    (b"access-control-allow-origin", b"*"),
    (b"access-control-expose-headers", b"accept-patch, accept-post, etag, lenspact-pulse, link, location, retry-after"),
)
_PREFLIGHT: Final = (
    (b"access-control-allow-methods", b"DELETE, GET, HEAD, OPTIONS, PATCH, POST"),
    (b"access-control-allow-headers", b"authorization, content-type, if-match"),
    (b"access-control-max-age", b"600"),
)
_CHALLENGE: Final = (b"www-authenticate", b"Bearer")


def call_headers(app: ASGIApp) -> ASGIApp:
    """A middleware of the call routes."""

    async def run(scope: Scope, receive: Receive, send: Send) -> None:
        is_preflight = scope["type"] == ScopeType.HTTP and scope["method"] == "OPTIONS"

        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                added = [*_FIXED, *(_PREFLIGHT if is_preflight else ())]
                if message["status"] == HTTPStatus.UNAUTHORIZED:
                    added.append(_CHALLENGE)
                message["headers"] = [*message["headers"], *added]
            await send(message)

        await app(scope, receive, send_with_headers)

    return run
