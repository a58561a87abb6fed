"""The versions of what an owner said, in the database: written in the transaction of their save, never changed."""

import json
from collections.abc import Sequence
from typing import Any

from sqlalchemy import delete, insert, select

from gateway.kernel.database import Database, UnitOfWork
from gateway.sharing.model import Answers, Version
from gateway.sharing.tables import SharingVersionRow
from partner_agent.wire import canonical
from policies.clauses import read_clause

_VERSION = SharingVersionRow.__table__  # type: ignore[attr-defined]  # SQLModel adds it


async def keep(unit: UnitOfWork, known: Answers | None, answers: Answers, *, author: str, name: str) -> None:
    """Write down what is saved by whom, and first what there was before versions were kept."""
    if known is not None:
        rows = await unit.session.execute(select(_VERSION.c.seq).where(_VERSION.c.site_id == answers.site_id).limit(1))
        if not rows.first():
            await _insert(unit, known, author="", name="")
        if _body(known) == _body(answers):
            return  # another wish, such as whose passkeys approve
    await _insert(unit, answers, author=author, name=name)


async def read(database: Database, site_id: str, *, before: int | None, most: int) -> Sequence[Version]:
    """The newest versions of a site, or those before one, newest first."""
    statement = select(_VERSION).where(_VERSION.c.site_id == site_id).order_by(_VERSION.c.seq.desc()).limit(most)
    if before is not None:
        statement = statement.where(_VERSION.c.seq < before)
    async with database.read() as connection:
        return [_version(row) for row in (await connection.execute(statement)).all()]


async def forget(unit: UnitOfWork, site_id: str) -> None:
    """The site is gone."""
    await unit.session.execute(delete(_VERSION).where(_VERSION.c.site_id == site_id))


async def _insert(unit: UnitOfWork, answers: Answers, *, author: str, name: str) -> None:
    body = _body(answers)
    values = {
        "site_id": answers.site_id,
        "seq": answers.version,
        "author": author,
        "author_name": name,
        "created_at": answers.changed_at,
        "body": canonical.encode(body).decode(),
        "sha256": canonical.sha256_hex(body),
    }
    await unit.session.execute(insert(_VERSION).values(**values))


def _body(answers: Answers) -> dict[str, object]:
    return {"clauses": [clause.to_json() for clause in answers.clauses], "off": sorted(answers.off)}


def _version(row: Any) -> Version:
    body = json.loads(row.body)
    return Version(
        seq=row.seq,
        author_name=row.author_name,
        created_at=row.created_at,
        clauses=tuple(read_clause(item, f"clauses[{index}]") for index, item in enumerate(body["clauses"])),
        off=frozenset(body["off"]),
        sha256=row.sha256,
    )
