"""Pages of the operator's desk. Pictures, map and keys need JavaScript; the lists and forms do not."""

from collections.abc import AsyncIterator, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, Final
from urllib.parse import urlencode

from litestar import Request, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath, FromQuery
from litestar.response import Redirect, ServerSentEvent, ServerSentEventMessage, Template

from gateway.desks.console.desk import RADIUS_M, ConsoleDesk, Scene
from gateway.desks.console.ports import ClipWish
from gateway.desks.console.words import KINDS, PURPOSES, REMEDIES, distance, in_reader_s
from gateway.edge.requires import requires
from gateway.emergency import TOPIC as EMERGENCY_TOPIC
from gateway.emergency import topic_of_first
from gateway.incidents import ADDRESS_LENGTH, ALL_TOPIC, NUMBER_LENGTH, IncidentReport, Incidents
from gateway.kernel.bus import MemoryBus
from gateway.kernel.errors import ConflictError, DeniedError, LenspactError, LimitedError, UnavailableError
from gateway.kernel.principal import Principal
from gateway.live import topic_of_asker, topic_of_viewer
from gateway.web import Form, _, after, heard, page, read_form
from policies.vocabulary import IncidentKind, Origin

AnyRequest = Request[Any, Any, Any]

CLIP_BEFORE: Final = timedelta(minutes=5)  # a new request begins this long before now
CLIP_LENGTH: Final = timedelta(minutes=5)
BEHALF_LENGTH: Final = 80  # of another agency's name
_INCIDENT: Final = ("kind", "priority", "number", "address", "lat", "lon", "is_planned")
_CLIP: Final = ("camera", "incident", "purpose", "from", "to", "legal_basis", "on_behalf_of")


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
    return _console(request, _("Console"), incidents=incidents, waiting=waiting, overview=overview, scene=None)


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


@get("/console/clips", opt=requires("clip.request"), include_in_schema=False)
async def clips_page(
    request: AnyRequest,
    principal: NamedDependency[Principal],
    console: NamedDependency[ConsoleDesk],
    before: FromQuery[str] = "",
) -> Template:
    """Requests for recordings, and what came of them."""
    lines = await console.clip_lines(principal, before=before[:64])
    cursor = lines[-1][0].id if lines else ""
    return page("console/clips.html", request, title=_("Recordings"), theme="dark", lines=lines, cursor=cursor)


@get("/console/clips/new", opt=requires("clip.request"), include_in_schema=False)
async def new_clip_page(
    request: AnyRequest,
    principal: NamedDependency[Principal],
    console: NamedDependency[ConsoleDesk],
    *,
    camera: FromQuery[str],
    incident: FromQuery[str],
    purpose: FromQuery[str] = "",
    on_behalf_of: FromQuery[str] = "",
) -> Template:
    """The form for a recording of one camera, for one incident."""
    start = console.now() - CLIP_BEFORE
    values = {
        "camera": camera,
        "incident": incident,
        "purpose": purpose,
        "on_behalf_of": on_behalf_of[:BEHALF_LENGTH],
        "from": _local(start, console),
        "to": _local(start + CLIP_LENGTH, console),
    }
    return await _clip_form(request, principal, console, values=values)


@post("/console/clips/new", opt=requires("clip.request"), status_code=200, include_in_schema=False)
async def ask_for_clip(
    request: AnyRequest, principal: NamedDependency[Principal], console: NamedDependency[ConsoleDesk]
) -> Template | Redirect:
    """Ask for it."""
    form = await read_form(request, *_CLIP)
    try:
        await console.ask_for_clip(principal, _read_clip(form, console))
    except LenspactError as error:
        return await _clip_form(request, principal, console, values=form.values, error=error)
    return after("/console/clips", "clip-asked")


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
    with bus.subscribe(ALL_TOPIC, EMERGENCY_TOPIC, *mine) as subscription:
        yield ServerSentEventMessage(comment="open")
        async for news in heard(subscription):
            if news is None:
                yield ServerSentEventMessage(comment="still here")
            elif news.topic in mine:
                yield ServerSentEventMessage(event=mine[news.topic], data=news.ref)
            else:
                yield ServerSentEventMessage(event="changed", data="")


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
    clips_page,
    new_clip_page,
    ask_for_clip,
    ask_to_watch,
    events,
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
    scene = await console.scene(principal, incident_id, purpose=purpose)
    incidents = await console.incidents(principal)
    title = KINDS[scene.incident.kind]
    waiting = await console.seconds.waiting(principal)
    shown = {"incidents": incidents, "waiting": waiting, "overview": None, "on_behalf_of": on_behalf_of}
    return _console(request, title, scene=scene, **shown, **form)


def _console(request: AnyRequest, title: str, *, scene: Scene | None, **context: Any) -> Template:
    return page(
        "console/console.html",
        request,
        title=title,
        theme="dark",
        scene=scene,
        radius_m=RADIUS_M,
        number_length=NUMBER_LENGTH,
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


async def _clip_form(
    request: AnyRequest, principal: Principal, console: ConsoleDesk, *, values: dict[str, str], **form: Any
) -> Template:
    scene = await console.scene(principal, values.get("incident", ""), purpose=values.get("purpose", ""))
    name = await console.camera_name(
        principal, values.get("camera", ""), scene.incident, purpose=values.get("purpose") or scene.purpose
    )
    return page(
        "console/new_clip.html",
        request,
        title=_("Ask for a recording of %(name)s", name=name),
        theme="dark",
        scene=scene,
        zone=str(console.zone),
        values={"purpose": scene.purpose} | {k: v for k, v in values.items() if v},
        **_words(),
        **form,
    )


def _read_clip(form: Form, console: ConsoleDesk) -> ClipWish:
    start, end = _moment(form, "from", console), _moment(form, "to", console)
    if not form.errors and start >= end:
        form.wrong("to", "The end comes after the beginning.")
    basis = form.line("legal_basis", most=200, is_required=False)
    other = form.line("on_behalf_of", most=BEHALF_LENGTH, is_required=False)
    form.check()
    return ClipWish(
        camera_id=form.given("camera"),
        t0=start,
        t1=end,
        purpose=form.given("purpose"),
        incident_id=form.given("incident"),
        legal_basis=basis,
        on_behalf_of=other,
    )


def _moment(form: Form, name: str, console: ConsoleDesk) -> datetime:
    """A local time of the agency's zone, as a browser's field gives it."""
    try:
        moment = datetime.strptime(form.given(name)[:19], "%Y-%m-%dT%H:%M:%S").replace(tzinfo=console.zone)
    except ValueError:
        form.wrong(name, "Give day and time, for instance 2026-11-22T14:30:00.")
        return datetime.min.replace(tzinfo=UTC)
    return moment.astimezone(UTC)


def _local(moment: datetime, console: ConsoleDesk) -> str:
    return moment.astimezone(console.zone).strftime("%Y-%m-%dT%H:%M:%S")
