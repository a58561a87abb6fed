"""Requests for recordings over JSON, and the download of their packages."""

from datetime import datetime
from typing import Any, Final

import msgspec
from litestar import Request, Response, get, post
from litestar.di import NamedDependency
from litestar.handlers import HTTPRouteHandler
from litestar.params import FromPath, JSONBody
from litestar.response import Stream

from gateway.edge.inputs import OptionalLine
from gateway.edge.problems import problem_of_kind, refused
from gateway.edge.requires import requires
from gateway.evidence.model import ClipRequest, ClipState, words
from gateway.evidence.ports import Wanted
from gateway.evidence.service import Evidence
from gateway.evidence.tus import upload_routes
from gateway.kernel.errors import InvalidError
from gateway.kernel.principal import Principal, PrincipalKind
from gateway.web.ranges import RangeNotSatisfiableError, may_resume, parse_range
from partner_agent.wire.clock import from_rfc3339, to_rfc3339

AnyRequest = Request[Any, Any, Any]
_PATH: Final = "/api/v1/clip-requests"


class NewClipRequest(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What an operator sends; times are RFC 3339.

    Attributes:
        confirmation_id: a second person's word for exactly this recording, for emergency access by two people.
    """

    camera_id: str
    t0: str
    t1: str
    purpose: str
    incident_id: str = ""
    legal_basis: str = ""
    on_behalf_of: OptionalLine = ""
    confirmation_id: OptionalLine = ""


class Answer(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What an owner sends; a yes carries what was signed."""

    is_yes: bool
    approval: dict[str, Any] | None = None


@post(_PATH, opt=requires("clip.request"))
async def ask(
    data: JSONBody[NewClipRequest], principal: NamedDependency[Principal], evidence: NamedDependency[Evidence]
) -> dict[str, Any]:
    """Ask for a recording."""
    wanted = Wanted(
        camera_id=data.camera_id,
        t0=_moment(data.t0, "t0"),
        t1=_moment(data.t1, "t1"),
        purpose=data.purpose,
        incident_id=data.incident_id,
        legal_basis=data.legal_basis[:200],
        on_behalf_of=data.on_behalf_of,
        confirmation_id=data.confirmation_id,
    )
    return shown(await evidence.ask(principal, wanted), principal)


@get(_PATH, opt=requires("clip.request"))
async def listing(
    request: AnyRequest, principal: NamedDependency[Principal], evidence: NamedDependency[Evidence]
) -> dict[str, Any]:
    """The agency's requests, newest first: `?state=`, and `?before=` the last id of the page before."""
    state, before = (request.query_params.get(name, "") for name in ("state", "before"))
    try:
        states = (ClipState(state),) if state else ()
    except ValueError as error:
        raise InvalidError("There is no such state.", fields={"state": "One of the states of a request."}) from error
    found = await evidence.list_for(principal, states=states, before=before)
    return {"requests": [shown(each, principal) for each in found], "next": found[-1].id if found else None}


@get(f"{_PATH}/{{request_id:str}}", opt=requires("clip.request"))
async def detail(
    request_id: FromPath[str], principal: NamedDependency[Principal], evidence: NamedDependency[Evidence]
) -> dict[str, Any]:
    """One request."""
    return shown(await evidence.seen_by(principal, request_id), principal)


@post(f"{_PATH}/{{request_id:str}}/answer", opt=requires("portal.answer"), status_code=200)
async def answer(
    request_id: FromPath[str],
    data: JSONBody[Answer],
    principal: NamedDependency[Principal],
    evidence: NamedDependency[Evidence],
) -> dict[str, Any]:
    """The owner's answer."""
    answered = await evidence.answer(principal, request_id, is_yes=data.is_yes, approval=data.approval)
    return shown(answered, principal)


@get(f"{_PATH}/{{request_id:str}}/package", opt=requires("clip.download", deadline_s=None))
async def download(
    request: AnyRequest,
    request_id: FromPath[str],
    principal: NamedDependency[Principal],
    evidence: NamedDependency[Evidence],
) -> Response[Any]:
    """The package, whole or a range of it; always as a file, never shown."""
    await evidence.seen_by(principal, request_id)
    package = (await evidence.packages.open(request_id)).package
    etag = f'"{package.sha256}"'
    headers = {
        "content-disposition": f'attachment; filename="{package.name}"',
        "accept-ranges": "bytes",
        "etag": etag,
        "cache-control": "no-store",
    }
    header = request.headers.get("range") if may_resume(request.headers.get("if-range"), etag) else None
    try:
        part = parse_range(header, package.size_bytes)
    except RangeNotSatisfiableError:
        whole = {"content-range": f"bytes */{package.size_bytes}"}
        return refused(request, problem_of_kind("range"), headers=whole)
    first, last = (part.first, part.last) if part else (0, package.size_bytes - 1)
    readable = await evidence.open_package(principal, request_id, first=first, last=last)
    headers["content-length"] = str(last - first + 1)
    if part:
        headers["content-range"] = part.content_range
    body = evidence.packages.read(readable, first, last + 1)
    return Stream(body, status_code=206 if part else 200, media_type="application/x-tar", headers=headers)


@get("/api/v1/evidence/key", opt=requires("self.read"), sync_to_thread=False)
def key(evidence: NamedDependency[Evidence]) -> dict[str, str]:
    """The gateway's evidence key, for `lenspact-verify package --gateway-key`."""
    return {"ed25519": evidence.packages.sealer.public.hex()}


def evidence_routes() -> list[HTTPRouteHandler]:
    """Every handler of recordings."""
    return [ask, listing, detail, answer, download, key, *upload_routes()]


def shown(request: ClipRequest, principal: Principal) -> dict[str, Any]:
    """A request as its reader may see it: an agency reads no cause that would tell who declined, or why."""
    is_owner = principal.kind is PrincipalKind.PARTNER
    state = request.state
    is_hidden = not is_owner and state in {ClipState.DECLINED, ClipState.EXPIRED}
    return {
        "id": request.id,
        "camera_id": request.camera_id,
        "incident_id": request.incident_id or None,
        "purpose": request.purpose,
        "t0": to_rfc3339(request.t0),
        "t1": to_rfc3339(request.t1),
        "state": "not_available" if is_hidden else state.value,
        "words": words(state, request.cause, is_held=request.held_until is not None),
        "cause": request.cause if is_owner else None,
        "held_until": to_rfc3339(request.held_until) if request.held_until else None,
        "created_at": to_rfc3339(request.created_at),
        "expires_at": to_rfc3339(request.expires_at),
        "package": f"{_PATH}/{request.id}/package" if state is ClipState.DOWNLOADABLE else None,
    }


def _moment(text: str, name: str) -> datetime:
    try:
        return from_rfc3339(text)
    except ValueError as error:
        raise InvalidError("A time cannot be read.", fields={name: "Like 2026-11-23T15:00:00Z."}) from error
