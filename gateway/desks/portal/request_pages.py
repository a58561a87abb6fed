"""What somebody asks an owner for: to watch live, or a recording; answered by one touch of a passkey, or with no.

Who only answers requests may do all of it, and sees what is open. What a touch is worth is for the site; here it is
brought on its way. The first answer wins; a no ends what a yes opened.
"""

from collections.abc import Awaitable
from typing import Any, Final

from litestar import Request, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath, FromQuery
from litestar.response import Redirect, Template

from gateway.desks.portal.desk import PortalDesk
from gateway.edge.origin import PublicOrigin
from gateway.edge.requires import requires
from gateway.kernel.errors import ConflictError, LenspactError, PreconditionError
from gateway.kernel.principal import Principal, Role
from gateway.web import _, after, page, read_form, read_touch

AnyRequest = Request[Any, Any, Any]
HOME: Final = "/portal/requests"


@get(HOME, opt=requires("portal.answer"), include_in_schema=False)
async def requests_page(
    request: AnyRequest,
    *,
    principal: NamedDependency[Principal],
    portal: NamedDependency[PortalDesk],
    origin: NamedDependency[PublicOrigin],
    before: FromQuery[str] = "",
) -> Template:
    """Requests to watch live, then those for recordings."""
    return await _page(request, principal, portal, origin, before=before[:64])


@post("/portal/requests/{request_id:str}/send", opt=requires("portal.answer"), status_code=200, include_in_schema=False)
async def send_recording(
    request: AnyRequest,
    *,
    principal: NamedDependency[Principal],
    portal: NamedDependency[PortalDesk],
    origin: NamedDependency[PublicOrigin],
    request_id: FromPath[str],
) -> Template | Redirect:
    """Say yes to a recording."""
    _form, assertion = await read_touch(request)
    return await _answered(
        portal.send(principal, request_id, assertion),
        "clip-sent",
        request,
        principal=principal,
        portal=portal,
        origin=origin,
    )


@post(
    "/portal/requests/{request_id:str}/decline", opt=requires("portal.answer"), status_code=200, include_in_schema=False
)
async def decline_request(
    request: AnyRequest,
    *,
    principal: NamedDependency[Principal],
    portal: NamedDependency[PortalDesk],
    origin: NamedDependency[PublicOrigin],
    request_id: FromPath[str],
) -> Template | Redirect:
    """Say no to a recording."""
    await read_form(request)
    return await _answered(
        portal.decline(principal, request_id),
        "request-declined",
        request,
        principal=principal,
        portal=portal,
        origin=origin,
    )


@post("/portal/views/{ask_id:str}/send", opt=requires("portal.answer"), status_code=200, include_in_schema=False)
async def let_watch(
    request: AnyRequest,
    *,
    principal: NamedDependency[Principal],
    portal: NamedDependency[PortalDesk],
    origin: NamedDependency[PublicOrigin],
    ask_id: FromPath[str],
) -> Template | Redirect:
    """Say yes to a live view."""
    _form, assertion = await read_touch(request)
    return await _answered(
        portal.let_watch(principal, ask_id, assertion),
        "view-sent",
        request,
        principal=principal,
        portal=portal,
        origin=origin,
    )


@post("/portal/views/{ask_id:str}/decline", opt=requires("portal.answer"), status_code=200, include_in_schema=False)
async def decline_view(
    request: AnyRequest,
    *,
    principal: NamedDependency[Principal],
    portal: NamedDependency[PortalDesk],
    origin: NamedDependency[PublicOrigin],
    ask_id: FromPath[str],
) -> Template | Redirect:
    """Say no to a live view, also after a yes."""
    await read_form(request)
    return await _answered(
        portal.decline_view(principal, ask_id),
        "view-declined",
        request,
        principal=principal,
        portal=portal,
        origin=origin,
    )


REQUEST_PAGES: Final = (requests_page, send_recording, decline_request, let_watch, decline_view)


async def _answered(
    act: Awaitable[None],
    done: str,
    request: AnyRequest,
    *,
    principal: Principal,
    portal: PortalDesk,
    origin: PublicOrigin,
) -> Template | Redirect:
    """Do it; what could not be done is said above the cards as they are now."""
    try:
        await act
    except (ConflictError, PreconditionError) as error:
        return await _page(request, principal, portal, origin, error=error)
    return after(HOME, done)


async def _page(
    request: AnyRequest,
    principal: Principal,
    portal: PortalDesk,
    origin: PublicOrigin,
    *,
    before: str = "",
    error: LenspactError | None = None,
) -> Template:
    cards = await portal.requests(principal, before=before)
    return page(
        "portal/requests.html",
        request,
        title=_("Requests"),
        views=[] if before else await portal.view_requests(principal),
        cards=cards,
        cursor=cards[-1].request.id if cards else "",
        before=before,
        rp_id=origin.host,
        is_editor=bool(principal.roles & {Role.OWNER, Role.MANAGER}),
        is_owner=Role.OWNER in principal.roles,
        only_answers=principal.only_answers,
        error=error,
    )
