"""The security headers of every response, errors and refused hosts included, and who may be asked at all.

Two plain ASGI wrappers around the whole application, so that nothing escapes them: `SecurityHeaders`, and
`HostGate`, which answers only to the public name (architecture, "One machine").
"""

from typing import Final

from litestar.enums import ScopeType
from litestar.types import ASGIApp, Message, Receive, Scope, Send

from gateway.edge.origin import PublicOrigin
from gateway.edge.problems import problem_of_kind

CONTENT_SECURITY_POLICY: Final = (
    "default-src 'none'; script-src 'self'; style-src 'self'; worker-src 'self'; img-src 'self' data: blob:; "
    "media-src 'self' blob:; connect-src 'self'; font-src 'self'; manifest-src 'self'; form-action 'self'; "
    "base-uri 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'"
)
HSTS: Final = "max-age=63072000; includeSubDomains"
FIXED: Final = {
    "content-security-policy": CONTENT_SECURITY_POLICY,
    "x-content-type-options": "nosniff",
    # Not `no-referrer`: under it browsers send `Origin: null` with our own forms (Fetch, "append a request Origin
    # header"), and the cross-site check would have to accept it. `same-origin` tells other sites just as little.
    "referrer-policy": "same-origin",
    "permissions-policy": "camera=(), microphone=(), geolocation=(), payment=(), usb=()",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "cache-control": "no-store",  # static files and log tiles say otherwise themselves
}
# What machines on this host ask, by whatever name reaches them.
UNNAMED_PATHS: Final = frozenset({"/healthz", "/readyz"})


class SecurityHeaders:
    """Adds what is missing of the header set to each response; a handler may have set its own value."""

    def __init__(self, app: ASGIApp, *, origin: PublicOrigin) -> None:
        self._app = app
        pairs = FIXED | ({"strict-transport-security": HSTS} if origin.is_https else {})
        self._pairs = [(name.encode(), value.encode()) for name, value in pairs.items()]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass on, with headers."""

        async def send_with_headers(message: Message) -> None:
            if message["type"] in {"http.response.start", "websocket.http.response.start"}:
                headers = [pair for pair in message.get("headers", ()) if pair[0].lower() != b"server"]
                present = {name.lower() for name, _ in headers}
                message["headers"] = headers + [pair for pair in self._pairs if pair[0] not in present]
            await send(message)

        await self._app(scope, receive, send_with_headers)


class HostGate:
    """Refuses requests that name another host, and sends 127.0.0.1 to localhost."""

    def __init__(self, app: ASGIApp, *, origin: PublicOrigin) -> None:
        self._app = app
        self._origin = origin

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass on, redirect, or answer 400."""
        if scope["type"] not in {ScopeType.HTTP, ScopeType.WEBSOCKET} or scope["path"] in UNNAMED_PATHS:
            await self._app(scope, receive, send)
            return
        hosts = [value for name, value in scope["headers"] if name == b"host"]
        host = hosts[0].decode("latin-1") if len(hosts) == 1 else ""
        if "\x00" in scope["path"] or b"%00" in scope["query_string"]:
            await _refuse(scope, send, "The address holds a character that no address may hold.")
        elif self._origin.accepts_host(host):
            await self._app(scope, receive, send)
        elif _is_read(scope) and self._origin.is_other_loopback(host):
            query = b"?" + scope["query_string"] if scope["query_string"] else b""
            location = self._origin.text.encode() + _raw_path(scope) + query
            await _answer(send, 307, [(b"location", location)], b"")
        else:
            await _refuse(scope, send, f"This gateway answers only as {self._origin.authority}.")


def _is_read(scope: Scope) -> bool:
    return scope["type"] == ScopeType.HTTP and scope["method"] in {"GET", "HEAD"}


def _raw_path(scope: Scope) -> bytes:
    raw = scope.get("raw_path") or b"/"
    return b"/" + bytes(raw).split(b"?", 1)[0].lstrip(b"/")


async def _refuse(scope: Scope, send: Send, sentence: str) -> None:
    if scope["type"] == ScopeType.WEBSOCKET:
        await send({"type": "websocket.close", "code": 4400, "reason": ""})
        return
    problem = problem_of_kind("invalid", sentence)
    await _answer(send, problem.status, [(b"content-type", b"application/problem+json")], problem.encode())


async def _answer(send: Send, status: int, headers: list[tuple[bytes, bytes]], body: bytes) -> None:
    headers = [*headers, (b"content-length", str(len(body)).encode())]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body, "more_body": False})
