"""Pages of recordings at the console: the form that asks for one, in the usual way or for two people, and the list."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from litestar import Request, get, post
from litestar.di import NamedDependency
from litestar.params import FromQuery
from litestar.response import Redirect, Template

from gateway.desks.console.desk import ClipWays, ConsoleDesk
from gateway.desks.console.ports import ClipWish
from gateway.desks.console.words import BEHALF_LENGTH, KINDS, PURPOSES, in_reader_s
from gateway.edge.requires import requires
from gateway.kernel.errors import InvalidError, LenspactError
from gateway.kernel.principal import Principal
from gateway.web import Form, _, after, page, read_form

AnyRequest = Request[Any, Any, Any]

CLIP_BEFORE: Final = timedelta(minutes=5)  # a new request begins this long before now
CLIP_LENGTH: Final = timedelta(minutes=5)
_CLIP: Final = ("camera", "incident", "purpose", "from", "to", "legal_basis", "on_behalf_of", "by")


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
    asked = await console.seconds.recordings(principal)
    return page(
        "console/clips.html", request, title=_("Recordings"), theme="dark", lines=lines, cursor=cursor, asked=asked
    )


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
    is_for_two = form.given("by") == "two"
    try:
        ask = console.seconds.ask_for_recording if is_for_two else console.ask_for_clip
        await ask(principal, _read_clip(form, console))
    except LenspactError as error:
        return await _clip_form(request, principal, console, values=form.values, error=error)
    return after("/console/clips", "second-asked-recording" if is_for_two else "clip-asked")


async def _clip_form(
    request: AnyRequest, principal: Principal, console: ConsoleDesk, *, values: dict[str, str], **form: Any
) -> Template:
    scene = await console.scene(principal, values.get("incident", ""), purpose=values.get("purpose", ""))
    purpose = values.get("purpose") or scene.purpose
    name = await console.camera_name(principal, values.get("camera", ""), scene.incident, purpose=purpose)
    ways = await _ways(principal, console, {**values, "purpose": purpose, "incident": scene.incident.id})
    return page(
        "console/new_clip.html",
        request,
        title=_("Ask for a recording of %(name)s", name=name),
        theme="dark",
        scene=scene,
        ways=ways,
        zone=str(console.zone),
        values={"purpose": scene.purpose} | {k: v for k, v in values.items() if v},
        kinds=in_reader_s(KINDS),
        purposes=in_reader_s(PURPOSES),
        **form,
    )


async def _ways(principal: Principal, console: ConsoleDesk, values: Mapping[str, str]) -> ClipWays:
    """How what the form says now may be asked for; what cannot be read, in the usual way, which says what is wrong."""
    try:
        return await console.ways(principal, _read_clip(Form(values), console))
    except InvalidError:
        return ClipWays(owner=True, two=False)


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
    """A local time of the agency's zone, as a browser's field gives it: a whole minute comes without seconds (HTML)."""
    given = form.given(name)[:19]
    try:
        text = given if len(given) > len("2026-11-22T14:30") else f"{given}:00"
        moment = datetime.strptime(text, "%Y-%m-%dT%H:%M:%S").replace(tzinfo=console.zone)
    except ValueError:
        form.wrong(name, "Give day and time, for instance 2026-11-22T14:30:00.")
        return datetime.min.replace(tzinfo=UTC)
    return moment.astimezone(UTC)


def _local(moment: datetime, console: ConsoleDesk) -> str:
    return moment.astimezone(console.zone).strftime("%Y-%m-%dT%H:%M:%S")


CLIP_PAGES: Final = (clips_page, new_clip_page, ask_for_clip)
