"""Pages of the compliance officer's desk, the file of an entry, the export, and the stream of changes."""

from collections.abc import Mapping
from typing import Any, Final

from litestar import Request, Response, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath, FromQuery
from litestar.response import Redirect, ServerSentEvent, Stream, Template

from gateway.audit import ALL_TOPIC, FILTERS, SIGNED_TOPIC
from gateway.desks.oversight_desk.acts import CHOICES
from gateway.desks.oversight_desk.desk import ActPage, OversightDesk
from gateway.edge.requires import requires
from gateway.kernel.bus import MemoryBus
from gateway.kernel.errors import InvalidError, UnavailableError
from gateway.kernel.principal import Principal
from gateway.web import _, change_stream, page, read_form

AnyRequest = Request[Any, Any, Any]

EXPORT_DEADLINE_S: Final = 120.0  # 20,000 lines with their names


@get("/oversight", opt=requires("oversight.read"), include_in_schema=False)
async def list_page(request: AnyRequest, oversight: NamedDependency[OversightDesk]) -> Template:
    """Who looked."""
    given = {name: text[:200] for name, text in request.query_params.items() if name in {"what", *FILTERS}}
    before = request.query_params.get("before", "")[:64]
    errors: dict[str, str] = {}
    try:
        found = await oversight.acts(given, before=before)
    except InvalidError as error:
        found, errors = ActPage((), ""), error.fields
    return _list(request, found, values=given, errors=errors, before=before)


@get("/oversight/picture", opt=requires("oversight.read"), include_in_schema=False)
async def picture_page(
    request: AnyRequest, oversight: NamedDependency[OversightDesk], code: FromQuery[str] = ""
) -> Template | Redirect:
    """From the code in a photo of a screen to everything the log has of that view."""
    try:
        session = await oversight.view_of_mark(code[:40])
    except InvalidError as error:
        values = {"code": code[:40]}
        return _list(request, ActPage((), ""), values=values, errors=error.fields)
    return Redirect(f"/oversight?session={session}", status_code=303)


@get("/oversight/entries/{event_id:str}", opt=requires("oversight.read"), include_in_schema=False)
async def entry_page(
    request: AnyRequest, event_id: FromPath[str], oversight: NamedDependency[OversightDesk]
) -> Template:
    """One entry and its proof."""
    shown = await oversight.entry(event_id)
    return page("oversight/entry.html", request, title=_(shown.act.what), shown=shown)


@get("/oversight/entries/{event_id:str}/file", opt=requires("oversight.read"), include_in_schema=False)
async def entry_file(event_id: FromPath[str], oversight: NamedDependency[OversightDesk]) -> Response[bytes]:
    """The entry as a file that `lenspact-verify entry` checks."""
    shown = await oversight.entry(event_id)
    if shown.file is None:
        raise UnavailableError("This entry is promised and not yet in the log; try again in a few seconds.")
    disposition = f'attachment; filename="{shown.act.event_id}.json"'
    return Response(shown.file.encode(), media_type="application/json", headers={"content-disposition": disposition})


@post(
    "/oversight/export",
    opt=requires("oversight.read", deadline_s=EXPORT_DEADLINE_S),
    status_code=200,
    include_in_schema=False,
)
async def export(
    request: AnyRequest, principal: NamedDependency[Principal], oversight: NamedDependency[OversightDesk]
) -> Stream:
    """What the list shows, all pages of it, as CSV."""
    form = await read_form(request, "what", *FILTERS)
    lines = await oversight.export(principal, form.values)
    return Stream(
        lines,
        media_type="text/csv; charset=utf-8",
        headers={"content-disposition": 'attachment; filename="who-looked.csv"'},
    )


@get("/oversight/events", opt=requires("oversight.read", deadline_s=None), include_in_schema=False)
async def events(bus: NamedDependency[MemoryBus]) -> ServerSentEvent:
    """Says `changed` when something was logged or signed."""
    return change_stream(bus, ALL_TOPIC, SIGNED_TOPIC)


PAGES: Final = (list_page, picture_page, entry_page, entry_file, export, events)


def _list(
    request: AnyRequest,
    found: ActPage,
    *,
    values: Mapping[str, str],
    errors: Mapping[str, str],
    before: str = "",
) -> Template:
    filters = {name: text for name, text in values.items() if text and name != "code"}
    return page(
        "oversight/list.html",
        request,
        title=_("Who looked"),
        status_code=400 if errors else 200,
        values=values,
        errors=errors,
        found=found,
        before=before,
        choices=[(name, _(words)) for name, words, _kinds in CHOICES],
        filters=filters,
    )
