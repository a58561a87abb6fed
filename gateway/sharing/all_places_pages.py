"""The pages of the one answer for all places: the questions, what changes at each place, one Save; and its end."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from litestar import Request, get, post
from litestar.di import NamedDependency
from litestar.params import FromQuery
from litestar.response import Redirect, Template

from gateway.edge.requires import requires
from gateway.kernel.errors import ConflictError, LenspactError
from gateway.kernel.principal import Principal
from gateway.partners import Partners
from gateway.sharing.all_places import (
    ALL_PLACES,
    AtPlace,
    Shown,
    digest_of,
    placed,
    said_at,
    save,
    show,
    versions_of,
)
from gateway.sharing.answering import choices_of, questions, values_of_preset
from gateway.sharing.forms import fields_of, read_clause_form, values_of
from gateway.sharing.service import Sharing
from gateway.sharing.views import SharingView
from gateway.web import Form, _, after, page, read_form
from policies.clauses import DEFAULT_PRESET, Preset
from policies.reach import Reach

AnyRequest = Request[Any, Any, Any]
_CARRIED: Final = ("made_from", "looked_at", "then")


@get(ALL_PLACES, opt=requires("portal.edit"), include_in_schema=False)
async def all_places_page(
    request: AnyRequest,
    principal: NamedDependency[Principal],
    sharing: NamedDependency[Sharing],
    partners: NamedDependency[Partners],
    preset: FromQuery[str] = "",
) -> Template | Redirect:
    """The answer there is for all places, a preset, or the preselected one."""
    views = await _views(principal, sharing, partners)
    if not views:
        return after("/portal/sharing")
    kept = next((clause for view in views if (clause := said_at(view)) is not None), None)
    chosen = Preset(preset) if preset in set(Preset) else DEFAULT_PRESET
    is_kept = kept is not None and preset not in set(Preset)
    first = views[0]
    values = values_of(kept, first.site, choices_of(first)) if kept and is_kept else values_of_preset(chosen, first)
    return _page(request, views, values)


@post(ALL_PLACES, opt=requires("portal.edit"), status_code=200, include_in_schema=False)
async def save_all_places(
    request: AnyRequest,
    principal: NamedDependency[Principal],
    sharing: NamedDependency[Sharing],
    partners: NamedDependency[Partners],
) -> Template | Redirect:
    """Show what the answer changes at each place, or save it at all of them."""
    views = await _views(principal, sharing, partners)
    if not views:
        return after("/portal/sharing")
    form = await read_form(request, *fields_of(choices_of(views[0])), *_CARRIED)
    seen, late = form.given("made_from"), None
    try:
        wanted = _wanted(form, views)
        if form.given("then") == "save" and form.given("looked_at") == digest_of(wanted):
            late = await _saved(principal, sharing, wanted, seen=seen)
            if late is None:
                return after("/portal/sharing", "sharing-saved")
        shown = await show(principal, sharing, wanted, seen=seen if late else "")
    except LenspactError as error:
        return _page(request, views, form.values, error=error)
    return _page(request, views, form.values, shown=shown, looked_at=digest_of(wanted), error=late)


@get(f"{ALL_PLACES}/remove", opt=requires("portal.edit"), include_in_schema=False)
async def end_all_places_page(
    request: AnyRequest,
    principal: NamedDependency[Principal],
    sharing: NamedDependency[Sharing],
    partners: NamedDependency[Partners],
) -> Template | Redirect:
    """What taking it away changes at each place."""
    views = await _views(principal, sharing, partners)
    wanted = [placed(view, None) for view in views]
    return _end_page(request, views, await show(principal, sharing, wanted, seen=""))


@post(f"{ALL_PLACES}/remove", opt=requires("portal.edit"), status_code=200, include_in_schema=False)
async def end_all_places(
    request: AnyRequest,
    principal: NamedDependency[Principal],
    sharing: NamedDependency[Sharing],
    partners: NamedDependency[Partners],
) -> Template | Redirect:
    """Take it away at every place, or show anew what that changes where somebody saved meanwhile."""
    views = await _views(principal, sharing, partners)
    form = await read_form(request, "made_from")
    wanted, seen = [placed(view, None) for view in views], form.given("made_from")
    try:
        await save(principal, sharing, wanted, seen=seen)
    except ConflictError as error:
        shown = await show(principal, sharing, wanted, seen=seen)
        return _end_page(request, views, shown, error=error)
    return after("/portal/sharing", "sharing-saved")


ALL_PLACES_PAGES: Final = (all_places_page, save_all_places, end_all_places_page, end_all_places)


async def _views(principal: Principal, sharing: Sharing, partners: Partners) -> list[SharingView]:
    return [await sharing.view(principal, site.id) for site in await partners.sites(principal.organisation_id)]


def _wanted(form: Form, views: Sequence[SharingView]) -> list[AtPlace]:
    """The answer as each place says it: hours and the last day by its own clock."""
    return [
        placed(
            view,
            read_clause_form(
                form,
                view.site,
                choices_of(view),
                cameras=frozenset(),
                now=views[0].seen_at,
                kept=said_at(view),
                reach=Reach.PARTNER,
            ),
        )
        for view in views
    ]


async def _saved(
    principal: Principal, sharing: Sharing, wanted: Sequence[AtPlace], *, seen: str
) -> ConflictError | None:
    try:
        await save(principal, sharing, wanted, seen=seen)
    except ConflictError as error:
        return error
    return None


def _page(
    request: AnyRequest,
    views: Sequence[SharingView],
    values: Mapping[str, str],
    *,
    shown: Sequence[Shown] = (),
    looked_at: str = "",
    error: LenspactError | None = None,
) -> Template:
    said = [said_at(view) for view in views]
    kept = next((clause for clause in said if clause is not None), None)
    return page(
        "sharing/all_places.html",
        request,
        title=_("What do you share at all your places?"),
        view=views[0],
        views=views,
        missing=[view.site.name for view, clause in zip(views, said, strict=True) if kept and clause is None],
        is_said=kept is not None,
        shown=shown,
        made_from=versions_of(views),
        looked_at=looked_at,
        clocks=_("Clocks at each place."),
        **questions(views[0], kept, values, error, besides=_CARRIED),
    )


def _end_page(
    request: AnyRequest, views: Sequence[SharingView], shown: Sequence[Shown], *, error: LenspactError | None = None
) -> Template:
    return page(
        "sharing/all_places_end.html",
        request,
        title=_("Take away what you say for all your places"),
        shown=shown,
        made_from=versions_of(views),
        error=error,
    )
