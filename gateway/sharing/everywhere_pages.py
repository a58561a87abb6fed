"""The page of everything that waits for an owner's approval, at all places: one touch for those that it covers."""

from typing import Any, Final

from litestar import Request, get, post
from litestar.di import NamedDependency
from litestar.response import Template

from gateway.edge.origin import PublicOrigin
from gateway.edge.requires import requires
from gateway.kernel.errors import PreconditionError
from gateway.kernel.principal import Principal
from gateway.sharing.everywhere import Everywhere
from gateway.web import _, page, read_touch

AnyRequest = Request[Any, Any, Any]
HOME: Final = "/portal/approvals"


@get(HOME, opt=requires("portal.edit"), include_in_schema=False)
async def approvals_page(
    request: AnyRequest,
    principal: NamedDependency[Principal],
    everywhere: NamedDependency[Everywhere],
    origin: NamedDependency[PublicOrigin],
) -> Template:
    """What waits, where."""
    return await _page(request, principal, everywhere, origin)


@post(HOME, opt=requires("portal.edit"), status_code=200, include_in_schema=False)
async def approve_everywhere(
    request: AnyRequest,
    principal: NamedDependency[Principal],
    everywhere: NamedDependency[Everywhere],
    origin: NamedDependency[PublicOrigin],
) -> Template:
    """Bring one touch to every place it covers; the page then says what each made of it."""
    form, assertion = await read_touch(request, "digests")
    try:
        outcomes = await everywhere.touch(principal, form.given("digests").split(), assertion)
    except PreconditionError as error:
        return await _page(request, principal, everywhere, origin, error=error)
    return await _page(request, principal, everywhere, origin, outcomes=outcomes)


EVERYWHERE_PAGES: Final = (approvals_page, approve_everywhere)


async def _page(
    request: AnyRequest, principal: Principal, everywhere: Everywhere, origin: PublicOrigin, **shown: Any
) -> Template:
    waiting = await everywhere.waiting(principal)
    batches = everywhere.batches(waiting)
    covered = {digest for batch in batches for digest in batch.digests}
    return page(
        "sharing/everywhere.html",
        request,
        title=_("Waits for your approval"),
        batches=batches,
        alone=[place for place in waiting if place.waiting.sha256 not in covered],
        rp_id=origin.host,
        **{"outcomes": [], **shown},
    )
