"""Rows of cameras."""

from datetime import datetime

from sqlalchemy import Column, Float, ForeignKey, Index, String
from sqlmodel import Field, SQLModel

from gateway.kernel.database import UtcMs


class CameraRow(SQLModel, table=True):
    """A camera. `cell` numbers its 0.01° square, so that a crowded city stays quick to search."""

    __tablename__ = "cameras_camera"
    __table_args__ = (
        Index("ix_cameras_camera_cell_lat_lon", "cell", "lat", "lon"),
        Index("ix_cameras_camera_lat_lon", "lat", "lon"),
        Index("ix_cameras_camera_site_id", "site_id"),
        Index("ix_cameras_camera_organisation_id", "organisation_id"),
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
    state: str
    created_at: datetime = Field(sa_column=Column(UtcMs, nullable=False))
