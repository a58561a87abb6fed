"""The addresses agents use: pairing over HTTP, then the WebSocket. No cookie counts here."""

from typing import Annotated, Any, Final

import anyio
from litestar import Request, Response, Router, WebSocket, get, post, websocket
from litestar.di import NamedDependency
from litestar.enums import RequestEncodingType
from litestar.params import Body

from gateway.edge.bearer import bearer
from gateway.edge.requires import PUBLIC, requires
from gateway.sites.build import Sites
from gateway.sites.lines import PATH as LINE_PATH
from gateway.sites.oauth import DEVICE_PATH, TOKEN_PATH, Answer, error
from gateway.sites.ports import LinkClosedError
from partner_agent.wire.limits import LINE_BYTES, LINE_S

Form = Annotated[dict[str, Any], Body(media_type=RequestEncodingType.URL_ENCODED)]

_PUBLIC: Final = requires(PUBLIC, reads_cookies=False)
_NO_STORE: Final = {"cache-control": "no-store", "pragma": "no-cache"}  # RFC 6749 §5.1
_CLOSE_FOREIGN: Final = 4403
CLOSE_S: Final = 2.0  # then the route ends, and the server drops what the peer does not read


@post(DEVICE_PATH, opt=_PUBLIC, status_code=200, include_in_schema=False)
async def device_authorization(
    request: Request[Any, Any, Any], data: Form, sites: NamedDependency[Sites]
) -> Response[Any]:
    """RFC 8628 §3.1: an agent asks for its codes."""
    form = _plain(data)
    return _response(
        error("invalid_request") if form is None else await sites.enrolments.begin(form, address=_address(request))
    )


@post(TOKEN_PATH, opt=_PUBLIC, status_code=200, include_in_schema=False)
async def token(data: Form, sites: NamedDependency[Sites]) -> Response[Any]:
    """RFC 8628 §3.4: an agent asks whether its code was typed."""
    form = _plain(data)
    return _response(error("invalid_request") if form is None else await sites.enrolments.poll(form))


@get("/.well-known/oauth-authorization-server", opt=_PUBLIC, include_in_schema=False)
async def metadata(sites: NamedDependency[Sites]) -> Response[Any]:
    """RFC 8414 §3."""
    return Response(sites.enrolments.server.metadata(), headers={"cache-control": "max-age=300"})


@websocket("/agent/v1", opt=requires(PUBLIC, reads_cookies=False, deadline_s=None))
async def link(socket: WebSocket[Any, Any, Any], sites: NamedDependency[Sites]) -> None:
    """An agent's link. A browser of another origin is turned away before anything is said."""
    origin = socket.headers.get("origin")
    if origin is not None and origin != sites.public_url:
        await socket.close(_CLOSE_FOREIGN)
        return
    await socket.accept()
    await sites.hub.serve(SocketTransport(socket), address=_address(socket))


@post(
    LINE_PATH,
    opt=requires(PUBLIC, reads_cookies=False, deadline_s=LINE_S + 2.0),
    status_code=204,
    request_max_body_size=LINE_BYTES,
    include_in_schema=False,
)
async def measure_line(request: Request[Any, Any, Any], sites: NamedDependency[Sites]) -> None:
    """Bytes that an agent sends to learn what its line carries; who holds no token of a check learns nothing."""
    token = bearer(request.headers.get("authorization", ""))
    lines = sites.connection.lines
    lines.demand(token)
    await lines.take(token, request.stream())


class SocketTransport:
    """A Litestar WebSocket as the transport of a link."""

    def __init__(self, socket: WebSocket[Any, Any, Any]) -> None:
        self._socket = socket
        self._is_open = True

    async def receive(self) -> bytes | str:
        """The next frame."""
        event: dict[str, Any] = dict(await self._socket.receive())
        if event["type"] != "websocket.receive":
            self._is_open = False
            raise LinkClosedError
        text = event.get("text")
        return text if isinstance(text, str) else bytes(event.get("bytes") or b"")

    async def send(self, frame: bytes) -> None:
        """One text frame."""
        if not self._is_open:
            raise LinkClosedError
        try:
            await self._socket.send_text(frame.decode())
        except Exception as error:  # servers name a broken connection each in their own way
            self._is_open = False
            raise LinkClosedError from error

    async def close(self, code: int) -> None:
        """Close, if it is still open; a peer that does not read is not waited for."""
        if not self._is_open:
            return
        self._is_open = False
        try:
            with anyio.move_on_after(CLOSE_S):
                await self._socket.close(code)
        except Exception:  # noqa: BLE001 - it is gone already
            return


def agent_routes() -> Router:
    """Everything agents reach."""
    return Router("/", route_handlers=[device_authorization, token, metadata, link, measure_line])


def _plain(form: dict[str, Any]) -> dict[str, str] | None:
    """Every field once (RFC 6749 §3.2), or None."""
    return dict(form) if all(isinstance(value, str) for value in form.values()) else None


def _response(answer: Answer) -> Response[Any]:
    status, body = answer
    return Response(dict(body), status_code=status, headers=_NO_STORE, media_type="application/json")


def _address(connection: Request[Any, Any, Any] | WebSocket[Any, Any, Any]) -> str:
    return connection.client.host if connection.client else "unknown"
