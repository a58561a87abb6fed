"""Links to phones over SQL: every change is a conditional update, so that of two who come at once one is the first."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Final, cast

from sqlalchemy import ColumnElement, CursorResult, Update, func, insert, select, update

from gateway.kernel.database import Database, UnitOfWork
from gateway.live.model import EndReason
from gateway.live.phones.model import PhoneLink
from gateway.live.phones.tables import PhoneLinkRow

_LINK: Final[Any] = PhoneLinkRow.__table__  # type: ignore[attr-defined]
_NAMES: Final = tuple(PhoneLink.__dataclass_fields__)
_SENDER_LOCK: Final = 7301148  # PostgreSQL advisory lock, with the sender: one counts their links and adds to them
PAGE: Final = 100


class SqlPhones:
    """`PhoneRows` on SQLite and PostgreSQL."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def add(self, unit: UnitOfWork, link: PhoneLink) -> None:
        """A new one."""
        values = {name: getattr(link, name) for name in _NAMES} | {"end_reason": link.end_reason.value}
        await unit.session.execute(insert(_LINK).values(**values))

    async def get(self, link_id: str) -> PhoneLink | None:
        """One."""
        async with self._database.read() as connection:
            row = (await connection.execute(select(_LINK).where(_LINK.c.id == link_id))).mappings().one_or_none()
        return _link(row) if row else None

    async def of_sender(self, person_id: str, *, since: datetime) -> Sequence[PhoneLink]:
        """Newest first."""
        is_theirs = (_LINK.c.person_id == person_id) & (_LINK.c.made_at >= since)
        newest = (_LINK.c.made_at.desc(), _LINK.c.id.desc())
        async with self._database.read() as connection:
            rows = await connection.execute(select(_LINK).where(is_theirs).order_by(*newest).limit(PAGE))
            return [_link(row) for row in rows.mappings().all()]

    async def open_at(self, now: datetime) -> Sequence[PhoneLink]:
        """Newest first."""
        newest = (_LINK.c.made_at.desc(), _LINK.c.id.desc())
        async with self._database.read() as connection:
            rows = await connection.execute(select(_LINK).where(_is_open(now)).order_by(*newest).limit(PAGE))
            return [_link(row) for row in rows.mappings().all()]

    async def count_open(self, unit: UnitOfWork, person_id: str, now: datetime) -> int:
        """On SQLite the transaction holds the only writer's lock already."""
        if not self._database.is_sqlite:
            whose = func.hashtext(person_id)  # two people of one hash wait for each other, and no more than that
            await unit.session.execute(select(func.pg_advisory_xact_lock(_SENDER_LOCK, whose)))
        statement = select(func.count()).select_from(_LINK).where(_LINK.c.person_id == person_id, _is_open(now))
        return int((await unit.session.execute(statement)).scalar_one())

    async def bind(
        self, unit: UnitOfWork, link_id: str, *, device_sha256: str, opened_at: datetime, ends_at: datetime
    ) -> bool:
        """To the first device."""
        is_free = (_LINK.c.opened_at.is_(None)) & (_LINK.c.ended_at.is_(None)) & (_LINK.c.open_until > opened_at)
        values = {"device_sha256": device_sha256, "opened_at": opened_at, "ends_at": ends_at}
        return await _done(unit, update(_LINK).where(_LINK.c.id == link_id, is_free).values(**values))

    async def show(self, unit: UnitOfWork, link_id: str, *, session_id: str, instead_of: str) -> bool:
        """The next view."""
        is_same = (_LINK.c.session_id == instead_of) & (_LINK.c.ended_at.is_(None))
        return await _done(unit, update(_LINK).where(_LINK.c.id == link_id, is_same).values(session_id=session_id))

    async def shorten(self, unit: UnitOfWork, link_id: str, *, ends_at: datetime) -> bool:
        """Never later."""
        is_later = (_LINK.c.ends_at > ends_at) & (_LINK.c.ended_at.is_(None))
        return await _done(unit, update(_LINK).where(_LINK.c.id == link_id, is_later).values(ends_at=ends_at))

    async def end(self, unit: UnitOfWork, link_id: str, *, ended_at: datetime, reason: EndReason) -> bool:
        """For good."""
        is_on = (_LINK.c.id == link_id) & (_LINK.c.ended_at.is_(None))
        values = {"ended_at": ended_at, "end_reason": reason.value}
        return await _done(unit, update(_LINK).where(is_on).values(**values))


def _is_open(now: datetime) -> ColumnElement[bool]:
    """Not ended, and in time to be opened or watched: `model.standing` in SQL."""
    is_waiting = (_LINK.c.opened_at.is_(None)) & (_LINK.c.open_until > now)
    result: ColumnElement[bool] = (_LINK.c.ended_at.is_(None)) & (is_waiting | (_LINK.c.ends_at > now))
    return result


async def _done(unit: UnitOfWork, statement: Update) -> bool:
    return cast("CursorResult[Any]", await unit.session.execute(statement)).rowcount == 1


def _link(row: Mapping[Any, Any]) -> PhoneLink:
    values = {name: row[name] for name in _NAMES}
    return PhoneLink(**(values | {"end_reason": EndReason(values["end_reason"])}))
