"""Sharing in the database."""

import json
from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Executable, delete, insert, select, text, update
from sqlalchemy.exc import IntegrityError

from gateway.kernel.database import Database, UnitOfWork
from gateway.kernel.errors import ConflictError
from gateway.sharing import versions
from gateway.sharing.model import Answers, DocumentState, Step, Version
from gateway.sharing.ports import StoredDocument
from gateway.sharing.tables import (
    SharingDocumentRow,
    SharingSignatureRow,
    SharingSignRow,
    SharingSiteRow,
    SharingSuspensionRow,
    SharingSwitchRow,
)
from partner_agent.wire import canonical
from policies.clauses import read_clause
from policies.parts import plain, read_owner

_SITE = SharingSiteRow.__table__  # type: ignore[attr-defined]  # SQLModel adds it
_SIGN = SharingSignRow.__table__  # type: ignore[attr-defined]
_DOCUMENT = SharingDocumentRow.__table__  # type: ignore[attr-defined]
_SWITCH = SharingSwitchRow.__table__  # type: ignore[attr-defined]
_SUSPENSION = SharingSuspensionRow.__table__  # type: ignore[attr-defined]
_SIGNATURE = SharingSignatureRow.__table__  # type: ignore[attr-defined]
_SWITCH_ID = 1
_SWITCHED = select(_SWITCH.c.is_suspended).where(_SWITCH.c.id == _SWITCH_ID)  # built once: every decision asks it

_KEEP_SIGNATURE = text("INSERT INTO sharing_signature (mark, body) VALUES (:mark, :body) ON CONFLICT DO NOTHING")


class SqlSharing:
    """`SharingRows` and `SignatureRows` over SQL."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def answers(self, site_id: str, *, unit: UnitOfWork | None = None) -> Answers | None:
        """What the owner said about a site; with a unit, locked until its end."""
        statement = select(_SITE).where(_SITE.c.site_id == site_id)
        rows = await self._rows(statement if unit is None else statement.with_for_update(), unit)
        if not rows:
            return None
        return _answers(rows[0], await self._stopped(rows[0].organisation_id, unit))

    async def answers_of(self, organisation_id: str) -> Sequence[Answers]:
        """What an organisation said about its sites."""
        statement = select(_SITE).where(_SITE.c.organisation_id == organisation_id).order_by(_SITE.c.site_id)
        stopped = await self._stopped(organisation_id, None)
        return [_answers(row, stopped) for row in await self._rows(statement, None)]

    async def sites(self) -> Sequence[str]:
        """Every site of which something was said."""
        return [row.site_id for row in await self._rows(select(_SITE.c.site_id), None)]

    async def sites_with(self, camera_id: str) -> Sequence[str]:
        """The sites whose answers speak of a camera, also of one that is gone."""
        statement = select(_SITE.c.site_id).where(_SITE.c.clauses.contains(f'"{camera_id}"', autoescape=True))
        return [row.site_id for row in await self._rows(statement, None)]

    async def save_answers(self, unit: UnitOfWork, answers: Answers, *, made_from: int) -> None:
        """The new answers, made from version `made_from` (0: there were none)."""
        values = {
            "organisation_id": answers.organisation_id,
            "version": answers.version,
            "clauses": _text([clause.to_json() for clause in answers.clauses]),
            "off": _text(sorted(answers.off)),
            "changed_at": answers.changed_at,
            "pending": "" if answers.pending is None else _text(answers.pending),
            "owners": "" if answers.owners is None else _text([plain(owner) for owner in answers.owners]),
        }
        conflict = ConflictError("Somebody else changed what is shared meanwhile. Look again, then decide.")
        if made_from == 0:
            try:
                await unit.session.execute(insert(_SITE).values(site_id=answers.site_id, **values))
            except IntegrityError as error:
                raise conflict from error
            return
        mine = (_SITE.c.site_id == answers.site_id) & (_SITE.c.version == made_from)
        changed = await unit.session.execute(update(_SITE).where(mine).values(**values))
        if changed.rowcount == 0:  # type: ignore[attr-defined]  # a CursorResult, as of every update
            raise conflict

    async def keep_pending(self, unit: UnitOfWork, site_id: str, pending: Mapping[str, object] | None) -> None:
        """The narrowing the site has not acknowledged yet, or None."""
        text = "" if pending is None else _text(pending)
        await unit.session.execute(update(_SITE).where(_SITE.c.site_id == site_id).values(pending=text))

    async def owners_named(self, unit: UnitOfWork, site_id: str) -> None:
        """The site names the owners that were wanted: the wish is done."""
        await unit.session.execute(update(_SITE).where(_SITE.c.site_id == site_id).values(owners=""))

    async def keep_version(
        self, unit: UnitOfWork, known: Answers | None, answers: Answers, *, author: str, name: str
    ) -> None:
        """Write down what is saved by whom."""
        await versions.keep(unit, known, answers, author=author, name=name)

    async def versions(self, site_id: str, *, before: int | None, most: int) -> Sequence[Version]:
        """What was said at a site, newest first."""
        return await versions.read(self._database, site_id, before=before, most=most)

    async def forget(self, unit: UnitOfWork, site_id: str) -> None:
        """The site is gone, and the documents that say where its cameras are; whom its owner stopped stays."""
        await versions.forget(unit, site_id)
        await unit.session.execute(delete(_SIGN).where(_SIGN.c.site_id == site_id))
        await unit.session.execute(delete(_DOCUMENT).where(_DOCUMENT.c.site_id == site_id))
        await unit.session.execute(delete(_SITE).where(_SITE.c.site_id == site_id))

    async def document(self, sha256: str) -> StoredDocument | None:
        """One document."""
        rows = await self._rows(select(_DOCUMENT).where(_DOCUMENT.c.sha256 == sha256), None)
        return _document(rows[0]) if rows else None

    async def waiting(self, agent_id: str) -> Sequence[StoredDocument]:
        """The agent's documents that are sent and not answered, or refused; newest first."""
        mine = (_DOCUMENT.c.agent_id == agent_id) & _DOCUMENT.c.state.in_(["sent", "refused"])
        statement = select(_DOCUMENT).where(mine).order_by(_DOCUMENT.c.created_at.desc(), _DOCUMENT.c.sha256)
        return [_document(row) for row in await self._rows(statement, None)]

    async def add_document(self, unit: UnitOfWork, document: StoredDocument) -> None:
        """A new document; earlier ones that were sent and not answered are superseded."""
        open_ones = (_DOCUMENT.c.agent_id == document.agent_id) & (_DOCUMENT.c.state == DocumentState.SENT.value)
        await unit.session.execute(update(_DOCUMENT).where(open_ones).values(state=DocumentState.SUPERSEDED.value))
        await unit.session.execute(
            insert(_DOCUMENT).values(
                sha256=document.sha256,
                agent_id=document.agent_id,
                site_id=document.site_id,
                lineage=document.lineage,
                seq=document.seq,
                parent_sha256=document.parent_sha256,
                step=document.step.value,
                state=document.state.value,
                raw=_text(document.raw),
                created_at=document.created_at,
                approve_by=document.approve_by,
                answered_at=None,
                code="",
            )
        )

    async def mark(self, unit: UnitOfWork, sha256: str, state: DocumentState, *, code: str, at: datetime) -> None:
        """How far a document has come."""
        values = {"state": state.value, "code": code, "answered_at": at}
        await unit.session.execute(update(_DOCUMENT).where(_DOCUMENT.c.sha256 == sha256).values(**values))

    async def signatures(self, marks: Collection[str]) -> Mapping[str, str]:
        """The bodies of these marks, of those that are known."""
        statement = select(_SIGNATURE.c.mark, _SIGNATURE.c.body).where(_SIGNATURE.c.mark.in_(list(marks)))
        return {row.mark: row.body for row in await self._rows(statement, None)}

    async def add_signatures(self, unit: UnitOfWork, bodies: Mapping[str, str]) -> None:
        """Keep bodies by their marks; one that is known stays."""
        for mark, body in sorted(bodies.items()):
            await unit.session.execute(_KEEP_SIGNATURE, {"mark": mark, "body": body})

    async def signature_marks(self) -> Collection[str]:
        """Every mark that is kept."""
        return {row.mark for row in await self._rows(select(_SIGNATURE.c.mark), None)}

    async def drop_signatures(self, unit: UnitOfWork, marks: Collection[str]) -> None:
        """Forget these."""
        for mark in sorted(marks):
            await unit.session.execute(delete(_SIGNATURE).where(_SIGNATURE.c.mark == mark))

    async def suspensions(self, organisation_id: str) -> Mapping[str, datetime]:
        """With whom an organisation shares nothing, and since when."""
        mine = select(_SUSPENSION).where(_SUSPENSION.c.organisation_id == organisation_id)
        return {row.agency_id: row.since for row in await self._rows(mine, None)}

    async def suspend(self, unit: UnitOfWork, organisation_id: str, agency_id: str, *, at: datetime) -> None:
        """It shares nothing with an agency any more."""
        values = {"organisation_id": organisation_id, "agency_id": agency_id, "since": at}
        try:
            await unit.session.execute(insert(_SUSPENSION).values(**values))
        except IntegrityError as error:
            raise ConflictError("Somebody else stopped it at the same moment.") from error

    async def resume(self, unit: UnitOfWork, organisation_id: str, agency_id: str) -> None:
        """It shares again."""
        mine = (_SUSPENSION.c.organisation_id == organisation_id) & (_SUSPENSION.c.agency_id == agency_id)
        await unit.session.execute(delete(_SUSPENSION).where(mine))

    async def _stopped(self, organisation_id: str, unit: UnitOfWork | None) -> frozenset[str]:
        mine = select(_SUSPENSION.c.agency_id).where(_SUSPENSION.c.organisation_id == organisation_id)
        return frozenset(row.agency_id for row in await self._rows(mine, unit))

    async def is_suspended(self) -> bool:
        """Whether sharing is switched off for the whole network."""
        rows = await self._rows(_SWITCHED, None)
        return bool(rows and rows[0].is_suspended)

    async def set_suspended(self, unit: UnitOfWork, *, is_suspended: bool, at: datetime, by: str) -> None:
        """Switch the whole network off, or on."""
        values = {"is_suspended": is_suspended, "changed_at": at, "changed_by": by}
        changed = await unit.session.execute(update(_SWITCH).where(_SWITCH.c.id == _SWITCH_ID).values(**values))
        if changed.rowcount == 0:  # type: ignore[attr-defined]
            await unit.session.execute(insert(_SWITCH).values(id=_SWITCH_ID, **values))

    async def _rows(self, statement: Executable, unit: UnitOfWork | None) -> Sequence[Any]:
        if unit is not None:
            return (await unit.session.execute(statement)).all()
        async with self._database.read() as connection:
            return (await connection.execute(statement)).all()


def _text(value: object) -> str:
    return canonical.encode(value).decode()


def _answers(row: Any, suspended: frozenset[str]) -> Answers:
    return Answers(
        site_id=row.site_id,
        organisation_id=row.organisation_id,
        version=row.version,
        clauses=tuple(read_clause(item, f"clauses[{index}]") for index, item in enumerate(json.loads(row.clauses))),
        off=frozenset(json.loads(row.off)),
        changed_at=row.changed_at,
        pending=json.loads(row.pending) if row.pending else None,
        owners=tuple(read_owner(owner, "owners") for owner in json.loads(row.owners)) if row.owners else None,
        suspended=suspended,
    )


def _document(row: Any) -> StoredDocument:
    return StoredDocument(
        sha256=row.sha256,
        agent_id=row.agent_id,
        site_id=row.site_id,
        lineage=row.lineage,
        seq=row.seq,
        parent_sha256=row.parent_sha256,
        step=Step(row.step),
        state=DocumentState(row.state),
        raw=json.loads(row.raw),
        created_at=row.created_at,
        approve_by=row.approve_by,
        code=row.code,
    )
