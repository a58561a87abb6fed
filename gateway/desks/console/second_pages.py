"""Pages of emergency access by two people: the question beside a camera, and what the second person answers."""

from datetime import datetime
from typing import Annotated, Any, Final
from urllib.parse import urlencode

import msgspec
from litestar import Request, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath, JSONBody
from litestar.response import Redirect, Template

from gateway.desks.console.desk import ConsoleDesk
from gateway.desks.console.pages import incident_view
from gateway.desks.console.ports import SecondAsk
from gateway.desks.console.words import KINDS, PURPOSES, in_reader_s
from gateway.edge.inputs import Line, StrictInput
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


class StillOfTwo(StrictInput, frozen=True, kw_only=True):
    """Of which camera, and why."""

    camera_id: Line
    purpose: Line
    incident_id: Line


class LookBack(StrictInput, frozen=True, kw_only=True):
    """Of which camera, why, and the moment that is wanted."""

    camera_id: Line
    purpose: Line
    incident_id: Line
    at: Annotated[datetime, msgspec.Meta(tz=True)]


class SecondState(msgspec.Struct, frozen=True, kw_only=True):
    """How a question to a second person stands, and the range of the recording it is about."""

    confirmation_id: str
    until: datetime
    state: str
    is_over: bool
    range_from: datetime | None
    range_to: datetime | None

    @classmethod
    def of(cls, ask: SecondAsk) -> "SecondState":
        """What the page needs of it."""
        return cls(
            confirmation_id=ask.id,
            until=ask.until,
            state=ask.state,
            is_over=ask.is_over,
            range_from=ask.t0,
            range_to=ask.t1,
        )


@post("/console/look-back", opt=requires("recorded.view"), status_code=201, include_in_schema=False)
async def ask_to_look_back(
    data: JSONBody[LookBack], principal: NamedDependency[Principal], console: NamedDependency[ConsoleDesk]
) -> SecondState:
    """Ask for a second person to look at the recording around a moment, once."""
    ask = await console.seconds.ask_to_look_back(
        principal, camera_id=data.camera_id, purpose=data.purpose, incident_id=data.incident_id, at=data.at
    )
    return SecondState.of(ask)


@post("/console/still", opt=requires("still.take"), status_code=201, include_in_schema=False)
async def ask_for_still(
    data: JSONBody[StillOfTwo], principal: NamedDependency[Principal], console: NamedDependency[ConsoleDesk]
) -> SecondState:
    """Ask for a second person for one still."""
    ask = await console.seconds.ask_for_still(
        principal, camera_id=data.camera_id, purpose=data.purpose, incident_id=data.incident_id
    )
    return SecondState.of(ask)


@get("/console/confirm/{ask_id:str}/state", opt=requires("console.read"), include_in_schema=False)
async def second_state(
    principal: NamedDependency[Principal], console: NamedDependency[ConsoleDesk], ask_id: FromPath[str]
) -> SecondState:
    """How a question stands, for the page of whoever asked."""
    return SecondState.of(await console.seconds.one(principal, ask_id))


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
    done = "second-confirmed-recording" if ask.act == Act.CLIP_FETCH else "second-confirmed"
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


SECOND_PAGES: Final = (ask_second, ask_to_look_back, ask_for_still, second_state, confirm_page, answer_second)
