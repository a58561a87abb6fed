"""`/api/v1/live-sessions`: open, read, leave, stop and account for live views."""

from datetime import datetime
from typing import Annotated, Final

import anyio
import msgspec
from litestar import Response, delete, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath, JSONBody

from gateway.edge.inputs import Line, OptionalLine, StrictInput
from gateway.edge.problems import problem_of
from gateway.edge.requires import requires
from gateway.kernel.errors import InvalidError, LenspactError
from gateway.kernel.principal import Principal
from gateway.live.call_routes import CALL_ROUTES
from gateway.live.calls import Calls
from gateway.live.ice_routes import ice_servers
from gateway.live.model import OpenedBy, Session, words_of
from gateway.live.opening import MOST_AT_ONCE, Opened, OpenedView, ViewWish
from gateway.live.phones.routes import PHONE_ROUTES
from gateway.live.recorded_routes import RECORDED_ROUTES
from gateway.live.service import Live
from gateway.live.stills.routes import STILL_ROUTES
from gateway.live.tunnels.routes import tunnel
from gateway.web import _
from partner_agent.wire.limits import SDP_BYTES

_PATH: Final = "/api/v1/live-sessions"
Seconds = Annotated[int, msgspec.Meta(ge=0, le=86_400)]


class OpenView(StrictInput, frozen=True, kw_only=True):
    """Which camera, why, and from which browser.

    Attributes:
        dtls_fingerprint: SHA-256 of the browser's certificate for this view, upper-case hex with colons.
        opened_by: `incident` when it opened by itself with its incident.
        confirmation_id: a second person's word, for emergency access by two people.
        on_behalf_of: the other agency this is for, such as by mutual aid; empty for one's own.
        sound: its sound is wanted too; where that is not permitted there is no view.
    """

    camera_id: Line
    purpose: Line
    incident_id: OptionalLine = ""
    dtls_fingerprint: Line
    opened_by: OpenedBy = OpenedBy.PERSON
    confirmation_id: OptionalLine = ""
    on_behalf_of: OptionalLine = ""
    sound: bool = False


class OpenOne(OpenView, frozen=True, kw_only=True):
    """One picture of a wall.

    Attributes:
        offer: the SDP to call the relay with at once; empty when the browser calls by itself.
    """

    offer: Annotated[str, msgspec.Meta(max_length=SDP_BYTES)] = ""


class OpenSeveral(StrictInput, frozen=True, kw_only=True):
    """A wall of pictures, each of another camera."""

    views: Annotated[list[OpenOne], msgspec.Meta(min_length=1, max_length=MOST_AT_ONCE)]


class Called(msgspec.Struct, frozen=True, kw_only=True):
    """A call that the relay took: its answer, its address as in `Location`, its ETag, and its pulse in seconds."""

    sdp: str
    location: str
    etag: str
    links: tuple[str, ...]
    pulse_s: float


class Refused(msgspec.Struct, frozen=True, kw_only=True):
    """What the relay's no to a call would be answered with."""

    status: int
    detail: str


class OneAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """What became of one picture of a wall.

    Attributes:
        status: what opening it alone would be answered with.
        view: where it was opened.
        call: where an offer came with it and the relay took it; its ticket is used up by that, whatever came of it.
        refused: where the relay did not take it.
        detail: a sentence, where it was not opened.
    """

    status: int
    view: OpenedView | None = None
    call: Called | None = None
    refused: Refused | None = None
    detail: str = ""


class Seen(StrictInput, frozen=True, kw_only=True):
    """How long the picture was on screen and enlarged, since the view began."""

    on_screen_s: Seconds
    enlarged_s: Seconds


class Size(StrictInput, frozen=True, kw_only=True):
    """How many lines of pixels high the picture is on the screen; 0 while it is off screen."""

    lines: Annotated[int, msgspec.Meta(ge=0, le=8640)]


class View(msgspec.Struct, frozen=True, kw_only=True):
    """One view as its viewer or a supervisor reads it; `words` is what the tile says, empty while all is well."""

    session_id: str
    camera_id: str
    person_id: str
    unit: str
    role: str
    purpose: str
    incident_id: str
    opened_by: str
    state: str
    words: str
    requested_at: datetime
    horizon_at: datetime
    ended_at: datetime | None
    on_screen_s: int
    enlarged_s: int
    act: str
    has_sound: bool
    range_from: datetime | None
    range_to: datetime | None
    shown_to: str

    @classmethod
    def of(cls, session: Session) -> "View":
        """What may be told of `session`."""
        return cls(
            session_id=session.id,
            camera_id=session.camera_id,
            person_id=session.person_id,
            unit=session.unit,
            role=session.role,
            purpose=session.purpose,
            incident_id=session.incident_id,
            opened_by=session.opened_by.value,
            state=session.state.value,
            words=words_of(session).value,
            requested_at=session.requested_at,
            horizon_at=session.horizon_at,
            ended_at=session.ended_at,
            on_screen_s=session.on_screen_s,
            enlarged_s=session.enlarged_s,
            act=session.act,
            has_sound=session.has_sound,
            range_from=session.range_from,
            range_to=session.range_to,
            shown_to=session.shown_to,
        )


@post(_PATH, opt=requires("live.view"), status_code=201)
async def open_view(
    data: JSONBody[OpenView], principal: NamedDependency[Principal], live: NamedDependency[Live]
) -> OpenedView:
    """Open a live view; call `whep_url` with the ticket within 30 s."""
    return await live.open(
        principal,
        camera_id=data.camera_id,
        purpose=data.purpose,
        incident_id=data.incident_id,
        fingerprint=data.dtls_fingerprint,
        opened_by=data.opened_by,
        confirmation_id=data.confirmation_id,
        on_behalf_of=data.on_behalf_of,
        sound=data.sound,
    )


@post(
    _PATH + "/several", opt=requires("live.view"), status_code=200, request_max_body_size=MOST_AT_ONCE * 2 * SDP_BYTES
)
async def open_several_views(
    data: JSONBody[OpenSeveral],
    principal: NamedDependency[Principal],
    live: NamedDependency[Live],
    live_calls: NamedDependency[Calls],
) -> list[OneAnswer]:
    """Open a wall in one question; each picture is answered for itself, in the order asked."""
    if len({one.camera_id for one in data.views}) < len(data.views):
        raise InvalidError("A camera is asked for twice.")
    opened = await live.open_several(principal, [_wish_of(one) for one in data.views])
    answers = [_NOTHING] * len(opened)

    async def answer(number: int, one: Opened) -> None:
        answers[number] = await _one_answer(one, data.views[number].offer, live_calls)

    async with anyio.create_task_group() as tasks:
        for number, one in enumerate(opened):
            tasks.start_soon(answer, number, one)
    return answers


@get(_PATH, opt=requires("session.stop"))
async def running_views(live: NamedDependency[Live]) -> list[View]:
    """Everything that is watched now."""
    return [View.of(session) for session in live.running()]


@get(_PATH + "/{session_id:str}", opt=requires("live.view"))
async def read_view(
    session_id: FromPath[str], principal: NamedDependency[Principal], live: NamedDependency[Live]
) -> View:
    """Where a view stands."""
    return View.of(await live.view(principal, session_id))


@get(_PATH + "/{session_id:str}/first-picture", opt=requires("live.view"))
async def first_picture(
    session_id: FromPath[str], principal: NamedDependency[Principal], live: NamedDependency[Live]
) -> Response[bytes]:
    """The newest key picture of one's own view, once, while the connection is on its way; 204 where there is none."""
    picture = await live.first_pictures.of(principal, session_id)
    headers = {"cache-control": "no-store"}
    if picture is None:
        return Response(b"", status_code=204, headers=headers)
    headers["lenspact-codec"] = picture.codec
    return Response(picture.data, status_code=200, media_type="video/h264", headers=headers)


@delete(_PATH + "/{session_id:str}", opt=requires("live.view"))
async def leave_view(
    session_id: FromPath[str], principal: NamedDependency[Principal], live: NamedDependency[Live]
) -> None:
    """Close one's own view."""
    await live.leave(principal, session_id)


@post(_PATH + "/{session_id:str}/stop", opt=requires("session.stop"), status_code=204)
async def stop_view(
    session_id: FromPath[str], principal: NamedDependency[Principal], live: NamedDependency[Live]
) -> None:
    """Stop somebody's view; answered when no picture passes any more."""
    await live.stop(principal, session_id)


@post(_PATH + "/{session_id:str}/seen", opt=requires("live.view"), status_code=204)
async def report_seen(
    session_id: FromPath[str],
    data: JSONBody[Seen],
    principal: NamedDependency[Principal],
    live: NamedDependency[Live],
) -> None:
    """What the page measured."""
    await live.seen(principal, session_id, on_screen_s=data.on_screen_s, enlarged_s=data.enlarged_s)


@post(_PATH + "/{session_id:str}/size", opt=requires("live.view"), status_code=204)
async def report_size(
    session_id: FromPath[str],
    data: JSONBody[Size],
    principal: NamedDependency[Principal],
    live: NamedDependency[Live],
) -> None:
    """How large it is shown: a camera with two streams sends the larger one while that is worth it."""
    live.sized(principal, session_id, lines=data.lines)


_NOTHING: Final = OneAnswer(status=500)


async def _one_answer(opened: Opened, offer: str, calls: Calls) -> OneAnswer:
    if isinstance(opened, LenspactError):
        no = _refused(opened)
        return OneAnswer(status=no.status, detail=no.detail)
    if not offer:
        return OneAnswer(status=201, view=opened)
    try:
        taken = await calls.take("whep", opened.session_id, f"Bearer {opened.ticket}", offer.encode())
    except LenspactError as error:
        return OneAnswer(status=201, view=opened, refused=_refused(error))
    location = f"{opened.whep_url}/{taken.resource}"
    call = Called(sdp=taken.sdp, location=location, etag=taken.etag, links=taken.links, pulse_s=taken.pulse_s)
    return OneAnswer(status=201, view=opened, call=call)


def _refused(error: LenspactError) -> Refused:
    problem = problem_of(error)
    return Refused(status=problem.status, detail=_(problem.sentence))


def _wish_of(one: OpenView) -> ViewWish:
    return ViewWish(
        camera_id=one.camera_id,
        purpose=one.purpose,
        incident_id=one.incident_id,
        fingerprint=one.dtls_fingerprint,
        opened_by=one.opened_by,
        confirmation_id=one.confirmation_id,
        on_behalf_of=one.on_behalf_of,
        sound=one.sound,
    )


LIVE_ROUTES: Final = (
    open_view,
    open_several_views,
    running_views,
    read_view,
    first_picture,
    leave_view,
    stop_view,
    report_seen,
    report_size,
    ice_servers,
    *RECORDED_ROUTES,
    *STILL_ROUTES,
    *PHONE_ROUTES,
    *CALL_ROUTES,
    tunnel,
)
