"""Cameras in the database, found by place through the index (cell, lat, lon)."""

from collections.abc import Collection, Sequence
from typing import Any, Final

from sqlalchemy import Select, delete, insert, select, update

from gateway.cameras.model import Box, Camera, CameraFacts, CameraState, cell_of
from gateway.cameras.tables import CameraRow
from gateway.kernel.database import Database, UnitOfWork
from gateway.partners import Place

MAX_CELLS: Final = 64  # more squares than this, and the plain (lat, lon) index is the better way in
_CAMERA = CameraRow.__table__  # type: ignore[attr-defined]  # SQLModel adds it


class SqlCameras:
    """`CameraRows` over SQL."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def save(self, unit: UnitOfWork, camera: Camera) -> None:
        """A new camera, or its current facts."""
        values = _values(camera)
        changed = await unit.session.execute(update(_CAMERA).where(_CAMERA.c.id == camera.id).values(**values))
        if changed.rowcount == 0:  # type: ignore[attr-defined]  # a CursorResult, as of every update
            new = {"id": camera.id, "created_at": camera.created_at, "organisation_id": camera.organisation_id}
            await unit.session.execute(insert(_CAMERA).values(**new, **values))

    async def remove(self, unit: UnitOfWork, camera_id: str) -> None:
        """The camera is gone."""
        await unit.session.execute(delete(_CAMERA).where(_CAMERA.c.id == camera_id))

    async def camera(self, camera_id: str, *, unit: UnitOfWork | None = None) -> Camera | None:
        """One camera."""
        found = await self._cameras(select(_CAMERA).where(_CAMERA.c.id == camera_id), unit)
        return found[0] if found else None

    async def cameras(self, camera_ids: Collection[str]) -> list[Camera]:
        """Those that exist of these, by name."""
        return await self._cameras(_by_name(select(_CAMERA).where(_CAMERA.c.id.in_(list(camera_ids)))), None)

    async def of_site(self, site_id: str, *, unit: UnitOfWork | None = None) -> list[Camera]:
        """Those of a site, by name."""
        return await self._cameras(_by_name(select(_CAMERA).where(_CAMERA.c.site_id == site_id)), unit)

    async def of_organisation(self, organisation_id: str) -> list[Camera]:
        """Those of an organisation, by name."""
        mine = _CAMERA.c.organisation_id == organisation_id
        return await self._cameras(_by_name(select(_CAMERA).where(mine)), None)

    async def within(self, box: Box, *, most: int) -> list[Camera]:
        """Up to `most` cameras in a box, in no order."""
        statement = select(_CAMERA).where(
            _CAMERA.c.lat.between(box.south, box.north), _CAMERA.c.lon.between(box.west, box.east)
        )
        cells = box.cells(MAX_CELLS)
        if cells is not None:
            statement = statement.where(_CAMERA.c.cell.in_(cells))
        return await self._cameras(statement.limit(most), None)

    async def _cameras(self, statement: Select[Any], unit: UnitOfWork | None) -> list[Camera]:
        rows: Sequence[Any]
        if unit is not None:
            rows = (await unit.session.execute(statement)).all()
        else:
            async with self._database.read() as connection:
                rows = (await connection.execute(statement)).all()
        return [_camera(row) for row in rows]


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
        "state": camera.state.value,
    }


def _camera(row: Any) -> Camera:
    facts = CameraFacts(row.name, Place(row.lat, row.lon), row.heading_deg, row.is_public_facing, row.purpose)
    return Camera(
        id=row.id,
        organisation_id=row.organisation_id,
        site_id=row.site_id,
        facts=facts,
        people_live_here=row.people_live_here,
        state=CameraState(row.state),
        created_at=row.created_at,
    )
