"""What links to phones need of others: rows, and who and what is behind them now."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from gateway.kernel.database import UnitOfWork
from gateway.kernel.principal import Principal
from gateway.live.model import EndReason
from gateway.live.phones.model import PhoneLink


@dataclass(frozen=True, slots=True)
class Called:
    """What a phone shows by name: the camera, who sent it, and their agency."""

    camera: str
    sender: str
    agency: str


class Surroundings(Protocol):
    """People, incidents and names as they are now."""

    async def sender_now(self, sender: Principal) -> Principal:
        """The sender with the roles they have now.

        Raises:
            NotFoundError: they are suspended, or of the agency no more.
        """

    async def is_active(self, incident_id: str) -> bool:
        """Whether the incident goes on."""

    async def called(self, link: PhoneLink) -> Called:
        """What is called how now; empty where nobody knows."""


class PhoneRows(Protocol):
    """Rows of links. Each change says whether it was still possible; otherwise nothing was written."""

    async def add(self, unit: UnitOfWork, link: PhoneLink) -> None:
        """A new one."""

    async def get(self, link_id: str) -> PhoneLink | None:
        """One."""

    async def of_sender(self, person_id: str, *, since: datetime) -> Sequence[PhoneLink]:
        """Those that a person made since then, newest first."""

    async def open_at(self, now: datetime) -> Sequence[PhoneLink]:
        """Everybody's that are not over then by what is written of them, newest first."""

    async def count_open(self, unit: UnitOfWork, person_id: str, now: datetime) -> int:
        """How many of a person's are not over then; nobody else counts theirs before this transaction ends."""

    async def bind(
        self, unit: UnitOfWork, link_id: str, *, device_sha256: str, opened_at: datetime, ends_at: datetime
    ) -> bool:
        """Give it to a device, if no device has it and it is not over."""

    async def show(self, unit: UnitOfWork, link_id: str, *, session_id: str, instead_of: str) -> bool:
        """It shows this view now instead of that, if it still showed that and is not over."""

    async def shorten(self, unit: UnitOfWork, link_id: str, *, ends_at: datetime) -> bool:
        """Its hard end comes nearer, if it was later and the link is not over."""

    async def end(self, unit: UnitOfWork, link_id: str, *, ended_at: datetime, reason: EndReason) -> bool:
        """It is over, if it was not yet."""
