"""Static files: found once, named by content, served with ETag, gzip and single ranges (Litestar's own ignores Range).

All files are listed at start and a request only picks from that list, so no path ever reaches the file system.
`/static/<digest>/<path>`, where the digest covers every file, never changes and is cached for good; under another
digest the current bytes are answered, to be revalidated, so that a page left open over an update works.
"""

import gzip
import hashlib
import mimetypes
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, Final

from litestar import Request, Response, Router, get
from litestar.exceptions import NotFoundException
from litestar.params import FromPath

from gateway.web.ranges import RangeNotSatisfiableError, may_resume, parse_range

ROOT: Final = Path(__file__).parent / "static"
COMPRESSED: Final = frozenset({".css", ".js", ".mjs", ".svg", ".txt", ".json"})
IMMUTABLE: Final = "public, max-age=31536000, immutable"
REVALIDATE: Final = "no-cache"

mimetypes.add_type("text/javascript", ".mjs")


class Asset:
    """One static file: its bytes (kept in memory; all together under 3 MB), type, digest and gzip form."""

    def __init__(self, path: Path) -> None:
        """Read the file at `path`."""
        self.body = path.read_bytes()
        self.media_type = mimetypes.guess_type(path.name)[0] or "application/octet-stream"
        self.is_compressible = path.suffix in COMPRESSED
        self.etag = f'"{hashlib.sha256(self.body).hexdigest()[:32]}"'

    @cached_property
    def compressed(self) -> bytes:
        """The gzip form, made at the first request for it."""
        return gzip.compress(self.body, 9, mtime=0)


@dataclass(frozen=True, slots=True)
class Assets:
    """Every static file by its path below `static/`, and the digest over all of them."""

    files: dict[str, Asset]
    digest: str

    @classmethod
    def load(cls, root: Path = ROOT) -> "Assets":
        """Read every regular file below `root`; symbolic links are left out."""
        paths = sorted(p for p in root.rglob("*") if p.is_file() and not p.is_symlink())
        files = {p.relative_to(root).as_posix(): Asset(p) for p in paths}
        summary = "".join(f"{name}\0{asset.etag}\n" for name, asset in files.items())
        return cls(files, hashlib.sha256(summary.encode()).hexdigest()[:12])

    def url(self, name: str) -> str:
        """The address of `name`, good for as long as the files do not change.

        Raises:
            KeyError: there is no such file; a page naming one is a programming error.
        """
        if name not in self.files:
            raise KeyError(f"no static file {name!r}")
        return f"/static/{self.digest}/{name}"


def answer(asset: Asset, request: Request[Any, Any, Any], *, cache_control: str) -> Response[bytes]:
    """Answer `asset`: 304 when the reader has it, 206 or 416 for a range, gzip where that is understood."""
    headers = {"etag": asset.etag, "cache-control": cache_control, "accept-ranges": "bytes"}
    if asset.is_compressible:
        headers["vary"] = "accept-encoding"
    known = {tag.strip().removeprefix("W/") for tag in request.headers.get("if-none-match", "").split(",")}
    if asset.etag in known:
        return Response(b"", status_code=304, headers=headers, media_type=asset.media_type)
    try:
        wanted = parse_range(request.headers.get("range"), len(asset.body))
    except RangeNotSatisfiableError:
        headers["content-range"] = f"bytes */{len(asset.body)}"
        return Response(b"", status_code=416, headers=headers, media_type=asset.media_type)
    if wanted and may_resume(request.headers.get("if-range"), asset.etag):
        headers["content-range"] = wanted.content_range
        part = asset.body[wanted.first : wanted.last + 1]
        return Response(part, status_code=206, headers=headers, media_type=asset.media_type)
    if asset.is_compressible and "gzip" in request.headers.get("accept-encoding", ""):
        headers["content-encoding"] = "gzip"
        return Response(asset.compressed, headers=headers, media_type=asset.media_type)
    return Response(asset.body, headers=headers, media_type=asset.media_type)


def static_routes(assets: Assets, *, opt: dict[str, Any]) -> Router:
    """The routes below `/static`; `opt` declares them public (`edge.requires`, which stands above this package)."""

    @get("/{digest:str}/{name:path}", sync_to_thread=False, include_in_schema=False)
    def static_file(request: Request[Any, Any, Any], digest: FromPath[str], name: FromPath[Path]) -> Response[bytes]:
        asset = assets.files.get(name.as_posix().lstrip("/"))
        if asset is None:
            raise NotFoundException
        return answer(asset, request, cache_control=IMMUTABLE if digest == assets.digest else REVALIDATE)

    return Router("/static", route_handlers=[static_file], opt=opt)
