"""`/api/v1/recorded-views`: look at a site's recording. Once open it is a live session like any other."""

from dataclasses import replace
from datetime import datetime
from typing import Annotated, Final, Literal, TypeVar

import msgspec
from litestar import get, post
from litestar.di import NamedDependency
from litestar.params import FromPath, FromQuery, JSONBody

from gateway.edge.inputs import Line, OptionalLine, StrictInput
from gateway.edge.requires import requires
from gateway.kernel.errors import InvalidError
from gateway.kernel.principal import Principal
from gateway.live.asking.answers import Asked
from gateway.live.asking.ports import AskWish
from gateway.live.asking.service import ViewAsks
from gateway.live.opening import OpenedView
from gateway.live.ports import ViewQuestion
from gateway.live.query import QUESTION
from gateway.live.service import Live
from gateway.live.showing import Order, Showings
from partner_agent.wire.clock import from_rfc3339
from partner_agent.wire.messages import Message
from policies.vocabulary import Act, Remedy

_PATH: Final = "/api/v1/recorded-views"
_VIEW: Final = "/api/v1/live-sessions/{session_id:str}"
_MAY: Final = requires("recorded.view")
_YEARS: Final = (1970, 9998)
_Told = TypeVar("_Told", bound=msgspec.Struct)
Moment = Annotated[datetime, msgspec.Meta(tz=True)]


class OpenRecorded(StrictInput, frozen=True, kw_only=True):
    """Which camera, why, from which browser, and the moment to begin at.

    Attributes:
        dtls_fingerprint: as for a live view.
        at: the moment that is wanted; what may be shown lies around it.
    """

    camera_id: Line
    purpose: Line
    incident_id: OptionalLine = ""
    dtls_fingerprint: Line
    at: Moment
    on_behalf_of: OptionalLine = ""
    confirmation_id: OptionalLine = ""


class AskForRecorded(StrictInput, frozen=True, kw_only=True):
    """Of which camera, why, and the moment that is wanted."""

    camera_id: Line
    purpose: Line
    incident_id: Line
    at: Moment


class Steer(StrictInput, frozen=True, kw_only=True):
    """An order to a playback; what is left out stays as it is."""

    position: Moment | None = None
    speed_percent: int | None = None
    is_paused: bool | None = None
    step: Literal[1, -1] | None = None


class Offer(msgspec.Struct, frozen=True, kw_only=True):
    """What could be shown now; without times where nothing can.

    Attributes:
        is_once: it is the owner's yes that shows it, or a second person's: one view.
        may_ask: it would be shown if its owner agreed, who can be asked, or was and may still answer.
        may_second: it would be shown if a second person confirmed it.
    """

    range_from: datetime | None = None
    range_to: datetime | None = None
    is_once: bool = False
    may_ask: bool = False
    may_second: bool = False


class Place(msgspec.Struct, frozen=True, kw_only=True):
    """Where a playback is: the picture `ticks` (1/90,000 s) after the stream's first one is that of `anchored_at`."""

    position: str
    speed_percent: int
    is_paused: bool
    is_over: bool
    ticks: int
    anchored_at: str


class Recorded(msgspec.Struct, frozen=True, kw_only=True):
    """What of the range is recorded; of the rest, why not."""

    spans: list[list[str]]
    gaps: list[list[str]]


class Pictures(msgspec.Struct, frozen=True, kw_only=True):
    """Pairs of a time and its picture, JPEG in base64."""

    pictures: list[list[str]]


@get(_PATH, opt=_MAY, dependencies=QUESTION)
async def offered(
    question: NamedDependency[ViewQuestion], showings: NamedDependency[Showings], at: FromQuery[str]
) -> Offer:
    """Whether a view would be permitted now, and of which range; opens nothing."""
    offered = await showings.offer(replace(question, wanted_at=_moment(at)))
    span, ways = offered.footage, offered.remedies
    if span is None:
        return Offer(may_ask=Remedy.ASK in ways, may_second=Remedy.TWO_PERSONS in ways)
    return Offer(range_from=span.start, range_to=span.end, is_once=offered.is_once)


@post(_PATH + "/asks", opt=_MAY, status_code=201)
async def ask_for_recorded(
    data: JSONBody[AskForRecorded], principal: NamedDependency[Principal], view_asks: NamedDependency[ViewAsks]
) -> Asked:
    """Ask the owner to show the recording around a moment, once; what is asked for is in the answer."""
    wish = AskWish(
        camera_id=data.camera_id,
        purpose=data.purpose,
        incident_id=data.incident_id,
        act=Act.RECORDED_VIEW,
        wanted_at=_of_cameras(data.at),
    )
    return Asked.of(await view_asks.ask(principal, wish))


@post(_PATH, opt=_MAY, status_code=201)
async def open_recorded(
    data: JSONBody[OpenRecorded], principal: NamedDependency[Principal], live: NamedDependency[Live]
) -> OpenedView:
    """Open a view of the recording; call `whep_url` with the ticket within 30 s."""
    return await live.open(
        principal,
        camera_id=data.camera_id,
        purpose=data.purpose,
        incident_id=data.incident_id,
        fingerprint=data.dtls_fingerprint,
        on_behalf_of=data.on_behalf_of,
        confirmation_id=data.confirmation_id,
        wanted_at=_of_cameras(data.at),
    )


@post(_VIEW + "/playback", opt=_MAY, status_code=200)
async def steer(
    session_id: FromPath[str],
    data: JSONBody[Steer],
    principal: NamedDependency[Principal],
    showings: NamedDependency[Showings],
) -> Place:
    """Play there, or so; an empty order only asks where it is."""
    order = Order(position=data.position, speed_percent=data.speed_percent, is_paused=data.is_paused, step=data.step)
    return _plain(Place, await showings.steer(principal, session_id, order))


@get(_VIEW + "/coverage", opt=_MAY)
async def coverage(
    session_id: FromPath[str], principal: NamedDependency[Principal], showings: NamedDependency[Showings]
) -> Recorded:
    """What of the range is recorded."""
    return _plain(Recorded, await showings.coverage(principal, session_id))


@get(_VIEW + "/thumbnails", opt=_MAY)
async def thumbnails(
    session_id: FromPath[str],
    principal: NamedDependency[Principal],
    showings: NamedDependency[Showings],
    at: FromQuery[str],
) -> Pictures:
    """Small pictures at these moments, given with commas between them."""
    return _plain(Pictures, await showings.thumbnails(principal, session_id, [_moment(one) for one in at.split(",")]))


def _plain(kind: type[_Told], answer: Message) -> _Told:
    """What of a site's answer the page is told."""
    return msgspec.convert(answer, kind, from_attributes=True)


def _moment(text: str) -> datetime:
    try:
        return _of_cameras(from_rfc3339(text))
    except ValueError as error:
        raise InvalidError("Say when, as 2026-11-22T13:00:00Z.", fields={"at": "This is no time."}) from error


def _of_cameras(moment: datetime) -> datetime:
    """A time at which there could be a recording; minutes before and after it are times, too.

    Raises:
        InvalidError: it is of another age.
    """
    if not _YEARS[0] <= moment.year <= _YEARS[1]:
        raise InvalidError("Say when, as 2026-11-22T13:00:00Z.", fields={"at": "This is no time."})
    return moment


RECORDED_ROUTES: Final = (offered, ask_for_recorded, open_recorded, steer, coverage, thumbnails)
