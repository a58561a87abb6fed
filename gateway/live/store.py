"""Sessions over SQL: steps are conditional updates, so that two who end one session write it once."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import fields
from datetime import datetime
from typing import Any, Final, cast

from sqlalchemy import (
    BigInteger,
    ColumnElement,
    CursorResult,
    Select,
    bindparam,
    case,
    func,
    insert,
    or_,
    select,
    type_coerce,
    update,
)
from sqlmodel import col

from gateway.kernel.database import Database, UnitOfWork
from gateway.live.model import MARK_LENGTH, OPEN_STATES, Account, Change, EndReason, OpenedBy, Session, SessionState
from gateway.live.tables import ID_LENGTH, LiveSession
from partner_agent.wire.clock import to_ms
from policies.request import Usage
from policies.vocabulary import Act

_PLAIN: Final = frozenset(field.name for field in fields(Session)) - {"relay", "site"}
_TABLE: Final = LiveSession.__table__  # type: ignore[attr-defined]
_INSERT: Final = insert(_TABLE)
_ONE: Final = select(_TABLE).where(_TABLE.c.id == bindparam("session_id"))
_NOTE: Final = update(_TABLE).where(_TABLE.c.id == bindparam("session_id"))  # sets what it is given
_STEP: Final = _NOTE.where(_TABLE.c.state.in_(bindparam("states_before", expanding=True)))
PAGE: Final = 500


def _ms(column: str) -> ColumnElement[int]:
    return type_coerce(_TABLE.c[column], BigInteger)


def _whole_s(milliseconds: ColumnElement[int]) -> ColumnElement[int]:
    return (milliseconds + 999) // 1000  # rounded up, as the site does


# `Session.seconds_until`, `recorded_s` and `is_open`, summed where the rows are: a day of a busy site is thousands.
_LASTED_MS: Final = case(
    (_TABLE.c.site_seconds.is_not(None), (_TABLE.c.site_seconds * 1000).cast(BigInteger)),
    (_TABLE.c.relay_seconds.is_not(None), (_TABLE.c.relay_seconds * 1000).cast(BigInteger)),
    else_=func.coalesce(_ms("ended_at"), bindparam("now_ms", type_=BigInteger)) - _ms("accepted_at"),
)
_RECORDED_S: Final = case(
    (_TABLE.c.range_from.is_(None), 0),
    else_=func.coalesce(_TABLE.c.footage_s, _whole_s(_ms("range_to") - _ms("range_from"))),
)
_GIVEN: Final = (
    select(
        _TABLE.c.site_id,
        func.sum(case((_TABLE.c.act == Act.RECORDED_VIEW.value, 0), else_=_whole_s(_LASTED_MS))),
        func.sum(_RECORDED_S),
        func.sum(case((_TABLE.c.state.in_(sorted(OPEN_STATES)), 1), else_=0)),
    )
    .where(
        _TABLE.c.site_id.in_(bindparam("sites", expanding=True)),
        _TABLE.c.accepted_at.is_not(None),
        or_(_TABLE.c.ended_at.is_(None), _TABLE.c.ended_at > bindparam("since")),
        _TABLE.c.id != bindparam("without"),
    )
    .group_by(_TABLE.c.site_id)
)


class SqlSessions:
    """`SessionStore` on SQLite and PostgreSQL."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def add(self, unit: UnitOfWork, session: Session) -> None:
        """A new row."""
        values = {name: _plain(getattr(session, name)) for name in _PLAIN}
        await unit.session.execute(_INSERT, values)

    async def change(self, unit: UnitOfWork, session_id: str, change: Change) -> bool:
        """One step, if it is still allowed."""
        values = {"state": change.after.value, **_columns(change.values)}
        where = {"session_id": session_id, "states_before": sorted(change.before)}
        result = cast("CursorResult[Any]", await unit.session.execute(_STEP, values | where))
        return result.rowcount == 1

    async def note(self, unit: UnitOfWork, session_id: str, **values: object) -> None:
        """Facts that are no step."""
        await unit.session.execute(_NOTE, _columns(values) | {"session_id": session_id})

    async def get(self, session_id: str) -> Session | None:
        """One session."""
        found = await self._read(_ONE, session_id=session_id)
        return found[0] if found else None

    async def marked(self, mark: str) -> Sequence[Session]:
        """By the end of their ids, which has an index."""
        end = func.substr(col(LiveSession.id), ID_LENGTH - MARK_LENGTH + 1)
        return await self._read(select(_TABLE).where(end == mark).order_by(col(LiveSession.id).desc()).limit(PAGE))

    async def unfinished(self) -> Sequence[Session]:
        """Every session in an open state."""
        return await self._read(select(_TABLE).where(col(LiveSession.state).in_(sorted(OPEN_STATES))))

    async def given(
        self, sites: Collection[str], *, since: datetime, now: datetime, without: str
    ) -> Mapping[str, Usage]:
        """By accepted sessions of these sites, open or ended after `since`."""
        values = {"sites": list(sites), "since": since, "now_ms": to_ms(now), "without": without}
        async with self._database.read() as connection:
            rows = (await connection.execute(_GIVEN, values)).all()
        return {
            site: Usage(live_s=int(live), clip_s=int(clip), views_now=int(views)) for site, live, clip, views in rows
        }

    async def asked_for(self, site_id: str, *, since: datetime, most: int) -> Sequence[Session]:
        """Sessions of a site since then, newest first."""
        is_mine = (col(LiveSession.site_id) == site_id) & (col(LiveSession.requested_at) >= since)
        newest = (col(LiveSession.requested_at).desc(), col(LiveSession.id).desc())
        return await self._read(select(_TABLE).where(is_mine).order_by(*newest).limit(most))

    async def unaccounted(self, *, ended_before: datetime) -> Sequence[Session]:
        """Accepted and ended sessions without the site's account."""
        statement = (
            select(_TABLE)
            .where(
                col(LiveSession.accepted_at).is_not(None),
                col(LiveSession.ended_at) < ended_before,
                col(LiveSession.is_reconciled).is_(False),
            )
            .order_by(col(LiveSession.ended_at))
            .limit(PAGE)
        )
        return await self._read(statement)

    async def _read(self, statement: Select[Any], **values: object) -> list[Session]:
        async with self._database.read() as connection:
            rows = (await connection.execute(statement, values)).mappings().all()
        return [_session(row) for row in rows]


def _plain(value: object) -> object:
    return value.value if isinstance(value, (SessionState, EndReason, OpenedBy)) else value


def _columns(values: Mapping[str, object]) -> dict[str, object]:
    columns: dict[str, object] = {}
    for name, value in values.items():
        if isinstance(value, Account):
            columns |= {f"{name}_seconds": value.seconds, f"{name}_bytes": value.sent_bytes}
        else:
            columns[name] = _plain(value)
    return columns


def _account(row: Mapping[str, Any], side: str) -> Account | None:
    seconds, sent_bytes = row[f"{side}_seconds"], row[f"{side}_bytes"]
    return None if seconds is None else Account(seconds=seconds, sent_bytes=sent_bytes)


def _session(row: Mapping[Any, Any]) -> Session:
    values = {name: row[name] for name in _PLAIN}
    values["state"] = SessionState(values["state"])
    values["end_reason"] = EndReason(values["end_reason"])
    values["opened_by"] = OpenedBy(values["opened_by"])
    return Session(**values, relay=_account(row, "relay"), site=_account(row, "site"))
