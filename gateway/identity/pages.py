"""The sign-in pages, the account page, and signing out.

Every GET only shows. Whatever fails comes back on the same page with one sentence; a step that is over leads to the
start. Half-finished sign-ins live in a short cookie of their own, never in an address.
"""

from typing import Annotated, Any, Final

import segno
from litestar import Request, Response, Router, get, post
from litestar.datastructures import Cookie
from litestar.di import NamedDependency
from litestar.params import FromPath, FromQuery, PathParameter, URLEncodedBody
from litestar.response import Redirect, Template
from msgspec import Meta

from gateway.edge.auth import SESSION_COOKIE, session_cookie
from gateway.edge.inputs import StrictInput
from gateway.edge.origin import PublicOrigin, safe_next
from gateway.edge.problems import STATUS
from gateway.edge.requires import PUBLIC, requires
from gateway.identity.door import Identity
from gateway.identity.model import LINK_LIFE_MINUTES, STEP_LIFE
from gateway.identity.sign_in import Attempt, SignedIn
from gateway.kernel.errors import LenspactError
from gateway.kernel.principal import Principal
from gateway.web import _, after, page

AnyRequest = Request[Any, Any, Any]
STEP_COOKIE: Final = "lenspact-step"
SESSION_COOKIE_LIFE_S: Final = 24 * 3600  # the longest absolute limit; the server decides, this only tidies up

Text = Annotated[str, Meta(max_length=300)]
Token = Annotated[str, PathParameter(max_length=100)]


class EmailForm(StrictInput, frozen=True):
    """Where to send the link."""

    email: Text
    next: Text = ""


class PasswordForm(StrictInput, frozen=True):
    """First step of the agency."""

    email: Text
    password: Text
    next: Text = ""


class CodeForm(StrictInput, frozen=True):
    """Second step."""

    code: Text


class EnrolForm(StrictInput, frozen=True):
    """Password and code, set up."""

    password: Text
    code: Text


@get("/sign-in", opt=requires(PUBLIC), include_in_schema=False)
async def choose(request: AnyRequest, next: FromQuery[str] = "") -> Template:  # noqa: A002  (the field's name)
    """Which door."""
    return page("identity/choose.html", request, title=_("Sign in"), next=safe_next(next, default=""))


@get("/sign-in/owner", opt=requires(PUBLIC), include_in_schema=False)
async def owner(request: AnyRequest, next: FromQuery[str] = "") -> Template:  # noqa: A002
    """Ask for a link."""
    return page("identity/owner.html", request, title=_("Sign in with a link"), next=safe_next(next, default=""))


@post("/sign-in/owner", opt=requires(PUBLIC), include_in_schema=False)
async def ask_for_link(
    request: AnyRequest,
    data: URLEncodedBody[EmailForm],
    identity: NamedDependency[Identity],
    origin: NamedDependency[PublicOrigin],
) -> Template:
    """Send it; the answer is the same for every address."""
    try:
        await identity.sign_in.request_link(data.email, next_path=data.next, attempt=_attempt(request, origin))
    except LenspactError as error:
        context = {"next": safe_next(data.next, default="")}
        return _again("identity/owner.html", request, _("Sign in with a link"), error, {"email": data.email}, **context)
    return page(
        "identity/sent.html", request, title=_("Look at your mail"), email=data.email, minutes=LINK_LIFE_MINUTES
    )


@get("/sign-in/link/{token:str}", opt=requires(PUBLIC), include_in_schema=False)
async def link_page(request: AnyRequest, token: Token) -> Template:
    """A button; opening the page changes nothing, so a mail scanner cannot use the link up."""
    return page("identity/link.html", request, title=_("Sign in"), token=token)


@post("/sign-in/link/{token:str}", opt=requires(PUBLIC), include_in_schema=False)
async def use_link(
    request: AnyRequest, token: Token, identity: NamedDependency[Identity], origin: NamedDependency[PublicOrigin]
) -> Response[Any]:
    """Sign in, once."""
    try:
        signed_in = await identity.sign_in.use_link(token, attempt=_attempt(request, origin))
    except LenspactError as error:
        return _again("identity/owner.html", request, _("Sign in with a link"), error, next="")
    return _welcome(signed_in, origin)


@get("/sign-in/agency", opt=requires(PUBLIC), include_in_schema=False)
async def agency(request: AnyRequest, next: FromQuery[str] = "") -> Template:  # noqa: A002
    """Address and password."""
    return page("identity/agency.html", request, title=_("Sign in to the agency"), next=safe_next(next, default=""))


@post("/sign-in/agency", opt=requires(PUBLIC), include_in_schema=False)
async def give_password(
    request: AnyRequest,
    data: URLEncodedBody[PasswordForm],
    identity: NamedDependency[Identity],
    origin: NamedDependency[PublicOrigin],
) -> Response[Any]:
    """The first step."""
    attempt = _attempt(request, origin)
    try:
        step = await identity.sign_in.password(data.email, data.password, next_path=data.next, attempt=attempt)
    except LenspactError as error:
        context = {"next": safe_next(data.next, default="")}
        return _again(
            "identity/agency.html", request, _("Sign in to the agency"), error, {"email": data.email}, **context
        )
    return _with_step(step, "/sign-in/agency/code", origin)


@get("/sign-in/agency/code", opt=requires(PUBLIC), include_in_schema=False)
async def code_page(request: AnyRequest) -> Template:
    """The one-time code."""
    return page("identity/code.html", request, title=_("One-time code"))


@post("/sign-in/agency/code", opt=requires(PUBLIC), include_in_schema=False)
async def give_code(
    request: AnyRequest,
    data: URLEncodedBody[CodeForm],
    identity: NamedDependency[Identity],
    origin: NamedDependency[PublicOrigin],
) -> Response[Any]:
    """The second step."""
    try:
        signed_in = await identity.sign_in.code(_step(request, origin), data.code, attempt=_attempt(request, origin))
    except LenspactError as error:
        return _again("identity/code.html", request, _("One-time code"), error)
    return _welcome(signed_in, origin)


@get("/sign-in/invitation/{token:str}", opt=requires(PUBLIC), include_in_schema=False)
async def invitation_page(request: AnyRequest, token: Token) -> Template:
    """A button, for the same reason as with links."""
    return page("identity/invitation.html", request, title=_("Set up your access"), token=token)


@post("/sign-in/invitation/{token:str}", opt=requires(PUBLIC), include_in_schema=False)
async def open_invitation(
    request: AnyRequest, token: Token, identity: NamedDependency[Identity], origin: NamedDependency[PublicOrigin]
) -> Response[Any]:
    """Begin; the invitation stays good until the end."""
    try:
        step = await identity.people.begin_enrolment(token)
    except LenspactError as error:
        return _again("identity/invitation.html", request, _("Set up your access"), error, token=token)
    return _with_step(step, "/sign-in/enrol", origin)


@get("/sign-in/enrol", opt=requires(PUBLIC), include_in_schema=False)
async def enrol_page(
    request: AnyRequest, identity: NamedDependency[Identity], origin: NamedDependency[PublicOrigin]
) -> Template:
    """Password, the seed as picture and text, and a first code."""
    return await _enrol_page(request, identity, origin)


@post("/sign-in/enrol", opt=requires(PUBLIC), include_in_schema=False)
async def enrol(
    request: AnyRequest,
    data: URLEncodedBody[EnrolForm],
    identity: NamedDependency[Identity],
    origin: NamedDependency[PublicOrigin],
) -> Response[Any]:
    """Finish, and sign in."""
    step, attempt = _step(request, origin), _attempt(request, origin)
    try:
        signed_in = await identity.people.finish_enrolment(
            step, password=data.password, code=data.code, attempt=attempt
        )
    except LenspactError as error:
        return await _enrol_page(request, identity, origin, error)
    return _welcome(signed_in, origin)


@get("/account", opt=requires("self.read"), include_in_schema=False)
async def account(
    request: AnyRequest, principal: NamedDependency[Principal], identity: NamedDependency[Identity]
) -> Template:
    """The caller's own sessions."""
    sessions = await identity.sessions.of_caller(principal)
    return page("identity/account.html", request, title=_("Your sessions"), sessions=sessions)


@post("/account/sessions/{ref:str}/end", opt=requires("self.read"), include_in_schema=False)
async def end_session(
    ref: FromPath[str], principal: NamedDependency[Principal], identity: NamedDependency[Identity]
) -> Redirect:
    """End one of the caller's sessions; ending this one signs out."""
    await identity.sessions.end(ref, by=principal)
    return after("/sign-in", "signed-out") if ref == principal.session_ref else after("/account", "session-ended")


@post("/sign-out", opt=requires("self.read"), include_in_schema=False)
async def sign_out(
    principal: NamedDependency[Principal], identity: NamedDependency[Identity], origin: NamedDependency[PublicOrigin]
) -> Redirect:
    """End this session and take its cookie back."""
    await identity.sessions.end(principal.session_ref, by=principal)
    answer = after("/sign-in", "signed-out")
    answer.set_cookie(session_cookie("", origin=origin, lifetime_s=0))
    return answer


def sign_in_routes() -> Router:
    """Every page of this module."""
    handlers = [choose, owner, ask_for_link, link_page, use_link, agency, give_password, code_page, give_code]
    handlers += [invitation_page, open_invitation, enrol_page, enrol, account, end_session, sign_out]
    return Router("/", route_handlers=handlers)


async def _enrol_page(
    request: AnyRequest, identity: Identity, origin: PublicOrigin, error: LenspactError | None = None
) -> Template:
    shown = await identity.people.enrolment(_step(request, origin))
    picture = segno.make(shown.uri, error="m").svg_inline(scale=5, border=4, light="#fff")
    context: dict[str, Any] = {"enrolment": shown, "picture": picture}
    if error is None:
        return page("identity/enrol.html", request, title=_("Set up your access"), **context)
    return _again("identity/enrol.html", request, _("Set up your access"), error, **context)


def _again(
    template: str,
    request: AnyRequest,
    title: str,
    error: LenspactError,
    values: dict[str, object] | None = None,
    **context: Any,
) -> Template:
    """The same page with what went wrong; what was typed is kept, but never a password or a code."""
    fields = error.fields or {"form": error.sentence}
    status = STATUS[error.kind]
    answer = page(template, request, title=title, status_code=status, values=values, errors=fields, **context)
    if retry_after_s := getattr(error, "retry_after_s", None):
        answer.headers["retry-after"] = str(retry_after_s)
    return answer


def _attempt(request: AnyRequest, origin: PublicOrigin) -> Attempt:
    address = request.client.host if request.client else ""
    return Attempt(address, request.cookies.get(origin.cookie_name(SESSION_COOKIE), ""))


def _step(request: AnyRequest, origin: PublicOrigin) -> str:
    return str(request.cookies.get(origin.cookie_name(STEP_COOKIE), ""))


def _with_step(token: str, href: str, origin: PublicOrigin) -> Redirect:
    answer = after(href)
    answer.set_cookie(_step_cookie(token, origin, int(STEP_LIFE.total_seconds())))
    return answer


def _welcome(signed_in: SignedIn, origin: PublicOrigin) -> Redirect:
    answer = after(safe_next(signed_in.next_path))
    answer.set_cookie(session_cookie(signed_in.token, origin=origin, lifetime_s=SESSION_COOKIE_LIFE_S))
    answer.set_cookie(_step_cookie("", origin, 0))
    return answer


def _step_cookie(value: str, origin: PublicOrigin, life_s: int) -> Cookie:
    return Cookie(
        key=origin.cookie_name(STEP_COOKIE),
        value=value,
        path="/",
        max_age=life_s,
        secure=origin.is_https,
        httponly=True,
        samesite="lax",
    )
