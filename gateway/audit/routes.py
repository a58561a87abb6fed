"""The log over HTTP: checkpoint and tiles for everybody (C2SP tlog-tiles), entries as JSON for compliance."""

from typing import Any, Final

from litestar import Request, Response, get
from litestar.di import NamedDependency
from litestar.handlers import HTTPRouteHandler
from litestar.params import FromPath

from gateway.audit.asking import read_query
from gateway.audit.model import Entry
from gateway.audit.reader import LogReader
from gateway.audit.service import AuditLog
from gateway.edge.requires import PUBLIC, requires
from gateway.kernel.errors import InvalidError, NotFoundError
from partner_agent.wire import canonical
from partner_agent.wire.clock import to_rfc3339
from partner_agent.wire.proofs import ProofError
from partner_agent.wire.tiles import Tile

_FOR_EVER: Final = "public, max-age=31536000, immutable"  # a tile never changes; a partial one is named by its width
_A_SECOND: Final = "public, max-age=1"
_OPEN: Final = requires(PUBLIC, reads_cookies=False)
_PAGE: Final = 50

AnyRequest = Request[Any, Any, Any]


@get("/log/checkpoint", opt=_OPEN)
async def checkpoint(log_reader: NamedDependency[LogReader]) -> Response[str]:
    """The newest signed head."""
    head = await log_reader.head()
    return Response(head.note, media_type="text/plain; charset=utf-8", headers={"cache-control": _A_SECOND})


@get("/log/key", opt=_OPEN, sync_to_thread=False)
def key(log_reader: NamedDependency[LogReader]) -> Response[str]:
    """The log's public key as people pin it; believe it only if you have it by another way, too."""
    return Response(log_reader.vkey + "\n", media_type="text/plain; charset=utf-8")


@get("/log/tile/{place:path}", opt=_OPEN)
async def tile(place: FromPath[str], log_reader: NamedDependency[LogReader]) -> Response[bytes]:
    """A tile of hashes, or under `entries` a bundle of leaves."""
    try:
        wanted = Tile.from_path(f"tile{place}")
    except ProofError as error:
        raise NotFoundError("The log has no such tile.") from error
    data = await log_reader.tile(wanted)
    return Response(data, media_type="application/octet-stream", headers={"cache-control": _FOR_EVER})


@get("/api/v1/audit/entries", opt=requires("oversight.read"))
async def entries(request: AnyRequest, audit: NamedDependency[AuditLog]) -> dict[str, Any]:
    """Entries, newest first: filters as in `asking.FILTERS`, `before` the last page's `next`, `limit` to 200."""
    values = dict(request.query_params.items())
    before, limit = values.pop("before", ""), values.pop("limit", str(_PAGE))
    if not (limit.isascii() and limit.isdecimal()):
        raise InvalidError("A filter cannot be read.", fields={"limit": "Write a number."})
    query = read_query(values, is_restricted_visible=True)
    page = await audit.find(query, before=before, limit=int(limit[:6]))
    return {"entries": [_shown(entry) for entry in page.entries], "next": page.next_cursor or None}


@get("/api/v1/audit/entries/{event_id:str}", opt=requires("oversight.read"))
async def entry(event_id: FromPath[str], audit: NamedDependency[AuditLog]) -> dict[str, Any]:
    """One entry with its openings."""
    return _shown(await audit.entry(event_id, is_restricted_visible=True))


@get("/api/v1/audit/entries/{event_id:str}/proof", opt=requires("oversight.read"))
async def proof(
    event_id: FromPath[str], audit: NamedDependency[AuditLog], log_reader: NamedDependency[LogReader]
) -> Response[bytes]:
    """The entry as a file for `lenspact-verify entry`."""
    file = await log_reader.entry_file(await audit.entry(event_id, is_restricted_visible=True))
    return Response(
        file.encode(),
        media_type="application/json",
        headers={"content-disposition": f'attachment; filename="{event_id}.json"'},
    )


def audit_routes() -> list[HTTPRouteHandler]:
    """Every handler of the log."""
    return [checkpoint, key, tile, entries, entry, proof]


def _shown(entry: Entry) -> dict[str, Any]:
    return {
        "id": entry.event_id,
        "at": to_rfc3339(entry.at),
        "kind": entry.kind,
        "decision": entry.decision.value or None,
        "index": entry.index,
        "proof_state": entry.proof_state.value,
        "is_erased": entry.is_erased,
        "details": {name: opening.value for name, opening in entry.openings.items()},
        "openings": {name: opening.to_json() for name, opening in entry.openings.items()},
        "leaf": canonical.decode_object(entry.leaf),
        "leaf_hash": entry.leaf_hash.hex(),
    }
