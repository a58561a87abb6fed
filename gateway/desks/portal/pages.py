"""Pages of the owner's desk, and the stream that tells them something changed."""

from typing import Any, Final

from litestar import Request, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath, FromQuery
from litestar.response import Redirect, ServerSentEvent, Template

from gateway.audit import topic_of
from gateway.desks.portal.desk import PortalDesk
from gateway.desks.portal.request_pages import REQUEST_PAGES
from gateway.edge.requires import requires
from gateway.kernel.bus import MemoryBus
from gateway.kernel.principal import Principal, Role
from gateway.web import _, after, change_stream, page, read_form

AnyRequest = Request[Any, Any, Any]


@get("/portal", opt=requires("portal.read"), include_in_schema=False)
async def home_page(
    request: AnyRequest, principal: NamedDependency[Principal], portal: NamedDependency[PortalDesk]
) -> Template:
    """The three questions, the cameras, who looked."""
    overview = await portal.overview(principal)
    is_editor = bool(principal.roles & {Role.OWNER, Role.MANAGER})
    return page("portal/home.html", request, title=_("Your cameras"), overview=overview, is_editor=is_editor)


@get("/portal/set-up", opt=requires("portal.read"), include_in_schema=False)
async def set_up_page(
    request: AnyRequest, principal: NamedDependency[Principal], portal: NamedDependency[PortalDesk]
) -> Template:
    """The checklist."""
    return page("portal/set_up.html", request, title=_("Set-up"), steps=await portal.steps(principal))


@get("/portal/who-looked", opt=requires("portal.read"), include_in_schema=False)
async def who_looked_page(
    request: AnyRequest,
    principal: NamedDependency[Principal],
    portal: NamedDependency[PortalDesk],
    before: FromQuery[str] = "",
) -> Template:
    """The timeline."""
    looks, cursor = await portal.looks(principal, before=before[:64])
    return page("portal/who_looked.html", request, title=_("Who looked"), looks=looks, cursor=cursor, before=before)


@post("/portal/cameras/{camera_id:str}/switch", opt=requires("portal.edit"), status_code=200, include_in_schema=False)
async def switch_camera(
    request: AnyRequest,
    principal: NamedDependency[Principal],
    portal: NamedDependency[PortalDesk],
    camera_id: FromPath[str],
) -> Redirect:
    """The one switch of a card."""
    form = await read_form(request, "is_on")
    is_on = form.is_ticked("is_on")
    await portal.switch(principal, camera_id, is_on=is_on)
    return after("/portal", "sharing-on" if is_on else "sharing-off")


@get("/portal/events", opt=requires("portal.answer", deadline_s=None), include_in_schema=False)
async def events(principal: NamedDependency[Principal], bus: NamedDependency[MemoryBus]) -> ServerSentEvent:
    """Says `changed` when something of the organisation was logged; the page then reads again."""
    return change_stream(bus, topic_of(principal.organisation_id))


PAGES: Final = (home_page, set_up_page, who_looked_page, *REQUEST_PAGES, switch_camera, events)
