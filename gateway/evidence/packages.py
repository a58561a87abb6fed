"""Seals packages of received recordings, and reads them out again in ranges, decrypting as they go."""

import hashlib
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass, replace
from functools import partial
from typing import Final

import anyio.to_thread

from gateway.audit import AuditLog, Json, Kind, LogReader, Query
from gateway.evidence import package as tar
from gateway.evidence.model import Chunk, ClipRequest, ClipState, Package, Upload
from gateway.evidence.objects import EncryptedObjects
from gateway.evidence.package import Contents, Sealer
from gateway.evidence.ports import EvidenceStore
from gateway.evidence.steps import Steps
from gateway.kernel.errors import NotFoundError, UnavailableError
from partner_agent.wire.clock import Clock, to_rfc3339
from partner_agent.wire.ids import IdSource

MAX_ENTRIES: Final = 200  # steps of one request; a page of the log
PIECE_BYTES: Final = 256 * 1024


@dataclass(frozen=True, slots=True)
class Readable:
    """A package that can be read out."""

    package: Package
    upload: Upload
    chunks: tuple[Chunk, ...]


class Packages:
    """Seals and reads packages."""

    def __init__(
        self,
        *,
        steps: Steps,
        store: EvidenceStore,
        objects: EncryptedObjects,
        audit: AuditLog,
        log: LogReader,
        sealer: Sealer,
        clock: Clock,
        ids: IdSource,
    ) -> None:
        self._steps = steps
        self._store = store
        self._objects = objects
        self._audit = audit
        self._log = log
        self._clock = clock
        self._ids = ids
        self.sealer = sealer

    async def seal(self, request: ClipRequest) -> bool:
        """Seal the package of a received recording; False while an entry is not yet in the signed log."""
        upload = await self._store.upload_of_request(request.id)
        assert upload is not None, "a received request has its upload"
        try:
            entries = await self._entries(request)
        except UnavailableError:
            return False
        now = self._clock.now()
        package_id = self._ids.new("evd")
        contents = Contents(
            package_id=package_id,
            request=request,
            upload=upload,
            entries=entries,
            log_vkey=self._log.vkey,
            received_at=to_rfc3339(request.changed_at),
        )
        head = tar.build_head(contents, self.sealer)
        readable = Readable(
            Package(
                id=package_id,
                request_id=request.id,
                upload_id=upload.id,
                name=f"{tar.folder_of(package_id)}.tar",
                head=head,
                recording_bytes=upload.length,
                size_bytes=len(head) + upload.length + len(tar.tail(upload.length)),
                sha256="",
                sealed_at=now,
            ),
            upload,
            tuple(await self._store.chunks(upload.id)),
        )
        await self._write(request, readable, await anyio.to_thread.run_sync(partial(self._digest, readable)))
        return True

    async def _write(self, request: ClipRequest, readable: Readable, sha256: str) -> None:
        package = replace(readable.package, sha256=sha256)
        details: dict[str, Json] = {"sha256": sha256, "package": package.id, "bytes": package.size_bytes}
        step = self._steps.step(request, ClipState.DOWNLOADABLE, Kind.PACKAGE_SEALED, details=details)
        async with step as unit:
            await self._store.add_package(unit, package)

    async def _entries(self, request: ClipRequest) -> dict[str, bytes]:
        """Every step so far as an entry file, named by its place in the log."""
        page = await self._audit.find(Query(streams=frozenset({request.id})), limit=MAX_ENTRIES)
        files = {}
        for entry in page.entries:
            file = await self._log.entry_file(entry)
            files[f"{file.proof.index:09d}-{entry.kind}.json"] = file.encode()
        return files

    async def open(self, request_id: str) -> Readable:
        """The sealed package of a request.

        Raises:
            NotFoundError: there is none.
        """
        package = await self._store.package_of_request(request_id)
        upload = await self._store.upload(package.upload_id) if package else None
        if package is None or upload is None:
            raise NotFoundError("There is no package of this request.")
        return Readable(package, upload, tuple(await self._store.chunks(upload.id)))

    async def read(self, readable: Readable, start: int, end: int) -> AsyncIterator[bytes]:
        """The bytes [start, end) of the tar."""
        pieces = self._pieces(readable, start, end)
        while True:
            piece = await anyio.to_thread.run_sync(next, pieces, None)
            if piece is None:
                return
            for begin in range(0, len(piece), PIECE_BYTES):
                yield piece[begin : begin + PIECE_BYTES]

    def _pieces(self, readable: Readable, start: int, end: int) -> Iterator[bytes]:
        package, upload = readable.package, readable.upload
        end_of_tar = tar.tail(package.recording_bytes)
        lengths = (len(package.head), package.recording_bytes, len(end_of_tar))
        for number, begin, stop in tar.slices(lengths, start, end):
            if number == 1:
                yield from self._objects.read(upload.id, upload.wrapped_key, readable.chunks, start=begin, end=stop)
            else:
                yield (package.head if number == 0 else end_of_tar)[begin:stop]

    def _digest(self, readable: Readable) -> str:
        digest = hashlib.sha256()
        for piece in self._pieces(readable, 0, readable.package.size_bytes):
            digest.update(piece)
        return digest.hexdigest()
