"""Files on their way here: the truth about offsets is in the database, the bytes are encrypted and durable before it.

One step: encrypt up to 4 MiB, write, fdatasync; then the chunk and the new offset in one transaction; then the answer.
A crash between any two of them costs at most that chunk: what stands behind the committed ones is cut off by the next.
The site signs the digest before the first byte; what arrives and is not that goes into quarantine, never away.
"""

import hashlib
import hmac
import logging
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, replace
from datetime import timedelta
from functools import partial
from typing import Final

import anyio.to_thread

from gateway.audit import Json, Kind
from gateway.evidence.model import MAX_UPLOAD_BYTES, Chunk, ClipRequest, ClipState, Upload, UploadState
from gateway.evidence.objects import CHUNK_BYTES, DamagedError, EncryptedObjects
from gateway.evidence.ports import EvidenceStore
from gateway.evidence.steps import Steps
from gateway.kernel.database import UnitOfWork
from gateway.kernel.errors import ConflictError, InvalidError, NotFoundError, PreconditionError, UnavailableError
from partner_agent.wire import canonical, classes, manifest, statements
from partner_agent.wire.clock import Clock
from partner_agent.wire.ids import IdSource
from partner_agent.wire.manifest import ManifestError
from partner_agent.wire.tokens import Claims, PublicKey, TokenError

LIFE_S: Final = 72 * 3600  # from the grant; every chunk starts it again
MAX_CHUNKS: Final = 65_536  # rows of one file, however small its steps
_LOG: Final = logging.getLogger("lenspact.evidence")
_GONE: Final = "There is no such upload."


class NoSpaceError(Exception):
    """The disk is full; the offset has not moved."""


class ChecksumError(Exception):
    """The bytes are not those the client meant to send; nothing of them was kept."""


class UploadGoneError(Exception):
    """The upload was ended, or its time is over."""


@dataclass(frozen=True, slots=True)
class Checksum:
    """What the client says of the bytes of one request."""

    algorithm: str  # sha1 or sha256
    digest: bytes

    def fits(self, data: bytes) -> bool:
        """Whether `data` has this digest."""
        return hmac.compare_digest(hashlib.new(self.algorithm, data).digest(), self.digest)


class Uploads:
    """Takes the files that sites were granted to send."""

    def __init__(
        self,
        *,
        gateway: str,
        token_key: bytes,
        steps: Steps,
        store: EvidenceStore,
        objects: EncryptedObjects,
        clock: Clock,
        ids: IdSource,
    ) -> None:
        """`gateway`: the audience of the sites' statements; `token_key`: makes the secrets of uploads."""
        self._gateway = gateway
        self._token_key = token_key
        self._steps = steps
        self._store = store
        self._objects = objects
        self._clock = clock
        self._ids = ids
        self._busy: set[str] = set()

    async def expect(self, unit: UnitOfWork, request: ClipRequest) -> tuple[Upload, str]:
        """An address for the file of `request` and the secret that opens it; asked again, the same."""
        now = self._clock.now()
        upload = await self._store.upload_of_request(request.id)
        if upload is None:
            upload_id = self._ids.new("upl")
            upload = Upload(
                id=upload_id,
                request_id=request.id,
                token_sha256="",
                state=UploadState.EXPECTED,
                length=0,
                offset=0,
                chunks=0,
                capture="",
                agent_jwk="",
                declared_sha256="",
                wrapped_key=self._objects.new_key(upload_id),
                created_at=now,
                expires_at=now,
            )
        token = hmac.digest(self._token_key, upload.id.encode(), "sha256").hex()
        upload = replace(upload, token_sha256=_hashed(token), expires_at=now + timedelta(seconds=LIFE_S))
        await self._store.put_upload(unit, upload)
        return upload, token

    async def captured(self, agent_id: str, device: PublicKey, token: str) -> None:
        """The site signed what it cut; only now may bytes come.

        1. Signed by this site's device for this gateway. 2. Under the session of a running request of this site.
        3. For exactly the approved document. 4. A statement about one file of a size we take.

        Raises:
            InvalidError: the first that does not hold; nothing changed.
        """
        try:
            claims = statements.check(classes.CAPTURE, token, device, agent=agent_id, gateway=self._gateway)  # 1
            statement = manifest.Statement.from_json(claims["capture"], kind=manifest.CAPTURE)
        except (TokenError, ManifestError) as error:
            raise InvalidError("This is no signed capture.") from error
        await self._steps.insist(lambda: self._keep_capture(agent_id, device, token, claims, statement))

    async def _keep_capture(
        self, agent_id: str, device: PublicKey, token: str, claims: Claims, statement: manifest.Statement
    ) -> None:
        request = await self._store.request_of_session(str(claims["session"]))
        upload = await self._store.upload_of_request(request.id) if request else None
        if request is None or upload is None or request.agent_id != agent_id:  # 2
            raise InvalidError("This capture belongs to no request.")
        if upload.capture == token:
            return  # said again after a lost connection
        if request.state not in {ClipState.APPROVED, ClipState.CUTTING} or upload.capture:
            raise InvalidError("This request has its capture.")
        size = statement.predicate.get("size_bytes")
        if claims["request_sha256"] != request.document_sha256:  # 3
            raise InvalidError("This capture is for another request.")
        if not isinstance(size, int) or not 0 < size <= MAX_UPLOAD_BYTES:  # 4
            raise InvalidError("This capture names no size that is taken.")
        jwk = canonical.encode(dict(device.jwk)).decode()
        upload = replace(upload, capture=token, agent_jwk=jwk, declared_sha256=statement.sha256, length=size)
        details: dict[str, Json] = {"sha256": statement.sha256, "bytes": size, "agent": request.agent_id}
        async with self._steps.step(request, ClipState.UPLOADING, Kind.CLIP_CAPTURED, details=details) as unit:
            await self._store.put_upload(unit, upload)

    async def create(self, token: str, length: int) -> Upload:
        """Open the upload a secret is for; a second time gives the same one, for the first answer may be lost.

        Raises:
            NotFoundError: the secret opens nothing.
            PreconditionError: the site has not signed what it sends.
            InvalidError: not the length it signed.
        """
        upload = await self._store.upload_of_token(_hashed(token))
        if upload is None or upload.state not in {UploadState.EXPECTED, UploadState.OPEN} or self._is_over(upload):
            raise NotFoundError(_GONE)
        if not upload.capture:
            raise PreconditionError("The capture has to be signed and sent before the first byte.")
        if length != upload.length:
            raise InvalidError("This is not the length that was signed.")
        return await self._open(upload) if upload.state is UploadState.EXPECTED else upload

    async def look(self, upload_id: str, token: str) -> Upload:
        """Where an upload stands; whoever knows its address from the grant need not create it.

        Raises:
            NotFoundError: no such upload, or the secret is for another.
            UploadGoneError: it was ended, or its time is over.
            UnavailableError: the capture is on its way; ask again.
        """
        upload = await self._store.upload(upload_id)
        if upload is None or not hmac.compare_digest(upload.token_sha256, _hashed(token)):
            raise NotFoundError(_GONE)
        if upload.state is UploadState.TERMINATED or self._is_over(upload):
            raise UploadGoneError
        if not upload.capture:
            raise UnavailableError("The capture has to be signed and sent before the first byte.")
        if upload.state is UploadState.EXPECTED:
            upload = await self._open(upload)
        return upload

    async def _open(self, upload: Upload) -> Upload:
        upload = replace(upload, state=UploadState.OPEN)
        async with self._steps.database.unit_of_work() as unit:
            await self._store.put_upload(unit, upload)
            await unit.commit(unaudited="the address was granted, and the capture has its leaf")
        return upload

    async def write(
        self, upload_id: str, token: str, *, offset: int, body: AsyncIterator[bytes], checksum: Checksum | None
    ) -> Upload:
        """Take bytes from `offset` on, as far as they come; a body that breaks off is kept up to there.

        Raises:
            NotFoundError, UploadGoneError, UnavailableError: as `look`.
            ConflictError: `offset` is not where the file stands, or somebody else is writing it.
            InvalidError: more bytes than the file has, or a checksum over more than one chunk.
            ChecksumError: the bytes are not those that were meant.
            NoSpaceError: the disk is full.
        """
        upload = await self.look(upload_id, token)
        if offset != upload.offset or upload.state is not UploadState.OPEN:
            raise ConflictError("The file does not stand there.")
        if upload_id in self._busy:
            raise ConflictError("The file is being written.")
        self._busy.add(upload_id)
        try:
            upload = await self._take(upload, body, checksum)
        finally:
            self._busy.discard(upload_id)
        if upload.offset == upload.length:
            upload = await self.finish(upload)
        return upload

    async def _take(self, upload: Upload, body: AsyncIterator[bytes], checksum: Checksum | None) -> Upload:
        chunks = await self._store.chunks(upload.id)
        buffer = bytearray()
        async for piece in body:
            buffer += piece
            if upload.offset + len(buffer) > upload.length:
                raise InvalidError("More bytes than the file has.")
            if checksum is not None and len(buffer) > CHUNK_BYTES:
                raise InvalidError("A checksum is taken over at most 4 MiB.")
            while checksum is None and len(buffer) >= CHUNK_BYTES:
                upload = await self._commit(upload, chunks, bytes(buffer[:CHUNK_BYTES]))
                del buffer[:CHUNK_BYTES]
        if checksum is not None and not checksum.fits(bytes(buffer)):
            raise ChecksumError
        return await self._commit(upload, chunks, bytes(buffer)) if buffer else upload

    async def _commit(self, upload: Upload, chunks: list[Chunk], data: bytes) -> Upload:
        """Write, make durable, then say so in the database."""
        if len(chunks) >= MAX_CHUNKS:
            raise InvalidError("The file comes in too many small pieces.")
        is_last = upload.offset + len(data) == upload.length
        append = partial(self._objects.append, upload.id, upload.wrapped_key, chunks, data, is_last=is_last)
        try:
            chunk = await anyio.to_thread.run_sync(append)
        except OSError as error:
            _LOG.warning("an upload cannot be written: %s", error.strerror)
            raise NoSpaceError from error
        async with self._steps.database.unit_of_work() as unit:
            upload = await self._store.add_chunk(unit, upload, chunk)
            await unit.commit(unaudited="bytes on their way; the leaf is written once all are here")
        chunks.append(chunk)
        return upload

    async def finish(self, upload: Upload) -> Upload:
        """All bytes are here: compare them with what the site signed, and say so in the log."""
        request = await self._store.request(upload.request_id)
        if request is None or request.state is not ClipState.UPLOADING:
            return upload
        chunks = await self._store.chunks(upload.id)
        digest = await self._digest(upload, chunks)
        is_as_signed = hmac.compare_digest(digest, upload.declared_sha256)
        after = replace(upload, state=UploadState.COMPLETE if is_as_signed else UploadState.QUARANTINED)
        state = ClipState.RECEIVED if is_as_signed else ClipState.QUARANTINED
        public = {"is_as_signed": is_as_signed, "bytes": upload.length}
        details = {"sha256": digest, "signed_sha256": upload.declared_sha256}
        async with self._steps.step(request, state, Kind.CLIP_UPLOADED, public=public, details=details) as unit:
            await self._store.put_upload(unit, after)
        return after

    async def _digest(self, upload: Upload, chunks: list[Chunk]) -> str:
        work: Callable[[], str] = partial(self._objects.digest, upload.id, upload.wrapped_key, chunks)
        try:
            return await anyio.to_thread.run_sync(work)
        except (DamagedError, OSError):
            _LOG.exception("a received file cannot be read back")
            return ""

    async def terminate(self, upload_id: str, token: str) -> None:
        """The client gives up: delete what came, and say so in the log.

        Raises:
            NotFoundError, UploadGoneError: as `look`.
            ConflictError: the file is complete; only retention deletes it now.
        """
        upload = await self.look(upload_id, token)
        request = await self._store.request(upload.request_id)
        if upload.state is not UploadState.OPEN or request is None:
            raise ConflictError("The file is complete.")
        reason = "upload_ended"
        step = self._steps.step(request, ClipState.FAILED, Kind.CLIP_DELETED, public={"reason": reason}, cause=reason)
        async with step as unit:
            await self._store.put_upload(unit, replace(upload, state=UploadState.TERMINATED))
        await anyio.to_thread.run_sync(self._objects.delete, upload.id)

    def _is_over(self, upload: Upload) -> bool:
        return upload.state in {UploadState.EXPECTED, UploadState.OPEN} and upload.expires_at <= self._clock.now()


def _hashed(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()
