"""Evidence over SQL: requests with a version that stops lost updates, offsets that only move forward."""

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import asdict, replace
from datetime import datetime
from typing import Any, Final

from sqlalchemy import Row, bindparam, func, insert, or_, select, update
from sqlalchemy.exc import IntegrityError
from sqlmodel import SQLModel, col

from gateway.evidence.model import (
    COUNTS_AFTER,
    COUNTS_WHILE,
    COUNTS_WITH_BYTES,
    Chunk,
    ClipRequest,
    ClipState,
    Package,
    Upload,
    UploadState,
    seconds_of,
)
from gateway.evidence.tables import ChunkRow, ClipRequestRow, PackageRow, UploadRow
from gateway.kernel.database import Database, UnitOfWork
from gateway.kernel.errors import ConflictError
from partner_agent.wire import canonical

_IS_LATE = col(ClipRequestRow.changed_at) > bindparam("since")
_HAS_BYTES = (
    select(col(UploadRow.id)).where(col(UploadRow.request_id) == col(ClipRequestRow.id), col(UploadRow.received) > 0)
).exists()
# Every decision asks it: a statement that is built once is read and named once.
_GIVEN: Final = select(col(ClipRequestRow.site_id), col(ClipRequestRow.t0), col(ClipRequestRow.t1)).where(
    col(ClipRequestRow.site_id).in_(bindparam("sites", expanding=True)),
    or_(
        col(ClipRequestRow.state).in_(sorted(COUNTS_WHILE)),
        col(ClipRequestRow.state).in_(sorted(COUNTS_AFTER)) & _IS_LATE,
        col(ClipRequestRow.state).in_(sorted(COUNTS_WITH_BYTES)) & _IS_LATE & _HAS_BYTES,
    ),
)
_MOVED = "Somebody changed this meanwhile. Look again, then decide."


class SqlEvidence:
    """`EvidenceStore` on SQLite and PostgreSQL."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def add_request(self, unit: UnitOfWork, request: ClipRequest) -> None:
        """Write a new request; see the port."""
        await unit.session.execute(insert(ClipRequestRow).values(**_columns(asdict(request))))

    async def request(self, request_id: str) -> ClipRequest | None:
        """One request; see the port."""
        return await self._request(col(ClipRequestRow.id) == request_id)

    async def request_of_session(self, session_id: str) -> ClipRequest | None:
        """By session; see the port."""
        return await self._request(col(ClipRequestRow.session_id) == session_id) if session_id else None

    async def request_of_digest(self, document_sha256: str) -> ClipRequest | None:
        """By document; see the port."""
        return await self._request(col(ClipRequestRow.document_sha256) == document_sha256)

    async def requests(
        self,
        *,
        agency_id: str = "",
        organisation_id: str = "",
        states: Sequence[ClipState] = (),
        before: str,
        limit: int,
    ) -> list[ClipRequest]:
        """Newest first; see the port."""
        statement = _all_of(ClipRequestRow).order_by(col(ClipRequestRow.id).desc()).limit(limit)
        if agency_id:
            statement = statement.where(col(ClipRequestRow.agency_id) == agency_id)
        if organisation_id:
            statement = statement.where(col(ClipRequestRow.organisation_id) == organisation_id)
        if states:
            statement = statement.where(col(ClipRequestRow.state).in_([state.value for state in states]))
        if before:
            statement = statement.where(col(ClipRequestRow.id) < before)
        async with self._database.read() as connection:
            return [_request(row) for row in await connection.execute(statement)]

    async def count_by_state(self) -> dict[ClipState, int]:
        """Counted over the index; see the port."""
        state = col(ClipRequestRow.state)
        async with self._database.read() as connection:
            rows = await connection.execute(select(state, func.count()).group_by(state))
            return {ClipState(name): count for name, count in rows}

    async def given(self, sites: Collection[str], *, since: datetime) -> Mapping[str, int]:
        """Added up here, each rounded up; see the port."""
        found: Counter[str] = Counter()
        async with self._database.read() as connection:
            for site_id, t0, t1 in await connection.execute(_GIVEN, {"sites": list(sites), "since": since}):
                found[site_id] += seconds_of(t0, t1)
        return found

    async def change(self, unit: UnitOfWork, request: ClipRequest, **values: Any) -> ClipRequest:
        """Optimistically; see the port."""
        changed = replace(request, **values, version=request.version + 1)
        columns = _columns(values)
        where = (col(ClipRequestRow.id) == request.id, col(ClipRequestRow.version) == request.version)
        result = await unit.session.execute(
            update(ClipRequestRow).where(*where).values(**columns, version=changed.version)
        )
        if _count(result) != 1:
            raise ConflictError(_MOVED)
        return changed

    async def put_upload(self, unit: UnitOfWork, upload: Upload) -> None:
        """New or changed; see the port."""
        values = asdict(upload) | {"state": upload.state.value, "received": upload.offset}
        del values["offset"]
        known = await unit.session.execute(update(UploadRow).where(col(UploadRow.id) == upload.id).values(**values))
        if _count(known) == 0:
            try:
                await unit.session.execute(insert(UploadRow).values(**values))
            except IntegrityError as error:
                raise ConflictError(_MOVED) from error

    async def upload(self, upload_id: str) -> Upload | None:
        """One upload; see the port."""
        return await self._upload(col(UploadRow.id) == upload_id)

    async def upload_of_request(self, request_id: str) -> Upload | None:
        """By request; see the port."""
        return await self._upload(col(UploadRow.request_id) == request_id)

    async def upload_of_token(self, token_sha256: str) -> Upload | None:
        """By secret; see the port."""
        return await self._upload(col(UploadRow.token_sha256) == token_sha256)

    async def chunks(self, upload_id: str) -> list[Chunk]:
        """In order; see the port."""
        statement = (
            select(col(ChunkRow.chunk_index), col(ChunkRow.size), col(ChunkRow.nonce))
            .where(col(ChunkRow.upload_id) == upload_id)
            .order_by(col(ChunkRow.chunk_index))
        )
        async with self._database.read() as connection:
            return [Chunk(row.chunk_index, row.size, bytes(row.nonce)) for row in await connection.execute(statement)]

    async def add_chunk(self, unit: UnitOfWork, upload: Upload, chunk: Chunk) -> Upload:
        """Chunk and offset together; see the port."""
        where = (
            col(UploadRow.id) == upload.id,
            col(UploadRow.received) == upload.offset,
            col(UploadRow.chunks) == chunk.index,
            col(UploadRow.state) == UploadState.OPEN.value,
        )
        moved = replace(upload, offset=upload.offset + chunk.size, chunks=chunk.index + 1)
        result = await unit.session.execute(
            update(UploadRow).where(*where).values(received=moved.offset, chunks=moved.chunks)
        )
        if _count(result) != 1:
            raise ConflictError(_MOVED)
        values = {"upload_id": upload.id, "chunk_index": chunk.index, "size": chunk.size, "nonce": chunk.nonce}
        await unit.session.execute(insert(ChunkRow).values(**values))
        return moved

    async def add_package(self, unit: UnitOfWork, package: Package) -> None:
        """Write a package; see the port."""
        await unit.session.execute(insert(PackageRow).values(**asdict(package)))

    async def package_of_request(self, request_id: str) -> Package | None:
        """By request; see the port."""
        statement = _all_of(PackageRow).where(col(PackageRow.request_id) == request_id)
        async with self._database.read() as connection:
            row = (await connection.execute(statement)).one_or_none()
        return None if row is None else Package(**{**row._mapping, "head": bytes(row.head)})  # noqa: SLF001

    async def _request(self, condition: Any) -> ClipRequest | None:
        async with self._database.read() as connection:
            row = (await connection.execute(_all_of(ClipRequestRow).where(condition))).one_or_none()
        return None if row is None else _request(row)

    async def _upload(self, condition: Any) -> Upload | None:
        async with self._database.read() as connection:
            row = (await connection.execute(_all_of(UploadRow).where(condition))).one_or_none()
        if row is None:
            return None
        values = dict(row._mapping)  # noqa: SLF001  (SQLAlchemy's public name for it)
        values |= {
            "state": UploadState(row.state),
            "offset": values.pop("received"),
            "wrapped_key": bytes(row.wrapped_key),
        }
        return Upload(**values)


def _all_of(table: type[SQLModel]) -> Any:
    return select(*(column for column in table.__table__.columns))  # type: ignore[attr-defined]


def _columns(values: Mapping[str, Any]) -> dict[str, Any]:
    """Values of `ClipRequest` as its row holds them."""
    columns = {name: value.value if isinstance(value, ClipState) else value for name, value in values.items()}
    for name in ("document", "approval", "asker"):
        if columns.get(name) is not None:
            columns[name] = canonical.encode(columns[name])
    return columns


def _request(row: Row[Any]) -> ClipRequest:
    values = dict(row._mapping)  # noqa: SLF001
    values |= {
        "state": ClipState(row.state),
        "document": canonical.decode_object(bytes(row.document)),
        "asker": canonical.decode_object(bytes(row.asker)),
        "approval": None if row.approval is None else canonical.decode_object(bytes(row.approval)),
    }
    return ClipRequest(**values)


def _count(result: Any) -> int:
    return int(result.rowcount)
