"""The smallest HTTP server that a loopback page needs: one request a connection, small, bounded, with deadlines.

HTTP/1.1 as far as a browser on the same machine uses it (RFC 9112): a request line, headers, a form of at most 16 KiB.
Anything else is refused. Who may call, and with what Host and Origin, is `local_page`.
"""

import logging
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Final
from urllib.parse import parse_qsl, urlsplit

import anyio
import anyio.abc
from anyio.streams.buffered import BufferedByteReceiveStream

HEAD_BYTES: Final = 16 * 1024
BODY_BYTES: Final = 16 * 1024
REQUEST_S: Final = 10.0
MAX_CONNECTIONS: Final = 16
_GONE: Final = (anyio.BrokenResourceError, anyio.EndOfStream, anyio.IncompleteRead)
_LOG: Final = logging.getLogger(__name__)
_METHODS: Final = frozenset({"GET", "POST"})
_FORM: Final = "application/x-www-form-urlencoded"


class BadRequestError(Exception):
    """Not a request this server answers; `status` says why."""

    def __init__(self, status: HTTPStatus) -> None:
        super().__init__(status.phrase)
        self.status = status


@dataclass(frozen=True, slots=True)
class Request:
    """One request; header names are lower-case, a name that came twice is a bad request."""

    method: str
    path: str
    headers: Mapping[str, str]
    form: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Response:
    """One answer."""

    status: HTTPStatus
    body: str = ""
    content_type: str = "text/html; charset=utf-8"
    headers: Mapping[str, str] = field(default_factory=dict)

    def encode(self, always: Mapping[str, str]) -> bytes:
        """The bytes on the wire."""
        data = self.body.encode()
        fields = {**always, **self.headers, "Content-Type": self.content_type, "Content-Length": str(len(data))}
        lines = [f"HTTP/1.1 {self.status.value} {self.status.phrase}", "Connection: close"]
        lines += [f"{name}: {value}" for name, value in fields.items()]
        return ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1") + data


Handler = Callable[[Request], Awaitable[Response]]


async def serve(listener: anyio.abc.Listener[anyio.abc.ByteStream], handle: Handler, always: Mapping[str, str]) -> None:
    """Answer until cancelled; `always` are the headers every answer carries."""
    limiter = anyio.CapacityLimiter(MAX_CONNECTIONS)

    async def one(stream: anyio.abc.ByteStream) -> None:
        async with stream, limiter:
            with anyio.move_on_after(REQUEST_S):
                await _answer(stream, handle, always)

    await listener.serve(one)


async def _answer(stream: anyio.abc.ByteStream, handle: Handler, always: Mapping[str, str]) -> None:
    try:
        try:
            response = await handle(await read_request(BufferedByteReceiveStream(stream)))
        except BadRequestError as error:
            response = Response(error.status, error.status.phrase, "text/plain; charset=utf-8")
        except _GONE:
            raise
        except Exception:  # noqa: BLE001 - the supervisor of one request: the agent goes on whatever a browser sends
            _LOG.exception("a request to the page on site failed")
            status = HTTPStatus.INTERNAL_SERVER_ERROR
            response = Response(status, status.phrase, "text/plain; charset=utf-8")
        await stream.send(response.encode(always))
    except _GONE:
        return  # the browser went away


async def read_request(stream: BufferedByteReceiveStream) -> Request:
    """Parse one request.

    Raises:
        BadRequestError: too large, malformed, or of a kind this page does not take.
    """
    try:
        head = (await stream.receive_until(b"\r\n\r\n", HEAD_BYTES)).decode("ascii")
    except (anyio.DelimiterNotFound, UnicodeDecodeError) as error:
        raise BadRequestError(HTTPStatus.BAD_REQUEST) from error
    if len(head) > HEAD_BYTES:  # one read may bring more than asked for
        raise BadRequestError(HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE)
    line, *fields = head.split("\r\n")
    parts = line.split(" ")
    if len(parts) != 3 or parts[2] not in {"HTTP/1.1", "HTTP/1.0"} or not parts[1].startswith("/"):
        raise BadRequestError(HTTPStatus.BAD_REQUEST)
    if parts[0] not in _METHODS:
        raise BadRequestError(HTTPStatus.METHOD_NOT_ALLOWED)
    headers = _headers(fields)
    form = await _form(stream, headers) if parts[0] == "POST" else {}
    try:
        path = urlsplit(parts[1]).path
    except ValueError as error:  # "//[": a host that is none
        raise BadRequestError(HTTPStatus.BAD_REQUEST) from error
    return Request(method=parts[0], path=path, headers=headers, form=form)


def _headers(fields: list[str]) -> dict[str, str]:
    headers: dict[str, str] = {}
    for text in fields:
        name, separator, value = text.partition(":")
        if not separator or name != name.strip() or not name or name.lower() in headers:
            raise BadRequestError(HTTPStatus.BAD_REQUEST)  # RFC 9112 §5.1; a doubled Host must not mean two things
        headers[name.lower()] = value.strip()
    return headers


async def _form(stream: BufferedByteReceiveStream, headers: Mapping[str, str]) -> dict[str, str]:
    length = headers.get("content-length", "")
    if "transfer-encoding" in headers or not length.isdecimal():
        raise BadRequestError(HTTPStatus.LENGTH_REQUIRED)
    if len(length) > len(str(BODY_BYTES)) or int(length) > BODY_BYTES:
        raise BadRequestError(HTTPStatus.REQUEST_ENTITY_TOO_LARGE)
    body = await stream.receive_exactly(int(length)) if int(length) else b""
    if body and headers.get("content-type", "").split(";")[0].strip().lower() != _FORM:
        raise BadRequestError(HTTPStatus.UNSUPPORTED_MEDIA_TYPE)
    try:
        return dict(parse_qsl(body.decode(), max_num_fields=16, keep_blank_values=True))
    except ValueError as error:
        raise BadRequestError(HTTPStatus.BAD_REQUEST) from error
