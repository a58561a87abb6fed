"""Reports that are owed after a view: one for an incident, within the days the ordinance says; overdue ones say so.

Who looked owes it and writes it, or a supervisor does. The text stays here; the log holds its digest, so that a report
cannot be changed unseen. A view after the report was written owes a new one.
"""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final, cast

from sqlalchemy import CursorResult, Select, select, update
from sqlalchemy.dialects import postgresql, sqlite

from gateway.audit import Kind, LeafDraft
from gateway.emergency.ports import Log
from gateway.emergency.tables import ReportRow
from gateway.kernel.database import METADATA, Database, UnitOfWork
from gateway.kernel.errors import ConflictError, DeniedError, InvalidError, NotFoundError
from gateway.kernel.phrases import phrase
from gateway.kernel.principal import Principal, Role
from partner_agent.wire.clock import Clock
from partner_agent.wire.ids import IdSource

DAYS: Final = 7  # where the ordinance names none: San Francisco's for its own cameras
TEXT_LENGTH: Final = 4_000  # characters: two pages
SWEEP_S: Final = 60.0  # how soon after its day an overdue report is in the log
SHOWN: Final = 100
_ROW: Final = METADATA.tables[str(ReportRow.__tablename__)]
_FIELDS: Final = ("id", "incident_id", "session_id", "camera_id", "organisation_id", "person_id", "agency_id")


@dataclass(frozen=True, slots=True, kw_only=True)
class Owed:
    """What a report is owed for."""

    agency_id: str
    incident_id: str
    session_id: str
    camera_id: str
    organisation_id: str
    person_id: str
    days: int = DAYS


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """One report; `text` is empty until it is written."""

    id: str
    owed: Owed
    owed_at: datetime
    due_at: datetime
    text: str = ""
    written_by: str = ""
    written_at: datetime | None = None

    def is_overdue(self, now: datetime) -> bool:
        """Whether its day has passed without it."""
        return self.written_at is None and now >= self.due_at


class Reports:
    """Use cases of reports."""

    def __init__(self, *, database: Database, log: Log, clock: Clock, ids: IdSource) -> None:
        self._database, self._log, self._clock, self._ids = database, log, clock, ids

    async def owe(self, unit: UnitOfWork, owed: Owed) -> bool:
        """A report is owed, in the transaction that writes the view; False where one for its incident is open."""
        now = self._clock.now()
        values = {
            "id": self._ids.new("aar"),
            "subject": owed.incident_id or owed.session_id,
            "owed_at": now,
            "due_at": now + timedelta(days=owed.days),
            "is_overdue_logged": False,
            "text": "",
            "written_by": "",
            **{name: getattr(owed, name) for name in _FIELDS[1:]},
        }
        make = sqlite.insert if self._database.is_sqlite else postgresql.insert
        result = await unit.session.execute(make(_ROW).values(**values).on_conflict_do_nothing())
        if cast("CursorResult[Any]", result).rowcount != 1:
            return False
        await self._log.append(unit, _leaf(Kind.REPORT_OWED, str(values["id"]), owed, days=owed.days))
        return True

    async def of_agency(self, principal: Principal) -> Sequence[Report]:
        """Open ones, the most urgent first, then those written."""
        order = (_ROW.c.written_at.is_not(None), _ROW.c.due_at, _ROW.c.id)
        mine = _ROW.c.agency_id == principal.organisation_id
        return await self._read(select(_ROW).where(mine).order_by(*order).limit(SHOWN))

    async def report(self, principal: Principal, report_id: str) -> Report:
        """One of the caller's agency.

        Raises:
            NotFoundError: there is none.
        """
        mine = (_ROW.c.agency_id == principal.organisation_id) & (_ROW.c.id == report_id)
        found = await self._read(select(_ROW).where(mine))
        if not found:
            raise NotFoundError("There is no such report.")
        return found[0]

    async def write(self, principal: Principal, report_id: str, text: str) -> None:
        """Whoever looked, or a supervisor, says what happened; for good.

        Raises:
            NotFoundError: there is no such report.
            DeniedError: the caller neither looked nor supervises.
            InvalidError: nothing was said, or too much.
            ConflictError: it is written already.
        """
        one = await self.report(principal, report_id)
        if one.owed.person_id != principal.person_id and Role.SUPERVISOR not in principal.roles:
            raise DeniedError("Whoever looked writes this report, or a supervisor.")
        text = text.strip()
        if not 0 < len(text) <= TEXT_LENGTH:
            sentence = phrase("Say what happened, in at most %(most)d characters.", most=TEXT_LENGTH)
            raise InvalidError(sentence, fields={"text": sentence})
        now = self._clock.now()
        values = {"text": text, "written_by": principal.person_id, "written_at": now}
        open_one = (_ROW.c.id == one.id) & _ROW.c.written_at.is_(None)
        async with self._database.unit_of_work() as unit:
            result = await unit.session.execute(update(_ROW).where(open_one).values(**values))
            if cast("CursorResult[Any]", result).rowcount != 1:
                raise ConflictError("This report is written already.")
            sha256 = hashlib.sha256(text.encode()).hexdigest()
            is_late = now >= one.due_at
            draft = _leaf(Kind.REPORT_WRITTEN, one.id, one.owed, by=principal.person_id, sha256=sha256, is_late=is_late)
            await self._log.append(unit, draft)
            await unit.commit()

    async def run(self) -> None:
        """Write down which reports are overdue, for ever."""
        while True:
            await self.sweep()
            await self._clock.sleep(SWEEP_S)

    async def sweep(self) -> int:
        """Write down which reports are overdue, each once; how many were."""
        late = _ROW.c.written_at.is_(None) & (_ROW.c.due_at <= self._clock.now()) & _ROW.c.is_overdue_logged.is_(False)
        found = await self._read(select(_ROW).where(late).limit(SHOWN))
        for one in found:
            async with self._database.unit_of_work() as unit:
                statement = update(_ROW).where(late & (_ROW.c.id == one.id)).values(is_overdue_logged=True)
                if cast("CursorResult[Any]", await unit.session.execute(statement)).rowcount == 1:
                    await self._log.append(unit, _leaf(Kind.REPORT_OVERDUE, one.id, one.owed))
                    await unit.commit()
        return len(found)

    async def _read(self, statement: Select[Any]) -> list[Report]:
        async with self._database.read() as connection:
            return [_report(row) for row in (await connection.execute(statement)).mappings().all()]


def _report(row: Mapping[Any, Any]) -> Report:
    return Report(
        id=row["id"],
        owed=Owed(**{name: row[name] for name in _FIELDS[1:]}, days=(row["due_at"] - row["owed_at"]).days),
        owed_at=row["owed_at"],
        due_at=row["due_at"],
        text=row["text"],
        written_by=row["written_by"],
        written_at=row["written_at"],
    )


def _leaf(kind: Kind, report_id: str, owed: Owed, *, by: str = "", sha256: str = "", **public: int | bool) -> LeafDraft:
    ids = {owed.incident_id, owed.session_id, owed.camera_id, owed.organisation_id, owed.person_id, by}
    return LeafDraft(
        kind=kind,
        streams=frozenset(ids - {""}),
        public=public,
        details={
            "report": report_id,
            "session": owed.session_id,
            "camera": owed.camera_id,
            "organisation": owed.organisation_id,
            "incident": owed.incident_id,
            "agency": owed.agency_id,
            **({"sha256": sha256} if sha256 else {}),
        },
        restricted={"person": by or owed.person_id},
        once=f"{kind.value} {report_id}",
    )
