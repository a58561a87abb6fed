"""Every failure as RFC 9457 problem+json, or as a page for a person: the one place where an error kind meets HTTP.

Sentences of our own errors are shown, for they were written for the caller. Of anything else nothing is shown but
its status, and never a stack trace; the log gets the rest, under the request's id.
"""

import html
import logging
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from http import HTTPStatus
from typing import Any, Final, Protocol
from urllib.parse import quote

import msgspec
from litestar import Request, Response
from litestar.exceptions import HTTPException, InternalServerException, ValidationException
from litestar.types import ExceptionHandlersMap

from gateway.kernel.errors import LenspactError, LimitedError
from gateway.web import _, spoken

log = logging.getLogger("lenspact.problems")

AnyRequest = Request[Any, Any, Any]

STATUS: Final[dict[str, int]] = {
    "invalid": 400,
    "unauthenticated": 401,
    "denied": 403,
    "not_found": 404,
    "method_not_allowed": 405,
    "conflict": 409,
    "precondition": 409,
    "gone": 410,
    "version": 412,
    "outdated": 412,
    "too_large": 413,
    "unsupported_media": 415,
    "range": 416,
    "unsupported": 422,
    "unconditional": 428,
    "limited": 429,
    "checksum": 460,  # tus 1.0, checksum extension
    "internal": 500,
    "unavailable": 503,
    "timeout": 504,
    "no_space": 507,
}
TITLES: Final[dict[str, str]] = {
    "invalid": "This cannot be used as it is",
    "unauthenticated": "Sign in first",
    "denied": "You may not do this",
    "not_found": "There is nothing here",
    "method_not_allowed": "That cannot be done here",
    "conflict": "Somebody was faster",
    "precondition": "A step is missing",
    "gone": "This is over",
    "version": "Another version of the protocol",
    "outdated": "It has changed meanwhile",
    "too_large": "That is too large",
    "unsupported_media": "That kind of content is not taken here",
    "range": "That part does not exist",
    "unsupported": "That cannot be changed here",
    "unconditional": "Say which one you mean",
    "limited": "Too often",
    "checksum": "These are not the bytes that were meant",
    "internal": "Something went wrong on our side",
    "unavailable": "Not available just now",
    "timeout": "That took too long",
    "no_space": "There is no room for this now",
}
_KIND_OF_STATUS: Final = {status: kind for kind, status in reversed(STATUS.items())}
_PLAIN: Final[dict[str, str]] = {
    "invalid": "Check what you sent, then send it again.",
    "not_found": "It may have moved, or you may not be allowed to know of it.",
    "internal": "Nothing was changed. Try again; if it happens again, tell us the number below.",
    "too_large": "Send less at once.",
    "method_not_allowed": "Go back and use the page's own buttons.",
}
_LEFT: Final = "client disconnected prematurely"  # Litestar's words where the body ends before it should
_REFUSED: Final = "This value cannot be used."
TYPE_PREFIX: Final = "urn:lenspact:problem:"
RETRY_AFTER_S: Final = 5  # for `unavailable`: long enough for a restart


@dataclass(frozen=True, slots=True)
class Problem:
    """One failure, ready to be told."""

    kind: str
    sentence: str
    fields: Mapping[str, str] = field(default_factory=dict)
    retry_after_s: int | None = None
    request_id: str = ""

    @property
    def status(self) -> int:
        """The HTTP status of the kind; unknown kinds are 500."""
        return STATUS.get(self.kind, 500)

    @property
    def title(self) -> str:
        """The kind in a few words."""
        return TITLES.get(self.kind, TITLES["internal"])

    def encode(self) -> bytes:
        """The problem details object (RFC 9457, section 3)."""
        body: dict[str, object] = {
            "type": TYPE_PREFIX + self.kind,
            "title": _(self.title),
            "status": self.status,
            "detail": _(self.sentence),
        }
        if self.request_id:
            body["instance"] = f"urn:lenspact:request:{self.request_id}"
        if self.fields:
            body["errors"] = [{"field": name, "detail": _(sentence)} for name, sentence in self.fields.items()]
        return msgspec.json.encode(body)


class ErrorPages(Protocol):
    """Renders a problem for a person."""

    def __call__(self, request: AnyRequest, problem: Problem) -> str:
        """The whole HTML page."""


def plain_page(request: AnyRequest, problem: Problem) -> str:
    """A page without the design system: for when nothing else can be rendered."""
    del request
    reference = f"<p><small>{html.escape(problem.request_id)}</small></p>" if problem.request_id else ""
    title = html.escape(_(problem.title))
    return (
        f'<!doctype html><html lang="{spoken().tag}"><head><meta charset="utf-8"><title>{title} · Lenspact</title>'
        f'</head><body><main><h1>{title}</h1><p>{html.escape(_(problem.sentence))}</p>{reference}<p><a href="/">'
        f"{html.escape(_('Back to the start'))}</a></p></main></body></html>"
    )


def problem_of_kind(kind: str, sentence: str = "") -> Problem:
    """A problem of a known kind with its own or the usual sentence."""
    return Problem(kind, sentence or _PLAIN.get(kind, TITLES.get(kind, TITLES["internal"]) + "."))


def problem_of(error: Exception) -> Problem:
    """What may be told about `error`."""
    match error:
        case LimitedError():
            return Problem(error.kind, error.sentence, error.fields, retry_after_s=error.retry_after_s)
        case LenspactError() if error.kind in STATUS and error.kind != "internal":
            wait = RETRY_AFTER_S if error.kind == "unavailable" else None
            return Problem(error.kind, error.sentence, error.fields, retry_after_s=wait)
        case ValidationException():
            return Problem("invalid", _PLAIN["invalid"], _fields_of(error))
        case InternalServerException() if has_left(error):
            return problem_of_kind("invalid")  # nobody reads it; it is no failure of ours
        case HTTPException() if error.status_code < HTTPStatus.INTERNAL_SERVER_ERROR:
            return problem_of_kind(_KIND_OF_STATUS.get(error.status_code, "invalid"))
        case HTTPException() if error.status_code == HTTPStatus.SERVICE_UNAVAILABLE:
            return problem_of_kind("unavailable")
        case RecursionError() if "deserializing" in str(error):  # msgspec's word for a body nested too deeply
            return problem_of_kind("invalid")
        case _:
            return problem_of_kind("internal")


def has_left(error: Exception) -> bool:
    """Whether its sender went away in the middle of the request: a page that was closed as it reported."""
    return isinstance(error, InternalServerException) and error.detail == _LEFT


def _fields_of(error: ValidationException) -> dict[str, str]:
    """Names of refused parameters; the framework's own wording stays out, for it may quote the input."""
    extra = error.extra if isinstance(error.extra, list) else []
    names = [item["key"] for item in extra if isinstance(item, dict) and isinstance(item.get("key"), str)]
    return dict.fromkeys(names, _REFUSED)


def refused(request: AnyRequest, problem: Problem, *, headers: Mapping[str, str] | None = None) -> Response[bytes]:
    """A problem as the answer of a handler that has headers of its own to send with it."""
    named = replace(problem, request_id=str(request.scope.get("state", {}).get("request_id", "")))
    return Response(
        named.encode(), status_code=named.status, media_type="application/problem+json", headers=dict(headers or {})
    )


def wants_page(request: AnyRequest) -> bool:
    """Whether a person's browser asked, outside the API."""
    if request.scope["path"].startswith(("/api/", "/agent/", "/whip", "/whep", "/uploads", "/log/")):
        return False
    return "text/html" in request.headers.get("accept", "")


class ProblemHandler:
    """Litestar's exception handler for everything."""

    def __init__(self, *, page: ErrorPages = plain_page) -> None:
        self._page = page

    def __call__(self, request: AnyRequest, error: Exception) -> Response[bytes]:
        """The response for `error`, whatever it is."""
        request_id = str(request.scope.get("state", {}).get("request_id", ""))
        problem = replace(problem_of(error), request_id=request_id)
        if has_left(error):
            log.debug("request %s: its sender left before it was whole", request_id)
        if problem.kind == "internal":
            log.error("request %s failed", request_id, exc_info=error)
        headers = {} if problem.retry_after_s is None else {"retry-after": str(problem.retry_after_s)}
        if not wants_page(request):
            return Response(
                problem.encode(), status_code=problem.status, media_type="application/problem+json", headers=headers
            )
        if problem.kind == "unauthenticated" and request.scope["method"] == "GET":
            path = request.scope["path"]
            headers["location"] = f"/sign-in?next={quote(path, safe='/')}"
            return Response(b"", status_code=303, media_type="text/html; charset=utf-8", headers=headers)
        body = self._render(request, problem)
        return Response(body, status_code=problem.status, media_type="text/html; charset=utf-8", headers=headers)

    def _render(self, request: AnyRequest, problem: Problem) -> bytes:
        try:
            return self._page(request, problem).encode()
        except Exception:  # an error page that fails must not hide the error
            log.exception("the error page could not be rendered")
            return plain_page(request, problem).encode()

    def handlers(self) -> ExceptionHandlersMap:
        """For `Litestar(exception_handlers=…)`: every exception there is."""
        return {LenspactError: self, HTTPException: self, ValidationException: self, Exception: self}
