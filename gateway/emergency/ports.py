"""What emergency access needs of others: the law, people of the agency, the owner's ear, the log, and rows."""

from collections.abc import Sequence
from datetime import datetime
from typing import Protocol

from gateway.audit import LeafDraft
from gateway.emergency.model import Confirmation, Need, Place
from gateway.kernel.database import UnitOfWork
from gateway.kernel.principal import Principal


class Log(Protocol):
    """The audit log."""

    async def append(self, unit: UnitOfWork, draft: LeafDraft, /) -> object:
        """Write a leaf into the caller's transaction."""


class Publisher(Protocol):
    """Wake-ups, which may be lost."""

    def publish(self, topic: str, ref: str = "") -> None:
        """Tell the listeners of `topic`."""


class EmergencyLaw(Protocol):
    """The centre's decision, with and without a second person (`sharing`)."""

    async def place(self, asker: Principal, need: Need) -> Place:
        """Whose camera it is.

        Raises:
            NotFoundError: no such camera or incident, or the person may not know of it.
            InvalidError: a purpose or a range that cannot be asked for.
        """

    async def permits(self, asker: Principal, need: Need, *, with_second: bool) -> bool:
        """Whether it is permitted by every layer: now, or once a second person confirms.

        Raises:
            NotFoundError: as `place`.
        """

    def may_second(self, first: Principal, second: Principal) -> bool:
        """Whether the agency's rules let `second` confirm what `first` asks."""


class People(Protocol):
    """People of the agency (`identity`)."""

    async def as_they_are(self, person_id: str, factors: frozenset[str]) -> Principal | None:
        """Somebody with the roles they hold now, as signed in with `factors`; None for one suspended or gone."""

    async def is_signed_in(self, session_ref: str) -> bool:
        """Whether this session is still theirs."""


class Owners(Protocol):
    """The owner's ear."""

    async def tell(self, unit: UnitOfWork, confirmation: Confirmation) -> None:
        """Tell the owners, once the caller's transaction is committed, that two people were let in."""


class ConfirmationRows(Protocol):
    """Confirmations in storage."""

    async def add(self, unit: UnitOfWork, confirmation: Confirmation) -> None:
        """A new one.

        Raises:
            ConflictError: one of this person for this camera, act and incident is open.
        """

    async def step(self, unit: UnitOfWork, before: Confirmation, after: Confirmation, *, now: datetime | None) -> bool:
        """From `before` to `after`; False if it is not there any more, or over at `now` (None: whenever)."""

    async def get(self, confirmation_id: str) -> Confirmation | None:
        """One of them."""

    async def open_of(self, asker_id: str, need: Need) -> Confirmation | None:
        """The person's open one for this camera, act and incident."""

    async def count_open(self, asker_id: str, *, now: datetime) -> int:
        """How many of a person's are open and not over."""

    async def open_in(self, agency_id: str) -> Sequence[Confirmation]:
        """The agency's open ones, the oldest first."""

    async def overdue(self, now: datetime) -> Sequence[Confirmation]:
        """Open ones whose time is over."""
