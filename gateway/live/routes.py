"""`/api/v1/live-sessions`: open, read, leave, stop and account for live views."""

from datetime import datetime
from typing import Annotated, Final

import msgspec
from litestar import delete, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath, JSONBody

from gateway.edge.inputs import Line, OptionalLine, StrictInput
from gateway.edge.requires import requires
from gateway.kernel.principal import Principal
from gateway.live.call_routes import CALL_ROUTES
from gateway.live.model import OpenedBy, Session, words_of
from gateway.live.service import Live, OpenedView

_PATH: Final = "/api/v1/live-sessions"
Seconds = Annotated[int, msgspec.Meta(ge=0, le=86_400)]


class OpenView(StrictInput, frozen=True, kw_only=True):
    """Which camera, why, and from which browser.

    Attributes:
        dtls_fingerprint: SHA-256 of the browser's certificate for this view, upper-case hex with colons.
        opened_by: `incident` when it opened by itself with its incident.
        confirmation_id: a second person's word, for emergency access by two people.
        on_behalf_of: the other agency this is for, such as by mutual aid; empty for one's own.
    """

    camera_id: Line
    purpose: Line
    incident_id: OptionalLine = ""
    dtls_fingerprint: Line
    opened_by: OpenedBy = OpenedBy.PERSON
    confirmation_id: OptionalLine = ""
    on_behalf_of: OptionalLine = ""


class Seen(StrictInput, frozen=True, kw_only=True):
    """How long the picture was on screen and enlarged, since the view began."""

    on_screen_s: Seconds
    enlarged_s: Seconds


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
    )


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


LIVE_ROUTES: Final = (open_view, running_views, read_view, leave_view, stop_view, report_seen, *CALL_ROUTES)
