"""Pages of the operator's desk. Pictures, map and keys need JavaScript; the lists and forms do not."""

from collections.abc import AsyncIterator, Mapping
from typing import Any, Final
from urllib.parse import urlencode

from litestar import Request, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath, FromQuery, JSONBody
from litestar.response import Redirect, ServerSentEvent, ServerSentEventMessage, Template

from gateway.desks.console.desk import LAYOUTS, RADIUS_M, ConsoleDesk, Scene
from gateway.desks.console.keys import all_keys
from gateway.desks.console.words import BEHALF_LENGTH, KINDS, PURPOSES, REMEDIES, distance, in_reader_s
from gateway.edge.inputs import Line, StrictInput
from gateway.edge.requires import is_allowed, requires
from gateway.emergency import TOPIC as EMERGENCY_TOPIC
from gateway.emergency import topic_of_first
from gateway.incidents import ADDRESS_LENGTH, ALL_TOPIC, NUMBER_LENGTH, IncidentReport, Incidents
from gateway.kernel.bus import MemoryBus, News
from gateway.kernel.errors import ConflictError, DeniedError, LenspactError, LimitedError, UnavailableError
from gateway.kernel.principal import Principal
from gateway.live import topic_of_asker, topic_of_viewer
from gateway.web import CHANGED, Form, _, after, messages, page, read_form
from policies.vocabulary import IncidentKind, Origin

AnyRequest = Request[Any, Any, Any]

_INCIDENT: Final = ("kind", "priority", "number", "address", "lat", "lon", "is_planned")


def _words() -> dict[str, Any]:
    return {
        "kinds": in_reader_s(KINDS),
        "purposes": in_reader_s(PURPOSES),
        "remedies": in_reader_s(REMEDIES),
        "say_distance": distance,
    }


@get("/console", opt=requires("console.read"), include_in_schema=False)
async def console_page(
    request: AnyRequest, principal: NamedDependency[Principal], console: NamedDependency[ConsoleDesk]
) -> Template:
    """Before an incident: the list, and the map with homes as squares."""
    overview = await console.overview(principal)
    incidents = await console.incidents(principal)
    waiting = await console.seconds.waiting(principal)
    layout = await console.layout(principal)
    shown = {"incidents": incidents, "waiting": waiting, "overview": overview, "layout": layout}
    return _console(request, _("Console"), scene=None, sends=False, **shown)


@get("/console/incidents/new", opt=requires("incident.open"), sync_to_thread=False, include_in_schema=False)
def new_incident_page(request: AnyRequest) -> Template:
    """The form for an incident that dispatch has not sent."""
    return _incident_form(request, values={"priority": "3", "kind": ""})


@post("/console/incidents/new", opt=requires("incident.open"), status_code=200, include_in_schema=False)
async def open_incident(
    request: AnyRequest, principal: NamedDependency[Principal], incidents: NamedDependency[Incidents]
) -> Template | Redirect:
    """Open an incident by hand."""
    form = await read_form(request, *_INCIDENT)
    try:
        incident = await incidents.open(principal, _read_incident(form))
    except LenspactError as error:
        return _incident_form(request, values=form.values, error=error)
    return after(f"/console/incidents/{incident.id}")


@get("/console/incidents/{incident_id:str}", opt=requires("console.read"), include_in_schema=False)
async def incident_page(
    request: AnyRequest,
    principal: NamedDependency[Principal],
    console: NamedDependency[ConsoleDesk],
    incident_id: FromPath[str],
    *,
    purpose: FromQuery[str] = "",
    on_behalf_of: FromQuery[str] = "",
) -> Template:
    """An incident: its map, its cameras, the wall; and for which other agency somebody looks."""
    other = " ".join(on_behalf_of.split())[:BEHALF_LENGTH]
    return await incident_view(request, principal, console, incident_id, purpose=purpose, on_behalf_of=other)


@post(
    "/console/incidents/{incident_id:str}/number",
    opt=requires("incident.open"),
    status_code=200,
    include_in_schema=False,
)
async def number_incident(
    request: AnyRequest,
    principal: NamedDependency[Principal],
    incidents: NamedDependency[Incidents],
    console: NamedDependency[ConsoleDesk],
    incident_id: FromPath[str],
) -> Template | Redirect:
    """Give it its call number."""
    form = await read_form(request, "number")
    try:
        number = form.line("number", most=NUMBER_LENGTH)
        form.check()
        await incidents.give_number(principal, incident_id, number)
    except LenspactError as error:
        return await incident_view(request, principal, console, incident_id, values=form.values, error=error)
    return after(f"/console/incidents/{incident_id}", "incident-numbered")


@post("/console/incidents/{incident_id:str}/close", opt=requires("incident.open"), include_in_schema=False)
async def close_incident(
    request: AnyRequest,
    principal: NamedDependency[Principal],
    incidents: NamedDependency[Incidents],
    incident_id: FromPath[str],
) -> Redirect:
    """It is over."""
    await read_form(request)
    await incidents.close(principal, incident_id)
    return after("/console", "incident-closed")


@post("/console/incidents/{incident_id:str}/reopen", opt=requires("incident.open"), include_in_schema=False)
async def reopen_incident(
    request: AnyRequest,
    principal: NamedDependency[Principal],
    incidents: NamedDependency[Incidents],
    incident_id: FromPath[str],
) -> Redirect:
    """It goes on."""
    await read_form(request)
    await incidents.reopen(principal, incident_id)
    return after(f"/console/incidents/{incident_id}")


@post("/console/incidents/{incident_id:str}/ask", opt=requires("live.view"), status_code=200, include_in_schema=False)
async def ask_to_watch(
    request: AnyRequest,
    principal: NamedDependency[Principal],
    console: NamedDependency[ConsoleDesk],
    incident_id: FromPath[str],
) -> Template | Redirect:
    """Ask a camera's owner to be shown its live picture, once."""
    form = await read_form(request, "camera", "purpose")
    camera, purpose = form.given("camera"), form.given("purpose")
    try:
        await console.ask_to_watch(principal, camera_id=camera, purpose=purpose, incident_id=incident_id)
    except (ConflictError, DeniedError, LimitedError, UnavailableError) as error:
        return await incident_view(request, principal, console, incident_id, purpose=purpose, error=error)
    return after(f"/console/incidents/{incident_id}?{urlencode({'purpose': purpose})}", "view-asked")


@get("/console/events", opt=requires("console.read", deadline_s=None), include_in_schema=False)
async def events(principal: NamedDependency[Principal], bus: NamedDependency[MemoryBus]) -> ServerSentEvent:
    """Says `changed` for incidents, which are read again; `view` with its id, `ask` with its camera, of one's own."""
    me = principal.person_id
    topics = {topic_of_viewer(me): "view", topic_of_asker(me): "ask", topic_of_first(me): "ask"}
    return ServerSentEvent(_changes(bus, topics))


async def _changes(bus: MemoryBus, mine: Mapping[str, str]) -> AsyncIterator[ServerSentEventMessage]:
    def say(news: News) -> ServerSentEventMessage:
        is_mine = news.topic in mine
        return ServerSentEventMessage(event=mine[news.topic], data=news.ref) if is_mine else CHANGED

    with bus.subscribe(ALL_TOPIC, EMERGENCY_TOPIC, *mine) as subscription:
        async for message in messages(subscription, say):
            yield message


class Laid(StrictInput, frozen=True, kw_only=True):
    """How a wall is to be laid out."""

    layout: Line


@post("/console/layout", opt=requires("console.read"), status_code=204, include_in_schema=False)
async def keep_layout(
    data: JSONBody[Laid], principal: NamedDependency[Principal], console: NamedDependency[ConsoleDesk]
) -> None:
    """Keep how the caller's own wall is laid out."""
    await console.keep_layout(principal, data.layout)


@get("/console/rail", opt=requires("console.read"), include_in_schema=False)
async def rail(
    request: AnyRequest,
    principal: NamedDependency[Principal],
    console: NamedDependency[ConsoleDesk],
    here: FromQuery[str] = "",
) -> Template:
    """The list of incidents alone, for a page that stays open; `here`: the incident that is shown beside it."""
    return page(
        "console/rail.html",
        request,
        title=_("Incidents"),
        incidents=await console.incidents(principal),
        waiting=await console.seconds.waiting(principal),
        shown=here,
        **_words(),
    )


PAGES: Final = (
    console_page,
    new_incident_page,
    open_incident,
    incident_page,
    number_incident,
    close_incident,
    reopen_incident,
    ask_to_watch,
    events,
    keep_layout,
    rail,
)


async def incident_view(
    request: AnyRequest,
    principal: Principal,
    console: ConsoleDesk,
    incident_id: str,
    *,
    purpose: str = "",
    on_behalf_of: str = "",
    **form: Any,
) -> Template:
    """The page of an incident, after a form of it that was refused too."""
    scene = await console.scene(principal, incident_id, purpose=purpose, on_behalf_of=on_behalf_of)
    incidents = await console.incidents(principal)
    title = KINDS[scene.incident.kind]
    waiting = await console.seconds.waiting(principal)
    shown = {"incidents": incidents, "waiting": waiting, "overview": None, "on_behalf_of": on_behalf_of}
    shown["layout"] = await console.layout(principal)
    sends = console.sends_to_phones and is_allowed("phone.send", principal)
    servers = console.ice_servers(principal)
    return _console(request, title, scene=scene, ice_servers=servers, sends=sends, **shown, **form)


def _console(request: AnyRequest, title: str, *, scene: Scene | None, **context: Any) -> Template:
    return page(
        "console/console.html",
        request,
        title=title,
        theme="dark",
        scene=scene,
        radius_m=RADIUS_M,
        number_length=NUMBER_LENGTH,
        layouts=LAYOUTS.items(),
        all_keys=all_keys(sends=bool(context.get("sends"))),
        **_words(),
        **context,
    )


def _incident_form(request: AnyRequest, **form: Any) -> Template:
    return page(
        "console/new_incident.html",
        request,
        title=_("Open an incident"),
        theme="dark",
        kinds=in_reader_s(KINDS),
        **form,
    )


def _read_incident(form: Form) -> IncidentReport:
    kind = form.choice("kind", [k.value for k in IncidentKind])
    priority = form.choice("priority", [str(n) for n in range(1, 6)])
    number = form.line("number", most=NUMBER_LENGTH, is_required=False)
    address = form.line("address", most=ADDRESS_LENGTH, is_required=False)
    lat = form.number("lat", -85, 85, sentence="Press on the map, or give degrees north.")
    lon = form.number("lon", -180, 179.999999, sentence="Press on the map, or give degrees east; west is negative.")
    origin = Origin.PLANNED if form.is_ticked("is_planned") else Origin.HAND
    form.check()
    return IncidentReport(IncidentKind(kind), origin, lat, lon, address, number, int(priority))
