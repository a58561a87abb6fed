"""`/whip` and `/whep`: the signalling of live media over HTTP (RFC 9725, draft-ietf-wish-whep).

Both authenticate by the ticket in the header and read no cookie; whoever knows the name of a call, which only its
caller was given, may patch and end it. What each door answers is a table in docs/ref/live.md. Nothing is redirected:
the relays have no HTTP of their own.
"""

from typing import Any, Final, Literal

from litestar import Request, Response, delete, patch, post, route
from litestar.di import NamedDependency
from litestar.enums import HttpMethod
from litestar.exceptions import ClientException
from litestar.params import FromPath

from gateway.edge.problems import problem_of_kind, refused
from gateway.edge.requires import PUBLIC, requires
from gateway.live.call_headers import call_headers
from gateway.live.calls import Calls
from gateway.live.tunnels.service import path_of
from partner_agent.rtc.fragment import MEDIA_TYPE as FRAGMENT
from partner_agent.wire.limits import SDP_BYTES
from partner_agent.wire.tunnels import HEADER

_SDP: Final = "application/sdp"
_OPEN: Final = requires(PUBLIC, reads_cookies=False)
_HEADERS: Final = [call_headers]
_ENDPOINTS: Final = ["/whip/{subject:str}", "/whep/{subject:str}"]
_CALLS: Final = ["/whip/{subject:str}/{resource:str}", "/whep/{subject:str}/{resource:str}"]
_READING: Final = (HttpMethod.GET, HttpMethod.HEAD, HttpMethod.OPTIONS)
_AT_ENDPOINT: Final = {"allow": ", ".join((*_READING, HttpMethod.POST)), "accept-post": _SDP}
_AT_CALL: Final = {"allow": ", ".join((*_READING, HttpMethod.DELETE, HttpMethod.PATCH)), "accept-patch": FRAGMENT}

AnyRequest = Request[Any, Any, Any]


@post("/whip/{publication_id:str}", opt=_OPEN, middleware=_HEADERS, status_code=201, request_max_body_size=SDP_BYTES)
async def publish(
    publication_id: FromPath[str], request: AnyRequest, live_calls: NamedDependency[Calls]
) -> Response[str]:
    """A site publishes its camera."""
    return await _take("whip", publication_id, request, live_calls)


@post("/whep/{session_id:str}", opt=_OPEN, middleware=_HEADERS, status_code=201, request_max_body_size=SDP_BYTES)
async def view(session_id: FromPath[str], request: AnyRequest, live_calls: NamedDependency[Calls]) -> Response[str]:
    """A browser asks to see."""
    return await _take("whep", session_id, request, live_calls)


@patch(_CALLS, opt=_OPEN, middleware=_HEADERS, status_code=200, request_max_body_size=SDP_BYTES)
async def amend(
    subject: FromPath[str], resource: FromPath[str], request: AnyRequest, live_calls: NamedDependency[Calls]
) -> Response[str | None]:
    """Candidates found later are acknowledged; another user fragment restarts ICE (RFC 9725 §4.3)."""
    _demand_type(request, FRAGMENT)
    restarted = await live_calls.patch(subject, resource, request.headers.get("if-match"), await request.body())
    if restarted is None:
        return Response(None, status_code=204)
    return Response(restarted.sdp, status_code=200, media_type=FRAGMENT, headers={"etag": restarted.etag})


@delete(_CALLS, opt=_OPEN, middleware=_HEADERS, status_code=200)
async def leave(subject: FromPath[str], resource: FromPath[str], live_calls: NamedDependency[Calls]) -> Response[None]:
    """The end of a call, by whoever knows its name; no entity-tag is looked at (RFC 9725 §4.3.1)."""
    await live_calls.leave(subject, resource)
    return Response(None, status_code=200)


@route(_ENDPOINTS, http_method=HttpMethod.OPTIONS, opt=_OPEN, middleware=_HEADERS, status_code=200)
async def endpoint_options(subject: FromPath[str]) -> Response[None]:
    """What may be posted here (RFC 9725 §4.2)."""
    del subject
    return Response(None, status_code=200, headers=_AT_ENDPOINT)


@route(_CALLS, http_method=HttpMethod.OPTIONS, opt=_OPEN, middleware=_HEADERS, status_code=200)
async def call_options(subject: FromPath[str], resource: FromPath[str]) -> Response[None]:
    """What may be done to a call."""
    del subject, resource
    return Response(None, status_code=200, headers=_AT_CALL)


@route(
    [*_ENDPOINTS, *_CALLS],
    http_method=[HttpMethod.GET, HttpMethod.HEAD],
    opt=_OPEN,
    middleware=_HEADERS,
    status_code=200,
)
async def nothing_to_read() -> Response[bytes]:
    """No content, whatever is there (RFC 9725 §4.1); the type tells a player that this is WHEP."""
    return Response(b"", status_code=200, media_type=_SDP)


@route(
    _ENDPOINTS,
    http_method=[HttpMethod.DELETE, HttpMethod.PATCH, HttpMethod.PUT],
    opt=_OPEN,
    middleware=_HEADERS,
    status_code=405,
)
async def not_at_endpoint(request: AnyRequest) -> Response[bytes]:
    """405, and what may be done instead (RFC 9110 §15.5.6)."""
    return refused(request, problem_of_kind("method_not_allowed"), headers=_AT_ENDPOINT)


@route(_CALLS, http_method=[HttpMethod.POST, HttpMethod.PUT], opt=_OPEN, middleware=_HEADERS, status_code=405)
async def not_at_call(request: AnyRequest) -> Response[bytes]:
    """405, and what may be done instead (RFC 9110 §15.5.6)."""
    return refused(request, problem_of_kind("method_not_allowed"), headers=_AT_CALL)


CALL_ROUTES: Final = (
    endpoint_options,  # before the others of their paths, to which the framework would add its own
    call_options,
    publish,
    view,
    amend,
    leave,
    nothing_to_read,
    not_at_endpoint,
    not_at_call,
)


async def _take(door: Literal["whip", "whep"], subject: str, request: AnyRequest, calls: Calls) -> Response[str]:
    _demand_type(request, _SDP)
    authorization = request.headers.get("authorization", "")
    taken = await calls.take(door, subject, authorization, await request.body())
    headers = {"location": f"/{door}/{subject}/{taken.resource}", "etag": taken.etag, "accept-patch": FRAGMENT}
    if taken.pulse_s:
        headers["lenspact-pulse"] = f"{taken.pulse_s:g}"
    if door == "whip" and calls.tunnels is not None:
        headers[HEADER] = path_of(subject, taken.resource)
    if taken.links:
        headers["link"] = ", ".join(taken.links)
    return Response(taken.sdp, status_code=201, media_type=_SDP, headers=headers)


def _demand_type(request: AnyRequest, wanted: str) -> None:
    if request.headers.get("content-type", "").split(";")[0].strip().lower() != wanted:
        raise ClientException(status_code=415)
