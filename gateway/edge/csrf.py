"""No other site may act for a signed-in person, nor sign one in.

Three checks on every unsafe request of a route that reads cookies, all of which must pass:
1. `Sec-Fetch-Site`, where the browser sends it, says same-origin;
2. `Origin`, where sent, is ours (and always for WebSockets);
3. a token bound to the session (or, before sign-in, to a visit cookie) is in the form field `csrf` or in
   `X-CSRF-Token`. It is an HMAC, so nothing is stored, and a planted cookie and token pair does not match a session.
"""

import hashlib
import hmac
from base64 import urlsafe_b64encode
from typing import Final
from urllib.parse import parse_qs

from litestar import Request
from litestar.datastructures import Cookie, MutableScopeHeaders
from litestar.enums import ScopeType
from litestar.middleware import ASGIMiddleware
from litestar.types import ASGIApp, Message, Receive, Scope, Send

from gateway.edge.origin import PublicOrigin
from gateway.edge.problems import AnyRequest
from gateway.edge.requires import needs_of
from gateway.kernel.errors import DeniedError
from gateway.kernel.principal import ANONYMOUS, Principal
from partner_agent.wire.ids import IdSource

FIELD: Final = "csrf"
HEADER: Final = "x-csrf-token"
VISIT_COOKIE: Final = "lenspact-visit"
VISIT_BYTES: Final = 32
VISIT_LIFE_S: Final = 4 * 3600
_SAFE: Final = frozenset({"GET", "HEAD", "OPTIONS", "TRACE"})
_FORM: Final = "application/x-www-form-urlencoded"


class FormToken:
    """This request's token; asking for it before sign-in starts a visit, so pages without forms set no cookie."""

    def __init__(self, *, key: bytes, session_ref: str, visit: str, ids: IdSource) -> None:
        self._key = key
        self._session_ref = session_ref
        self._visit = visit
        self._ids = ids
        self.new_visit = ""

    @property
    def value(self) -> str:
        """For the hidden field `csrf`."""
        if not self._session_ref and not self._visit:
            self._visit = self.new_visit = _encode(self._ids.secret(VISIT_BYTES))
        return self._expected()

    def __str__(self) -> str:
        """The value, so that a template that shows the token starts the visit."""
        return self.value

    def matches(self, given: str) -> bool:
        """Whether `given` is the token of this session or visit."""
        if not given or not (self._session_ref or self._visit):
            return False
        return hmac.compare_digest(given.encode(), self._expected().encode())

    def _expected(self) -> str:
        binding = f"session:{self._session_ref}" if self._session_ref else f"visit:{self._visit}"
        return _encode(hmac.digest(self._key, b"csrf\x00" + binding.encode(), hashlib.sha256))


def _encode(data: bytes) -> str:
    return urlsafe_b64encode(data).rstrip(b"=").decode()


class CsrfMiddleware(ASGIMiddleware):
    """Runs after authentication. Leaves a `FormToken` in `scope["state"]["csrf"]` for pages."""

    scopes = (ScopeType.HTTP, ScopeType.WEBSOCKET)

    def __init__(self, *, key: bytes, origin: PublicOrigin, ids: IdSource) -> None:
        self._key = key
        self._origin = origin
        self._ids = ids
        self._visit_cookie = origin.cookie_name(VISIT_COOKIE)

    async def handle(self, scope: Scope, receive: Receive, send: Send, next_app: ASGIApp) -> None:
        """Check, then pass on."""
        request: AnyRequest = Request(scope, receive)  # of a WebSocket only headers are read
        principal: Principal = scope.get("user", ANONYMOUS)
        token = FormToken(
            key=self._key,
            session_ref=principal.session_ref,
            visit=request.cookies.get(self._visit_cookie, ""),
            ids=self._ids,
        )
        scope.setdefault("state", {})["csrf"] = token
        if needs_of(scope["route_handler"].opt).reads_cookies:
            await self._check(request, token, is_socket=scope["type"] == ScopeType.WEBSOCKET)

        async def send_with_visit(message: Message) -> None:
            if message["type"] == "http.response.start" and token.new_visit:
                MutableScopeHeaders.from_message(message).add("set-cookie", self._cookie(token.new_visit))
            await send(message)

        await next_app(scope, receive, send_with_visit)

    async def _check(self, request: AnyRequest, token: FormToken, *, is_socket: bool) -> None:
        if not is_socket and request.scope["method"] in _SAFE:
            return
        refusal = DeniedError("This did not come from a page of ours. Open the page again and try once more.")
        site = request.headers.get("sec-fetch-site")
        if site is not None and site != "same-origin":  # check 1
            raise refusal
        origin = request.headers.get("origin")
        if (origin is not None or is_socket) and origin != self._origin.text:  # check 2
            raise refusal
        if not is_socket and not token.matches(await _given(request)):  # check 3
            raise refusal

    def _cookie(self, visit: str) -> str:
        cookie = Cookie(
            key=self._visit_cookie,
            value=visit,
            path="/",
            max_age=VISIT_LIFE_S,
            secure=self._origin.is_https,
            httponly=True,
            samesite="lax",
        )
        return cookie.to_header(header="")


async def _given(request: AnyRequest) -> str:
    header = request.headers.get(HEADER)
    if header is not None:
        return header
    if request.headers.get("content-type", "").split(";")[0].strip().lower() != _FORM:
        return ""
    fields = parse_qs((await request.body()).decode("utf-8", "replace"), max_num_fields=1000)
    values = fields.get(FIELD, [])
    return values[0] if len(values) == 1 else ""
