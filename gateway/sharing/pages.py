"""Pages where owners say what they share: three questions, the rules said back, what changes, one Save."""

from typing import Any, Final

from litestar import Request, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath
from litestar.response import Redirect, Template

from gateway.edge.origin import PublicOrigin
from gateway.edge.requires import requires
from gateway.kernel.errors import ConflictError, DeadlineError, LenspactError, PreconditionError, UnavailableError
from gateway.kernel.principal import Principal, Role
from gateway.partners import Partners
from gateway.sharing.all_places_pages import ALL_PLACES_PAGES
from gateway.sharing.answer_pages import ANSWER_PAGES
from gateway.sharing.approving import Approvals
from gateway.sharing.everywhere_pages import EVERYWHERE_PAGES
from gateway.sharing.forms import DAYS
from gateway.sharing.history_pages import HISTORY_PAGES
from gateway.sharing.matrix import COLUMNS
from gateway.sharing.service import Sharing
from gateway.sharing.sign_pages import SIGN_PAGES
from gateway.sharing.stop_pages import STOP_PAGES
from gateway.sharing.views import SharingView, Standing
from gateway.sharing.week_grid import CONDITIONS, Stretch, clock_changes, week_of
from gateway.sharing.who_sees import WhoSees
from gateway.web import _, after, page, read_form, read_touch
from policies.vocabulary import Act

AnyRequest = Request[Any, Any, Any]
EDITORS: Final = frozenset({Role.OWNER, Role.MANAGER})


@get("/portal/sharing", opt=requires("portal.read"), include_in_schema=False)
async def sharing_page(
    request: AnyRequest, principal: NamedDependency[Principal], partners: NamedDependency[Partners]
) -> Template | Redirect:
    """Which place; with one there is nothing to choose."""
    sites = await partners.sites(principal.organisation_id)
    if len(sites) == 1:
        return after(f"/portal/sites/{sites[0].id}/sharing")
    is_editor = bool(principal.roles & EDITORS)
    return page("sharing/sites.html", request, title=_("What do you share?"), sites=sites, is_editor=is_editor)


@get("/portal/sites/{site_id:str}/sharing", opt=requires("portal.read"), include_in_schema=False)
async def site_sharing_page(
    request: AnyRequest,
    *,
    principal: NamedDependency[Principal],
    sharing: NamedDependency[Sharing],
    partners: NamedDependency[Partners],
    approvals: NamedDependency[Approvals],
    who_sees: NamedDependency[WhoSees],
    origin: NamedDependency[PublicOrigin],
    site_id: FromPath[str],
) -> Template:
    """What is shared at a place, said back in words."""
    site = await partners.site(site_id, organisation_id=principal.organisation_id)
    try:
        view = await sharing.view(principal, site.id)
    except PreconditionError as error:
        return page(
            "sharing/agreement.html", request, title=_("What do you share?"), site=site, sentence=_(error.sentence)
        )
    return await _site_page(
        request, view, principal=principal, sharing=sharing, approvals=approvals, who_sees=who_sees, origin=origin
    )


@post(
    "/portal/sites/{site_id:str}/sharing/approve", opt=requires("portal.edit"), status_code=200, include_in_schema=False
)
async def approve_by_touch(
    request: AnyRequest,
    *,
    principal: NamedDependency[Principal],
    sharing: NamedDependency[Sharing],
    approvals: NamedDependency[Approvals],
    who_sees: NamedDependency[WhoSees],
    origin: NamedDependency[PublicOrigin],
    site_id: FromPath[str],
) -> Template | Redirect:
    """Bring an owner's touch to the site; the page then says what the site made of it."""
    form, assertion = await read_touch(request, "sha256")
    try:
        answer = await approvals.touch(principal, site_id, form.given("sha256"), assertion)
    except (PreconditionError, ConflictError, UnavailableError, DeadlineError) as error:
        return await _site_page(
            request,
            await sharing.view(principal, site_id),
            principal=principal,
            sharing=sharing,
            approvals=approvals,
            who_sees=who_sees,
            origin=origin,
            error=error,
        )
    return after(f"/portal/sites/{site_id}/sharing", "touch-held" if answer.held_s else "touch-in-force")


@post(
    "/portal/sites/{site_id:str}/sharing/take-back",
    opt=requires("portal.edit"),
    status_code=200,
    include_in_schema=False,
)
async def take_back(
    request: AnyRequest,
    *,
    principal: NamedDependency[Principal],
    sharing: NamedDependency[Sharing],
    approvals: NamedDependency[Approvals],
    who_sees: NamedDependency[WhoSees],
    origin: NamedDependency[PublicOrigin],
    site_id: FromPath[str],
) -> Template | Redirect:
    """Withdraw what waits there, held or not."""
    form = await read_form(request, "sha256")
    try:
        await approvals.take_back(principal, site_id, form.given("sha256"))
    except (ConflictError, UnavailableError, DeadlineError) as error:
        return await _site_page(
            request,
            await sharing.view(principal, site_id),
            principal=principal,
            sharing=sharing,
            approvals=approvals,
            who_sees=who_sees,
            origin=origin,
            error=error,
        )
    return after(f"/portal/sites/{site_id}/sharing", "touch-taken-back")


PAGES: Final = (
    *(*STOP_PAGES, sharing_page, site_sharing_page, approve_by_touch, take_back),
    *(*EVERYWHERE_PAGES, *ALL_PLACES_PAGES, *ANSWER_PAGES, *HISTORY_PAGES, *SIGN_PAGES),
)


async def _site_page(
    request: AnyRequest,
    view: SharingView,
    *,
    principal: Principal,
    sharing: Sharing,
    approvals: Approvals,
    who_sees: WhoSees,
    origin: PublicOrigin,
    error: LenspactError | None = None,
) -> Template:
    return page(
        "sharing/site.html",
        request,
        title=_("What you share at %(site)s", site=view.site.name),
        view=view,
        cards=await sharing.cards(view.cameras),
        waiting=await approvals.waiting(principal, view.site.id) if view.standing is Standing.TO_APPROVE else None,
        rp_id=origin.host,
        is_editor=bool(principal.roles & EDITORS),
        standings=Standing,
        weeks=_weeks(view),
        tables=await who_sees.tables(view),
        columns=[_(word) for _act, word in COLUMNS],
        conditions={kind: _(words) for kind, words in CONDITIONS.items()},
        changes=clock_changes(view.site.zone, view.seen_at),
        error=error,
    )


def _weeks(view: SharingView) -> list[tuple[str, str, list[tuple[str, list[Stretch]]]]]:
    """The grids of the page: name, caption, and each day with its stretches; none before anything was said."""
    if not view.parts:
        return []
    asked = (
        ("live", _("Live, from one camera or more"), Act.LIVE_VIEW),
        ("recordings", _("Recordings handed over, from one camera or more"), Act.CLIP_FETCH),
    )
    days = [_(day) for day in DAYS]
    return [(name, caption, list(zip(days, week_of(view.said, act), strict=True))) for name, caption, act in asked]
