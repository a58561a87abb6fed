"""Pages of emergency access by two people: the question beside a camera, and what the second person answers."""

from typing import Any, Final
from urllib.parse import urlencode

from litestar import Request, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath
from litestar.response import Redirect, Template

from gateway.desks.console.desk import ConsoleDesk
from gateway.desks.console.pages import incident_view
from gateway.desks.console.words import KINDS, PURPOSES, in_reader_s
from gateway.edge.requires import requires
from gateway.kernel.errors import ConflictError, DeniedError, LenspactError, LimitedError, UnavailableError
from gateway.kernel.principal import Principal
from gateway.web import _, after, page, read_form
from policies.vocabulary import Act

AnyRequest = Request[Any, Any, Any]


@post(
    "/console/incidents/{incident_id:str}/second",
    opt=requires("live.view"),
    status_code=200,
    include_in_schema=False,
)
async def ask_second(
    request: AnyRequest,
    principal: NamedDependency[Principal],
    console: NamedDependency[ConsoleDesk],
    incident_id: FromPath[str],
) -> Template | Redirect:
    """Ask for a second person, once."""
    form = await read_form(request, "camera", "purpose")
    camera, purpose = form.given("camera"), form.given("purpose")
    try:
        await console.seconds.ask(principal, camera_id=camera, purpose=purpose, incident_id=incident_id)
    except (ConflictError, DeniedError, LimitedError, UnavailableError) as error:
        return await incident_view(request, principal, console, incident_id, purpose=purpose, error=error)
    return after(f"/console/incidents/{incident_id}?{urlencode({'purpose': purpose})}", "second-asked")


@get("/console/confirm/{ask_id:str}", opt=requires("console.read"), include_in_schema=False)
async def confirm_page(
    request: AnyRequest,
    principal: NamedDependency[Principal],
    console: NamedDependency[ConsoleDesk],
    ask_id: FromPath[str],
) -> Template:
    """Who asks, for which camera, and why; made for a phone."""
    return await _confirm(request, principal, console, ask_id)


@post("/console/confirm/{ask_id:str}", opt=requires("second.confirm"), status_code=200, include_in_schema=False)
async def answer_second(
    request: AnyRequest,
    principal: NamedDependency[Principal],
    console: NamedDependency[ConsoleDesk],
    ask_id: FromPath[str],
) -> Template | Redirect:
    """Yes or no."""
    form = await read_form(request, "answer")
    try:
        answer = form.choice("answer", ["confirm", "decline"])
        form.check()
        ask = await console.seconds.answer(principal, ask_id, is_yes=answer == "confirm")
    except LenspactError as error:
        return await _confirm(request, principal, console, ask_id, error=error)
    if answer == "decline":
        return after(f"/console/confirm/{ask_id}", "second-declined")
    done = "second-confirmed" if ask.act == Act.LIVE_VIEW else "second-confirmed-recording"
    return after(f"/console/confirm/{ask_id}", done)


async def _confirm(
    request: AnyRequest, principal: Principal, console: ConsoleDesk, ask_id: str, **form: Any
) -> Template:
    shown = await console.seconds.view(principal, ask_id)
    return page(
        "console/confirm.html",
        request,
        title=_("Emergency access by two people"),
        theme="dark",
        shown=shown,
        kinds=in_reader_s(KINDS),
        purposes=in_reader_s(PURPOSES),
        **form,
    )


SECOND_PAGES: Final = (ask_second, confirm_page, answer_second)
