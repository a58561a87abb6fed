"""The first page: what this is, for a stranger; the own desk, for somebody who is signed in."""

from typing import Any

from litestar import Request, get
from litestar.di import NamedDependency
from litestar.response import Redirect, Template

from gateway.edge.requires import PUBLIC, requires
from gateway.identity import Identity
from gateway.kernel.errors import NotFoundError
from gateway.kernel.principal import Principal
from gateway.web import _, after, home, page

AnyRequest = Request[Any, Any, Any]


@get("/", opt=requires(PUBLIC), include_in_schema=False)
async def front(
    request: AnyRequest, principal: NamedDependency[Principal], identity: NamedDependency[Identity]
) -> Template | Redirect:
    """Show the way."""
    if principal.is_signed_in:
        desk = home(principal)
        return after("/account" if desk == "/" else desk)
    try:
        agency = (await identity.people.agency()).name
    except NotFoundError:
        agency = ""
    return page("web/front.html", request, title=_("Your cameras, your rules"), agency=agency)
