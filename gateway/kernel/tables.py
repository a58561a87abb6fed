"""Rows of the kernel itself: the generations of whatever decisions stand on."""

from sqlalchemy import Index
from sqlmodel import Field, SQLModel


class GenerationRow(SQLModel, table=True):
    """A counter that goes up with every change of what a scope stands on; the scope `platform` with every change."""

    __tablename__ = "sharing_generation"
    __table_args__ = (Index("ix_sharing_generation_stamp", "stamp"),)

    scope: str = Field(primary_key=True)  # platform, network, or the id of a site, organisation, incident, person
    counter: int
    stamp: int = 0  # the counter of `platform` when this one went up
