"""tus 1.0 at `/uploads`: core, creation, expiration, termination, checksum (tus.io/protocols/resumable-upload).

The secret of the grant comes as `Authorization: Bearer`; cookies count for nothing here. Who does not hold it learns
nothing: 404. Bodies are streamed, never gathered.
"""

import base64
import binascii
from collections.abc import AsyncIterator
from email.utils import format_datetime
from typing import Any, Final

import anyio
from litestar import Request, Response, delete, head, patch, post, route
from litestar.di import NamedDependency
from litestar.exceptions import InternalServerException
from litestar.handlers import HTTPRouteHandler
from litestar.params import FromPath

from gateway.edge.bearer import bearer
from gateway.edge.problems import Problem, problem_of, problem_of_kind, refused
from gateway.edge.requires import PUBLIC, requires
from gateway.evidence.model import MAX_UPLOAD_BYTES, Upload
from gateway.evidence.service import Evidence
from gateway.evidence.uploads import Checksum, ChecksumError, NoSpaceError, UploadGoneError
from gateway.kernel.errors import (
    ConflictError,
    InvalidError,
    NotFoundError,
    PreconditionError,
    UnavailableError,
)

VERSION: Final = "1.0.0"
PIECE_TIMEOUT_S: Final = 30.0  # between two pieces of a body; a client that pauses longer resumes
_EXTENSIONS: Final = "creation,expiration,termination,checksum"
_OPEN: Final = requires(PUBLIC, reads_cookies=False)
_STREAM: Final = requires(PUBLIC, reads_cookies=False, deadline_s=None)
_OFFSET_TYPE: Final = "application/offset+octet-stream"
_SIZES: Final = {"sha1": 20, "sha256": 32}

AnyRequest = Request[Any, Any, Any]


class _TusVersionError(Exception):
    """Another version of the protocol."""


_KINDS: Final[dict[type[Exception], str]] = {  # the others are errors of the kernel, which have theirs
    UploadGoneError: "gone",
    ChecksumError: "checksum",
    NoSpaceError: "no_space",
    _TusVersionError: "version",
}

_REFUSALS: Final = (
    _TusVersionError,
    UploadGoneError,
    ChecksumError,
    NoSpaceError,
    NotFoundError,
    ConflictError,
    PreconditionError,
    InvalidError,
    UnavailableError,
)


@route("/uploads", http_method=["OPTIONS"], opt=_OPEN, sync_to_thread=False)
def options() -> Response[None]:
    """What this server can."""
    return _answer(
        204,
        {
            "Tus-Version": VERSION,
            "Tus-Extension": _EXTENSIONS,
            "Tus-Max-Size": str(MAX_UPLOAD_BYTES),
            "Tus-Checksum-Algorithm": ",".join(_SIZES),
        },
    )


@post("/uploads", opt=_OPEN)
async def create(request: AnyRequest, evidence: NamedDependency[Evidence]) -> Response[Any]:
    """Open the upload that the secret is for."""
    try:
        token = _token(request)
        upload = await evidence.uploads.create(token, _number(request, "upload-length"))
    except _REFUSALS as error:
        return _refused(request, _problem(error))
    return _answer(201, {"Location": evidence.upload_url(upload.id), **_expires(upload)})


@head("/uploads/{upload_id:str}", opt=_OPEN)
async def look(request: AnyRequest, upload_id: FromPath[str], evidence: NamedDependency[Evidence]) -> Response[None]:
    """Where the upload stands."""
    try:
        upload = await evidence.uploads.look(upload_id, _token(request))
    except _REFUSALS as error:
        return _answer(_problem(error).status, {"Tus-Version": VERSION})
    place = {"Upload-Offset": str(upload.offset), "Upload-Length": str(upload.length), "Cache-Control": "no-store"}
    return _answer(200, place | _expires(upload))


@patch("/uploads/{upload_id:str}", opt=_STREAM, request_max_body_size=None)
async def write(request: AnyRequest, upload_id: FromPath[str], evidence: NamedDependency[Evidence]) -> Response[Any]:
    """Take bytes."""
    if request.headers.get("content-type") != _OFFSET_TYPE:
        return _refused(request, problem_of_kind("unsupported_media"))
    try:
        upload = await evidence.uploads.write(
            upload_id,
            _token(request),
            offset=_number(request, "upload-offset"),
            body=_pieces(request),
            checksum=_checksum(request),
        )
    except _REFUSALS as error:
        return _refused(request, _problem(error))
    return _answer(204, {"Upload-Offset": str(upload.offset), **_expires(upload)})


@delete("/uploads/{upload_id:str}", opt=_OPEN, status_code=200)
async def terminate(
    request: AnyRequest, upload_id: FromPath[str], evidence: NamedDependency[Evidence]
) -> Response[Any]:
    """Give up."""
    try:
        await evidence.uploads.terminate(upload_id, _token(request))
    except _REFUSALS as error:
        return _refused(request, _problem(error))
    return _answer(204)


def upload_routes() -> list[HTTPRouteHandler]:
    """Every handler of uploads."""
    return [options, create, look, write, terminate]


async def _pieces(request: AnyRequest) -> AsyncIterator[bytes]:
    """The body as it comes; ends where the client's connection does."""
    stream = aiter(request.stream())
    while True:
        try:
            with anyio.fail_after(PIECE_TIMEOUT_S):
                piece = await anext(stream)
        except (StopAsyncIteration, TimeoutError, InternalServerException):
            return  # Litestar's word for a client that went away is an internal error
        yield piece


def _token(request: AnyRequest) -> str:
    """The secret, once the version fits.

    Raises:
        _TusVersionError: no or another `Tus-Resumable`.
        NotFoundError: no secret.
    """
    if request.headers.get("tus-resumable") != VERSION:
        raise _TusVersionError
    token = bearer(request.headers.get("authorization", ""))
    if not token:
        raise NotFoundError("There is no such upload.")
    return token


def _number(request: AnyRequest, name: str) -> int:
    text = request.headers.get(name, "")
    if not (text.isascii() and text.isdecimal() and len(text) <= 18):
        raise InvalidError(f"{name} is a number of bytes.")
    return int(text)


def _checksum(request: AnyRequest) -> Checksum | None:
    header = request.headers.get("upload-checksum")
    if header is None:
        return None
    algorithm, _, text = header.partition(" ")
    try:
        digest = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError) as error:
        raise InvalidError("upload-checksum is an algorithm and a base64 digest.") from error
    if len(digest) != _SIZES.get(algorithm):
        raise InvalidError("upload-checksum names an algorithm that is not known here.")
    return Checksum(algorithm, digest)


def _expires(upload: Upload) -> dict[str, str]:
    return {"Upload-Expires": format_datetime(upload.expires_at, usegmt=True)}


def _problem(error: Exception) -> Problem:
    kind = next((kind for known, kind in _KINDS.items() if isinstance(error, known)), "")
    return problem_of_kind(kind) if kind else problem_of(error)


def _refused(request: AnyRequest, problem: Problem) -> Response[bytes]:
    version = {"Tus-Version": VERSION} if problem.kind == "version" else {}
    return refused(request, problem, headers={"Tus-Resumable": VERSION, **version})


def _answer(status: int, headers: dict[str, str] | None = None) -> Response[None]:
    return Response(None, status_code=status, headers={"Tus-Resumable": VERSION, **(headers or {})})
