"""The page of the owner's one switch: stop sharing everything, or with one agency, and share again."""

from typing import Any, Final

from litestar import Request, get, post
from litestar.di import NamedDependency
from litestar.response import Redirect, Template

from gateway.edge.requires import requires
from gateway.kernel.principal import Principal
from gateway.sharing.model import EVERYBODY
from gateway.sharing.stopping import Stopping
from gateway.web import _, after, page, read_form

AnyRequest = Request[Any, Any, Any]
HOME: Final = "/portal/sharing/stop"


@get(HOME, opt=requires("portal.edit"), include_in_schema=False)
async def stop_page(
    request: AnyRequest, principal: NamedDependency[Principal], stopping: NamedDependency[Stopping]
) -> Template:
    """With whom nothing is shared, and the switches."""
    return page(
        "sharing/stop.html",
        request,
        title=_("Stop sharing"),
        everybody=EVERYBODY,
        agencies=await stopping.agencies(),
        stopped=await stopping.stopped(principal.organisation_id),
    )


@post(HOME, opt=requires("portal.edit"), status_code=200, include_in_schema=False)
async def stop(
    request: AnyRequest, principal: NamedDependency[Principal], stopping: NamedDependency[Stopping]
) -> Redirect:
    """Share nothing from now on."""
    form = await read_form(request, "agency")
    await stopping.stop(principal, form.given("agency") or EVERYBODY)
    return after(HOME, "all-stopped")


@post(f"{HOME}/again", opt=requires("portal.edit"), status_code=200, include_in_schema=False)
async def share_again(
    request: AnyRequest, principal: NamedDependency[Principal], stopping: NamedDependency[Stopping]
) -> Redirect:
    """Want again what the answers say."""
    form = await read_form(request, "agency")
    await stopping.share_again(principal, form.given("agency") or EVERYBODY)
    return after(HOME, "all-again")


STOP_PAGES: Final = (stop_page, stop, share_again)
