"""Rows of cameras."""

from datetime import datetime
from typing import Final

from sqlalchemy import BigInteger, Column, Float, ForeignKey, Index, String, text
from sqlmodel import Field, SQLModel

from gateway.kernel.database import UtcMs

_IN_ORDER: Final = (
    *("cell", "lat", "lon", "id", "organisation_id", "site_id", "name", "heading_deg", "is_public_facing"),
    *("people_live_here", "purpose", "labels", "state", "mark", "mark_until_ms", "revision"),
)


class CameraRow(SQLModel, table=True):
    """A camera. `cell` numbers its 0.01° square, so that a crowded city stays quick to search."""

    __tablename__ = "cameras_camera"
    __table_args__ = (
        Index("ix_cameras_camera_cell_lat_lon", "cell", "lat", "lon").ddl_if(dialect="postgresql"),
        # All that a page of a list shows, in its order: a row of the table would cost SQLite a page of its file each.
        Index("ix_cameras_camera_in_order", *_IN_ORDER).ddl_if(dialect="sqlite"),
        Index("ix_cameras_camera_lat_lon", "lat", "lon"),
        Index("ix_cameras_camera_site_id", "site_id"),
        Index("ix_cameras_camera_organisation_id", "organisation_id"),
        Index("ix_cameras_camera_cell_mark_mark_until_ms", "cell", "mark", "mark_until_ms", "people_live_here"),
        Index("ix_cameras_camera_mark_until_ms", "mark_until_ms"),
        Index(
            "ix_cameras_camera_unmarked", "site_id", sqlite_where=text("mark = ''"), postgresql_where=text("mark = ''")
        ),
    )

    id: str = Field(primary_key=True)
    organisation_id: str
    site_id: str = Field(sa_column=Column(String, ForeignKey("partners_site.id", ondelete="CASCADE"), nullable=False))
    name: str
    cell: int
    lat: float = Field(sa_column=Column(Float, nullable=False))  # degrees, WGS 84
    lon: float = Field(sa_column=Column(Float, nullable=False))
    heading_deg: int | None = None  # clockwise from north
    is_public_facing: bool
    people_live_here: bool
    purpose: str
    labels: str = ""  # the owner's words for it, sorted, with commas between
    state: str
    created_at: datetime = Field(sa_column=Column(UtcMs, nullable=False))
    mark: str = ""  # of sharing; empty once anything changed that decisions about the camera stand on
    mark_until_ms: int | None = Field(default=None, sa_column=Column(BigInteger))  # the mark counts until then
    revision: int = 0  # how often the mark was taken away
