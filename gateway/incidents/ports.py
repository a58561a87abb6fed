"""What incidents need of others: the log, wake-ups, and rows."""

from datetime import datetime
from typing import Protocol

from gateway.audit import LeafDraft
from gateway.incidents.model import Feed, Incident
from gateway.kernel.database import UnitOfWork


class Log(Protocol):
    """The audit log."""

    async def append(self, unit: UnitOfWork, draft: LeafDraft) -> object:
        """Write a leaf into the caller's transaction."""


class Publisher(Protocol):
    """Wake-ups, which may be lost."""

    def publish(self, topic: str, ref: str = "") -> None:
        """Tell the listeners of `topic`."""


class IncidentRows(Protocol):
    """Incidents in storage. Methods with a unit see and change the caller's transaction."""

    async def add(self, unit: UnitOfWork, incident: Incident) -> None:
        """A new incident.

        Raises:
            ConflictError: the agency has an open incident of this number.
        """

    async def change(self, unit: UnitOfWork, incident: Incident) -> None:
        """Its new state; stops are only ever added."""

    async def incident(self, incident_id: str, *, unit: UnitOfWork | None = None) -> Incident | None:
        """One incident; with a unit it stays locked until the transaction ends."""

    async def by_number(self, unit: UnitOfWork, agency_id: str, number: str) -> Incident | None:
        """The agency's open incident of this number."""

    async def recent(self, agency_id: str, *, since: datetime, most: int) -> list[Incident]:
        """Open ones, and those closed after `since`; open first, most urgent and newest first."""

    async def overdue(self, opened_before: datetime, *, most: int) -> list[Incident]:
        """Open ones without a number that were opened before."""

    async def add_feed(self, unit: UnitOfWork, feed: Feed, key_sha256: str, *, at: datetime) -> None:
        """A feed may report from now on.

        Raises:
            ConflictError: there is one of this name.
        """

    async def remove_feed(self, unit: UnitOfWork, feed: Feed) -> bool:
        """It may no longer; False when there was none."""

    async def feed_of(self, key_sha256: str) -> Feed | None:
        """The feed whose key has this digest."""
