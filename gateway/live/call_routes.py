"""`/whip` and `/whep`: the signalling of live media over HTTP (RFC 9725).

Both authenticate by the ticket in the header and read no cookie. The relay knows its public address and dials nobody,
so trickled candidates are acknowledged and not needed, and an ICE restart is not offered.
"""

from typing import Any, Final

from litestar import Request, Response, delete, patch, post, route
from litestar.di import NamedDependency
from litestar.enums import HttpMethod
from litestar.exceptions import ClientException
from litestar.params import FromPath

from gateway.edge.requires import PUBLIC, requires
from gateway.live.calls import Calls, Taken

_SDP: Final = "application/sdp"
_FRAGMENT: Final = "application/trickle-ice-sdpfrag"
_OPEN: Final = requires(PUBLIC, reads_cookies=False)
_ACCEPTED: Final = {"accept-post": _SDP, "accept-patch": _FRAGMENT}

AnyRequest = Request[Any, Any, Any]


@post("/whip/{publication_id:str}", opt=_OPEN, status_code=201)
async def publish(
    publication_id: FromPath[str], request: AnyRequest, live_calls: NamedDependency[Calls]
) -> Response[str]:
    """A site publishes its camera."""
    _demand_type(request, _SDP)
    authorization = request.headers.get("authorization", "")
    taken = await live_calls.take("whip", publication_id, authorization, await request.body())
    return _created(f"/whip/{publication_id}", taken)


@post("/whep/{session_id:str}", opt=_OPEN, status_code=201)
async def view(session_id: FromPath[str], request: AnyRequest, live_calls: NamedDependency[Calls]) -> Response[str]:
    """A browser asks to see."""
    _demand_type(request, _SDP)
    authorization = request.headers.get("authorization", "")
    taken = await live_calls.take("whep", session_id, authorization, await request.body())
    return _created(f"/whep/{session_id}", taken)


@patch(["/whip/{subject:str}/{resource:str}", "/whep/{subject:str}/{resource:str}"], opt=_OPEN, status_code=204)
async def trickle(
    subject: FromPath[str], resource: FromPath[str], request: AnyRequest, live_calls: NamedDependency[Calls]
) -> Response[None]:
    """Candidates found later; RFC 9725 §4.3.1: 422 for the restart we do not offer."""
    _demand_type(request, _FRAGMENT)
    await live_calls.check(subject, resource)
    is_restart = request.headers.get("if-match", "").strip('"') == "*"
    return Response(None, status_code=422 if is_restart else 204)


@delete(["/whip/{subject:str}/{resource:str}", "/whep/{subject:str}/{resource:str}"], opt=_OPEN, status_code=200)
async def leave(subject: FromPath[str], resource: FromPath[str], live_calls: NamedDependency[Calls]) -> Response[None]:
    """The end of a call, by whoever knows its name."""
    await live_calls.leave(subject, resource)
    return Response(None, status_code=200)


@route(["/whip/{subject:str}", "/whep/{subject:str}"], http_method=HttpMethod.OPTIONS, opt=_OPEN, status_code=204)
async def options(subject: FromPath[str]) -> Response[None]:
    """What may be posted here (RFC 9725 §4.2)."""
    del subject
    return Response(None, status_code=204, headers={**_ACCEPTED, "allow": "OPTIONS, POST"})


CALL_ROUTES: Final = (publish, view, trickle, leave, options)


def _demand_type(request: AnyRequest, wanted: str) -> None:
    if request.headers.get("content-type", "").split(";")[0].strip().lower() != wanted:
        raise ClientException(status_code=415)


def _created(place: str, taken: Taken) -> Response[str]:
    headers = {"location": f"{place}/{taken.resource}", "accept-patch": _FRAGMENT}
    return Response(taken.sdp, status_code=201, media_type=_SDP, headers=headers)
