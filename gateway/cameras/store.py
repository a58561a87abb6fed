"""Cameras in the database, found by place through the index (cell, lat, lon)."""

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Any, Final

from sqlalchemy import ColumnElement, Select, bindparam, delete, false, func, insert, select, text, tuple_, update

from gateway.cameras.model import Box, Camera, CameraFacts, CameraState, Wanted, cell_of
from gateway.cameras.tables import CameraRow
from gateway.kernel.database import Database, UnitOfWork
from gateway.partners import Place

MAX_CELLS: Final = 64  # more squares than this, and the plain (lat, lon) index is the better way in
_CAMERA = CameraRow.__table__  # type: ignore[attr-defined]  # SQLModel adds it
_STATES: Final = {state.value: state for state in CameraState}
_COLUMNS: Final = tuple(
    _CAMERA.c[name]
    for name in (
        *("id", "organisation_id", "site_id", "name", "lat", "lon", "heading_deg", "is_public_facing"),
        *("people_live_here", "purpose", "labels", "state", "mark", "mark_until_ms", "revision"),
    )
)
# Every decision asks it: a statement that is built once is read and named once.
_ONE: Final = select(*_COLUMNS).where(_CAMERA.c.id == bindparam("camera_id"))
_ORDER: Final = (_CAMERA.c.cell, _CAMERA.c.lat, _CAMERA.c.lon, _CAMERA.c.id)
_UNMARKED: Final[dict[str, Any]] = {"mark": "", "mark_until_ms": None, "revision": _CAMERA.c.revision + 1}
_NO_MARK: Final = text("mark = ''")  # as the partial index says it; a parameter would not be recognised
_WITHOUT_MARK: Final = select(_CAMERA.c.site_id).where(_NO_MARK).distinct().limit(bindparam("most"))
_MARK_ENDED: Final = (
    select(_CAMERA.c.site_id).where(_CAMERA.c.mark_until_ms <= bindparam("now_ms")).distinct().limit(bindparam("most"))
)


class SqlCameras:
    """`CameraRows` over SQL."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def add(self, unit: UnitOfWork, camera: Camera, *, at: datetime) -> None:
        """A new camera, without a mark."""
        new = {"id": camera.id, "created_at": at, "organisation_id": camera.organisation_id, "mark": "", "revision": 0}
        await unit.session.execute(insert(_CAMERA).values(**new, **_values(camera), mark_until_ms=None))

    async def save(self, unit: UnitOfWork, camera: Camera) -> None:
        """A camera's current facts; its mark is gone."""
        known = update(_CAMERA).where(_CAMERA.c.id == camera.id)
        await unit.session.execute(known.values(**_values(camera), **_UNMARKED))

    async def remove(self, unit: UnitOfWork, camera_id: str) -> None:
        """The camera is gone."""
        await unit.session.execute(delete(_CAMERA).where(_CAMERA.c.id == camera_id))

    async def camera(self, camera_id: str, *, unit: UnitOfWork | None = None) -> Camera | None:
        """One camera."""
        found = await self._cameras(_ONE, unit, camera_id=camera_id)
        return found[0] if found else None

    async def cameras(self, camera_ids: Collection[str]) -> list[Camera]:
        """Those that exist of these, by name."""
        return await self._cameras(_by_name(select(*_COLUMNS).where(_CAMERA.c.id.in_(list(camera_ids)))), None)

    async def of_site(self, site_id: str, *, unit: UnitOfWork | None = None) -> list[Camera]:
        """Those of a site, by name."""
        return await self._cameras(_by_name(select(*_COLUMNS).where(_CAMERA.c.site_id == site_id)), unit)

    async def of_organisation(self, organisation_id: str) -> list[Camera]:
        """Those of an organisation, by name."""
        mine = _CAMERA.c.organisation_id == organisation_id
        return await self._cameras(_by_name(select(*_COLUMNS).where(mine)), None)

    async def within(self, box: Box, *, most: int) -> list[Camera]:
        """Up to `most` cameras in a box, in no order."""
        return await self._cameras(_inside(select(*_COLUMNS), box).limit(most), None)

    async def page(self, box: Box, wanted: Wanted) -> Sequence[Camera]:
        """Cameras in a box, in the order of `Position`."""
        statement, after = _inside(select(*_COLUMNS), box), wanted.after
        if after is not None:
            here = (after.cell, after.lat, after.lon, after.camera_id)
            statement = statement.where(tuple_(*_ORDER) > here, _CAMERA.c.cell >= after.cell)
        has_ended = _CAMERA.c.mark_until_ms <= wanted.now_ms
        if wanted.without:
            statement = statement.where(_CAMERA.c.mark.not_in(sorted(wanted.without)) | has_ended)
        if wanted.only is not None:
            statement = statement.where(_CAMERA.c.mark.in_(sorted(wanted.only)) | has_ended)
        if not wanted.homes:
            statement = statement.where(_CAMERA.c.people_live_here.is_(False))
        return await self._cameras(statement.order_by(*_ORDER).limit(wanted.most), None)

    async def counts(self, box: Box, *, homes: bool, now_ms: int) -> Mapping[tuple[int, str], int]:
        """How many cameras with each mark are in each square the box touches: homes alone, or all others."""
        has_ended = func.coalesce(_CAMERA.c.mark_until_ms <= now_ms, false()).label("has_ended")
        by = (_CAMERA.c.cell, _CAMERA.c.mark, has_ended)
        statement = select(*by, func.count()).where(_in_cells(box), _CAMERA.c.people_live_here.is_(homes))
        async with self._database.read() as connection:
            rows = (await connection.execute(statement.group_by(*by))).all()
        found: Counter[tuple[int, str]] = Counter()
        for cell, mark, is_over, count in rows:
            found[cell, "" if is_over else mark] += count
        return found

    async def unmark(self, unit: UnitOfWork, owners: Collection[str]) -> None:
        """The marks of the cameras of these sites and organisations are gone."""
        named = sorted(owners)
        theirs = _CAMERA.c.site_id.in_(named) | _CAMERA.c.organisation_id.in_(named)
        await unit.session.execute(update(_CAMERA).where(theirs).values(**_UNMARKED))

    async def unmark_all(self, unit: UnitOfWork) -> None:
        """Every mark is gone, also one that is being made now."""
        await unit.session.execute(update(_CAMERA).values(**_UNMARKED))

    async def mark(self, unit: UnitOfWork, camera: Camera) -> bool:
        """Its mark, for the revision that was read; False when the mark was taken away since: nothing was written."""
        as_read = (_CAMERA.c.id == camera.id) & (_CAMERA.c.revision == camera.revision)
        values = {"mark": camera.mark, "mark_until_ms": camera.mark_until_ms}
        changed = await unit.session.execute(update(_CAMERA).where(as_read).values(**values))
        return bool(changed.rowcount)  # type: ignore[attr-defined]

    async def unmark_others(self, unit: UnitOfWork, prefix: str) -> None:
        """Take away every mark that does not begin like this."""
        others = (_CAMERA.c.mark != "") & ~_CAMERA.c.mark.startswith(prefix, autoescape=True)
        await unit.session.execute(update(_CAMERA).where(others).values(**_UNMARKED))

    async def unmarked_sites(self, *, most: int, now_ms: int) -> Sequence[str]:
        """Sites with a camera that has no mark, or one that has ended."""
        found: list[str] = []
        for unmarked in (_WITHOUT_MARK, _MARK_ENDED):  # one index each
            found += await self._texts(unmarked, now_ms=now_ms, most=most)
        return found[:most]

    async def sites_after(self, site_id: str, *, most: int) -> Sequence[str]:
        """Sites with cameras, in the order of their ids, behind this one."""
        site = _CAMERA.c.site_id
        return await self._texts(select(site).where(site > site_id).distinct().order_by(site).limit(most))

    async def marks(self) -> Collection[str]:
        """Every mark that a camera has."""
        return set(await self._texts(select(_CAMERA.c.mark).distinct()))

    async def _texts(self, statement: Select[Any], **values: object) -> list[str]:
        async with self._database.read() as connection:
            return [str(text) for (text,) in (await connection.execute(statement, values)).all()]

    async def _cameras(self, statement: Select[Any], unit: UnitOfWork | None, **values: object) -> list[Camera]:
        rows: Sequence[Any]
        if unit is not None:
            rows = (await unit.session.execute(statement, values)).all()
        else:
            async with self._database.read() as connection:
                rows = (await connection.execute(statement, values)).all()
        return [_camera(row) for row in rows]


def _inside(statement: Select[Any], box: Box) -> Select[Any]:
    return statement.where(
        _in_cells(box),
        _CAMERA.c.lat.between(box.south, box.north),
        _CAMERA.c.lon.between(box.west, box.east),
    )


def _in_cells(box: Box) -> ColumnElement[bool]:
    """The squares of a small box by name; of a large one only the first and the last, its degrees do the rest."""
    cells = box.cells(MAX_CELLS)
    cell: ColumnElement[int] = _CAMERA.c.cell
    return cell.in_(cells) if cells is not None else cell.between(*box.cell_span)


def _by_name(statement: Select[Any]) -> Select[Any]:
    return statement.order_by(_CAMERA.c.name, _CAMERA.c.id)


def _values(camera: Camera) -> dict[str, Any]:
    return {
        "site_id": camera.site_id,
        "name": camera.facts.name,
        "cell": cell_of(camera.place),
        "lat": camera.place.lat,
        "lon": camera.place.lon,
        "heading_deg": camera.facts.heading_deg,
        "is_public_facing": camera.facts.is_public_facing,
        "people_live_here": camera.people_live_here,
        "purpose": camera.facts.purpose,
        "labels": ",".join(sorted(camera.facts.labels)),
        "state": camera.state.value,
    }


_NONE: Final[frozenset[str]] = frozenset()


def _labels(text: str) -> frozenset[str]:
    return frozenset(text.split(",")) if text else _NONE


def _camera(row: Any) -> Camera:
    """A row of `_COLUMNS`; taken apart by place, for a list has hundreds."""
    (id_, organisation_id, site_id, name, lat, lon, heading_deg, is_public_facing, people_live_here, purpose, labels,
     state, mark, mark_until_ms, revision) = row  # fmt: skip
    return Camera(
        id_,
        organisation_id,
        site_id,
        CameraFacts(name, Place(lat, lon), heading_deg, is_public_facing, purpose, _labels(labels)),
        people_live_here,
        _STATES[state],
        mark,
        mark_until_ms,
        revision,
    )
