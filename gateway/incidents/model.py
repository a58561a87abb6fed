"""Incidents and their life. Pure.

An incident is open until it is closed; for `GRACE_S` after that it still counts as active, so that a view does not end
in the middle of the last manoeuvre. One without a number ("no number yet") closes by itself after `UNNUMBERED_S`, at
once and without grace, and waits for review; a planned event needs none. A closed one may be opened again for a day,
never without a number. It may move: each place is kept, and there is a cap on how often. Whether an incident is *true*
is the city's word; what follows from it is decided elsewhere.
"""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final

from gateway.kernel.errors import ConflictError, InvalidError, PreconditionError
from gateway.kernel.phrases import phrase
from partner_agent.wire.limits import INCIDENT_MOVES
from policies import request as law
from policies.geo import Cell, cell_of
from policies.vocabulary import PURPOSES_OF_KIND, PURPOSES_OF_ROLE, IncidentKind, Origin, Purpose

UNNUMBERED_S: Final = 15 * 60  # "no number yet" ends after this and goes to review
GRACE_S: Final = 120  # how long a closed incident still carries what runs
REOPEN_S: Final = 24 * 3600  # later it is a new incident
PRIORITIES: Final = (1, 5)  # the most and the least urgent
MAX_STOPS: Final = INCIDENT_MOVES + 1  # places of one incident; a pursuit past this is opened anew
ADDRESS_LENGTH: Final = 200
NUMBER_LENGTH: Final = 40


class IncidentStatus(StrEnum):
    """Where it stands."""

    OPEN = "open"
    CLOSED = "closed"


@dataclass(frozen=True, slots=True)
class Stop:
    """One place of an incident, in decimal degrees, WGS 84, with the address as dispatch wrote it."""

    lat: float
    lon: float
    address: str
    at: datetime


@dataclass(frozen=True, slots=True)
class IncidentReport:
    """What somebody says has happened.

    Attributes:
        number: the dispatch system's call number; empty means "no number yet".
    """

    kind: IncidentKind
    origin: Origin
    lat: float
    lon: float
    address: str = ""
    number: str = ""
    priority: int = 3

    def __post_init__(self) -> None:
        """Refuse what no incident can be."""
        fields = {}
        if not (-90 <= self.lat <= 90 and -180 <= self.lon < 180):
            fields["lat"] = "Give a place on Earth: latitude -90 to 90, longitude -180 to 180."
        if len(self.address) > ADDRESS_LENGTH:
            fields["address"] = phrase("Keep the address under %(most)d characters.", most=ADDRESS_LENGTH)
        if len(self.number) > NUMBER_LENGTH:
            fields["number"] = phrase("Keep the call number under %(most)d characters.", most=NUMBER_LENGTH)
        if not PRIORITIES[0] <= self.priority <= PRIORITIES[1]:
            fields["priority"] = "Give a priority from 1, most urgent, to 5."
        if fields:
            raise InvalidError("The incident could not be opened; see the marked fields.", fields=fields)


@dataclass(frozen=True, slots=True)
class Incident:
    """A reason to look.

    Attributes:
        opened_by: the person, or empty for a feed.
        stops: where it was and is, oldest first, never empty.
        closed_at: when it was closed; None while open.
        needs_review: whether compliance must look at it (it never got a number).
    """

    id: str
    agency_id: str
    kind: IncidentKind
    origin: Origin
    number: str
    opened_at: datetime
    opened_by: str
    stops: tuple[Stop, ...]
    priority: int = 3
    status: IncidentStatus = IncidentStatus.OPEN
    closed_at: datetime | None = None
    needs_review: bool = False

    @property
    def place(self) -> Stop:
        """Where it is now."""
        return self.stops[-1]

    @property
    def cell(self) -> Cell:
        """Its place as sites are told it."""
        return cell_of(self.place.lat, self.place.lon)

    @property
    def ends_by(self) -> datetime | None:
        """When it closes by itself; None if it does not."""
        return self._number_due if self.status is IncidentStatus.OPEN else None

    def is_active(self, now: datetime) -> bool:
        """Whether it is a reason to look live: open, or within its grace time."""
        until = self.active_until
        return until is None or now < until

    @property
    def active_until(self) -> datetime | None:
        """When it stops being a reason, as far as is known; None while it is open with a number."""
        if self.closed_at is None:
            return self._number_due
        graced = self.closed_at + timedelta(seconds=GRACE_S)
        return graced if self._number_due is None else min(graced, self._number_due)

    @property
    def _number_due(self) -> datetime | None:
        """When it must have its number; None when it has or needs none."""
        is_free = self.number or self.origin is Origin.PLANNED
        return None if is_free else self.opened_at + timedelta(seconds=UNNUMBERED_S)

    def fact(self, now: datetime) -> law.Incident:
        """As a decision reads it."""
        first = self.stops[0]
        return law.Incident(
            ref=self.id,
            kind=self.kind,
            origin=self.origin,
            cell=self.cell,
            opened_at=self.opened_at,
            has_moved=cell_of(first.lat, first.lon) != self.cell,
            is_active=self.is_active(now),
        )

    def moved(self, stop: Stop) -> "Incident":
        """The incident at its next place.

        Raises:
            ConflictError: it is closed, or has moved as often as one incident may.
        """
        self._demand_open()
        if len(self.stops) >= MAX_STOPS:
            raise ConflictError(
                phrase("An incident has at most %(most)d places; close it and open a new one.", most=MAX_STOPS)
            )
        return replace(self, stops=(*self.stops, stop))

    def numbered(self, number: str) -> "Incident":
        """The incident with its call number, also after it ended for want of one.

        Raises:
            ConflictError: it has another number already.
        """
        if self.number and self.number != number:
            raise ConflictError(phrase("This incident has the number %(number)s already.", number=self.number))
        return replace(self, number=number)

    def closed(self, at: datetime) -> "Incident":
        """The incident, over. One that never got a number goes to review.

        Raises:
            ConflictError: it is closed already.
        """
        self._demand_open()
        is_unnumbered = self._number_due is not None
        return replace(self, status=IncidentStatus.CLOSED, closed_at=at, needs_review=is_unnumbered)

    def reopened(self, now: datetime) -> "Incident":
        """The incident, going on; that it once went to review stays.

        Raises:
            ConflictError: it is open, or was closed more than a day ago.
            PreconditionError: it has no number.
        """
        if self.closed_at is None:
            raise ConflictError("This incident is open.")
        if now >= self.closed_at + timedelta(seconds=REOPEN_S):
            raise ConflictError("This incident was closed more than a day ago; open a new one.")
        if self._number_due is not None:
            raise PreconditionError("Give it its call number first; without one it cannot go on.")
        return replace(self, status=IncidentStatus.OPEN, closed_at=None)

    def _demand_open(self) -> None:
        if self.status is IncidentStatus.CLOSED:
            raise ConflictError("This incident is closed; open a new one.")


@dataclass(frozen=True, slots=True)
class Feed:
    """A dispatch system or alarm feed of an agency that may report."""

    agency_id: str
    name: str


def purposes_of(kind: IncidentKind, roles: Iterable[str] = ()) -> tuple[Purpose, ...]:
    """The purposes this kind can be a ground for, to somebody of these roles; the first is proposed.

    Args:
        kind: what happened.
        roles: of whoever asks; a service other than police has purposes of its own, and may have none here.
    """
    own = PURPOSES_OF_ROLE.get(law.said_role(frozenset(map(str, roles))), frozenset(Purpose))
    return tuple(purpose for purpose in PURPOSES_OF_KIND[kind] if purpose in own)
