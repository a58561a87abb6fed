"""Pages of what an owner said before: who changed what, when, and one button to go back."""

from typing import Any, Final

from litestar import Request, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath, FromQuery
from litestar.response import Redirect, Template

from gateway.edge.requires import requires
from gateway.kernel.principal import Principal, Role
from gateway.sharing.changing import carry_out, look_at
from gateway.sharing.history import PAGE, History
from gateway.sharing.service import Sharing
from gateway.web import _, page

AnyRequest = Request[Any, Any, Any]
_RESTORE: Final = "/portal/sites/{site_id:str}/sharing/history/{seq:int}/restore"


@get("/portal/sites/{site_id:str}/sharing/history", opt=requires("portal.read"), include_in_schema=False)
async def history_page(
    request: AnyRequest,
    *,
    principal: NamedDependency[Principal],
    sharing: NamedDependency[Sharing],
    history: NamedDependency[History],
    site_id: FromPath[str],
    before: FromQuery[int | None] = None,
) -> Template:
    """Who changed what, newest first."""
    view = await sharing.view(principal, site_id)
    entries = await history.entries(view, before=before)
    return page(
        "sharing/history.html",
        request,
        title=_("What you shared before at %(site)s", site=view.site.name),
        view=view,
        entries=entries,
        older=entries[-1].version.seq if len(entries) == PAGE and entries[-1].version.seq > 1 else None,
        is_editor=bool(principal.roles & {Role.OWNER, Role.MANAGER}),
    )


@get(_RESTORE, opt=requires("portal.edit"), include_in_schema=False)
async def restore_page(
    request: AnyRequest,
    *,
    principal: NamedDependency[Principal],
    sharing: NamedDependency[Sharing],
    history: NamedDependency[History],
    site_id: FromPath[str],
    seq: FromPath[int],
) -> Template:
    """What going back would change."""
    view = await sharing.view(principal, site_id)
    act = await history.restoration(view, seq)
    return await look_at(request, principal=principal, sharing=sharing, view=view, act=act)


@post(_RESTORE, opt=requires("portal.edit"), status_code=200, include_in_schema=False)
async def restore(
    request: AnyRequest,
    *,
    principal: NamedDependency[Principal],
    sharing: NamedDependency[Sharing],
    history: NamedDependency[History],
    site_id: FromPath[str],
    seq: FromPath[int],
) -> Template | Redirect:
    """Go back to a version: less counts at once, more waits for approval."""
    view = await sharing.view(principal, site_id)
    act = await history.restoration(view, seq)
    return await carry_out(request, principal=principal, sharing=sharing, view=view, act=act)


HISTORY_PAGES: Final = (history_page, restore_page, restore)
