"""The owner's page "Connection check": whether live views can leave the site, and a button to look again."""

from typing import Any, Final

from litestar import Request, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath
from litestar.response import Redirect, Template

from gateway.edge.requires import requires
from gateway.kernel.errors import ConflictError, DeadlineError, LenspactError, LimitedError, UnavailableError
from gateway.kernel.principal import Principal
from gateway.sites.build import Sites
from gateway.sites.connection import CHECK_S
from gateway.web import _, after, page, read_form

AnyRequest = Request[Any, Any, Any]
_PATH: Final = "/portal/sites/{site_id:str}/connection"


@get(_PATH, opt=requires("portal.read"), include_in_schema=False)
async def connection_page(
    request: AnyRequest,
    principal: NamedDependency[Principal],
    sites: NamedDependency[Sites],
    site_id: FromPath[str],
) -> Template:
    """What the site found when it looked last."""
    return await _page(request, principal, sites, site_id)


@post(_PATH, opt=requires("agent.enrol", deadline_s=CHECK_S + 3.0), status_code=200, include_in_schema=False)
async def check_connection(
    request: AnyRequest,
    principal: NamedDependency[Principal],
    sites: NamedDependency[Sites],
    site_id: FromPath[str],
) -> Template | Redirect:
    """Let it look again, which takes some seconds."""
    await read_form(request)
    try:
        await sites.connection.check(principal.organisation_id, site_id)
    except (ConflictError, DeadlineError, LimitedError, UnavailableError) as error:
        return await _page(request, principal, sites, site_id, error=error)
    return after(f"/portal/sites/{site_id}/connection", "connection-checked")


CONNECTION_PAGES: Final = (connection_page, check_connection)


async def _page(
    request: AnyRequest, principal: Principal, sites: Sites, site_id: str, *, error: LenspactError | None = None
) -> Template:
    view = await sites.agents.view(principal.organisation_id, site_id)
    return page(
        "sites/connection.html",
        request,
        title=_("Connection check"),
        view=view,
        check=await sites.connection.last(view),
        error=error,
    )
