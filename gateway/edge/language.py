"""Which language a request is answered in: what the person chose (a cookie), else what the browser wants, else English.

Choosing works signed in and signed out, without JavaScript: a link in the foot of each page leads here and back. The
choice is kept in the browser, for it is about this reader at this screen, and it is no secret.
"""

from collections.abc import Mapping
from typing import Any, Final

from litestar import Router, get
from litestar.datastructures import Cookie
from litestar.enums import ScopeType
from litestar.exceptions import NotFoundException
from litestar.params import FromPath, FromQuery
from litestar.response import Redirect
from litestar.types import ASGIApp, Message, Receive, Scope, Send

from gateway.edge.origin import PublicOrigin, safe_next
from gateway.edge.requires import PUBLIC, requires
from gateway.web import ENGLISH, Language, speaking

LANGUAGE_COOKIE: Final = "language"
KEPT_S: Final = 365 * 86_400
HEADER_CHARACTERS: Final = 500  # of Accept-Language that are read; browsers send far fewer
_SPOKEN: Final = (b"text/html", b"application/problem+json")  # answers that hold sentences


class Speaking:
    """Sets the language of everything inside, and says in the answer which it was and what it hung on."""

    def __init__(self, app: ASGIApp, *, languages: Mapping[str, Language], origin: PublicOrigin) -> None:
        self._app = app
        self._languages = languages
        self._cookie = origin.cookie_name(LANGUAGE_COOKIE)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Choose, then pass on."""
        if scope["type"] != ScopeType.HTTP:
            await self._app(scope, receive, send)
            return
        language = self._chosen(scope)

        async def send_named(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = list(message.get("headers", ()))
                kind = next((value for name, value in headers if name.lower() == b"content-type"), b"")
                if kind.startswith(_SPOKEN):
                    headers += [(b"content-language", language.tag.encode()), (b"vary", b"accept-language, cookie")]
                    message["headers"] = headers
            await send(message)

        with speaking(language):
            await self._app(scope, receive, send_named)

    def _chosen(self, scope: Scope) -> Language:
        sent = {name: value.decode("latin-1") for name, value in scope["headers"] if name in _READ}
        chosen = self._languages.get(_cookie_value(sent.get(b"cookie", ""), self._cookie))
        return chosen or asked_for(sent.get(b"accept-language", ""), self._languages)


_READ: Final = frozenset({b"cookie", b"accept-language"})


def asked_for(header: str, languages: Mapping[str, Language]) -> Language:
    """The best of `languages` for an Accept-Language header (RFC 9110, section 12.5.4); English when none fits."""
    best, weight = ENGLISH, 0.0
    for part in header[:HEADER_CHARACTERS].split(","):
        name, _, parameter = part.strip().partition(";")
        found = languages.get(name.partition("-")[0].strip().lower())
        quality = _quality(parameter)
        if found and quality > weight:
            best, weight = found, quality
    return best


def _quality(parameter: str) -> float:
    name, _, value = parameter.strip().partition("=")
    if not name:
        return 1.0
    try:
        quality = float(value) if name.strip() == "q" and len(value) <= len("0.000") else 0.0
    except ValueError:
        return 0.0
    return quality if 0 <= quality <= 1 else 0.0


def _cookie_value(header: str, name: str) -> str:
    pairs = (part.strip().partition("=") for part in header.split(";"))
    return next((value.strip('"') for key, _, value in pairs if key == name), "")


def language_routes(languages: Mapping[str, Language], *, origin: PublicOrigin) -> Router:
    """`/language/es?next=/portal` keeps the choice and goes back."""

    @get(
        "/language/{code:str}", opt=requires(PUBLIC, reads_cookies=False), sync_to_thread=False, include_in_schema=False
    )
    def choose_language(code: FromPath[str], next: FromQuery[str] = "") -> Redirect:  # noqa: A002  (the field's name)
        if code not in languages:
            raise NotFoundException
        answer = Redirect(safe_next(next), status_code=303)
        answer.set_cookie(_kept(code, origin))
        return answer

    return Router("/", route_handlers=[choose_language])


def _kept(code: str, origin: PublicOrigin) -> Cookie:
    settings: dict[str, Any] = {"secure": origin.is_https, "httponly": True, "samesite": "lax"}
    return Cookie(key=origin.cookie_name(LANGUAGE_COOKIE), value=code, path="/", max_age=KEPT_S, **settings)
