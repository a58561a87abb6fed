"""Emergency access by two people: one asks, another confirms, and the word of the second is good for one use.

Pure. A confirmation is for exactly what was asked: camera, act, purpose, incident and, for a recording, its range. It
waits a few minutes for the second person, then a few for its use; afterwards it is nothing. It replaces only the
condition of a rule in which the owner named two people: whether there is one is the law's to say, each time.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final

from gateway.kernel.principal import Principal, PrincipalKind, Role

CONFIRM_S: Final = 5 * 60  # an emergency that can wait longer can ask the owner
USE_S: Final = 2 * 60  # from the second person's yes to the view: time to press one button
CONFIRMABLE: Final = ("live.view", "recorded.view", "still.take", "clip.fetch")  # `policies.vocabulary.Act`


class State(StrEnum):
    """Where a confirmation stands; the last three are for good."""

    ASKED = "asked"
    CONFIRMED = "confirmed"
    USED = "used"
    DECLINED = "declined"
    LAPSED = "lapsed"  # nobody answered in time, or nobody used it in time


NEXT: Final[Mapping[State, frozenset[State]]] = {
    State.ASKED: frozenset({State.CONFIRMED, State.DECLINED, State.LAPSED}),
    State.CONFIRMED: frozenset({State.USED, State.LAPSED}),
    State.USED: frozenset(),
    State.DECLINED: frozenset(),
    State.LAPSED: frozenset(),
}
OPEN: Final = frozenset(state for state, after in NEXT.items() if after)


@dataclass(frozen=True, slots=True, kw_only=True)
class Need:
    """What somebody wants to see.

    Attributes:
        t0, t1: the range of a recording, to be looked at or handed over; None for a live view.
        legal_basis: the order or case a recording is asked for with, as its asker says; may be empty.
    """

    camera_id: str
    act: str
    purpose: str
    incident_id: str
    t0: datetime | None = None
    t1: datetime | None = None
    legal_basis: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where the camera is."""

    site_id: str
    organisation_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Confirmation:
    """One question to a second person, and its answer.

    Attributes:
        asker: who asked, as they had signed in then.
        expires_at: until when it can be confirmed, and once confirmed, used.
        second_id: who answered; empty while nobody has.
        second_factors: how they had signed in.
        used_by: the view (`ses_…`) or the request for a recording (`clr_…`) it was used for.
    """

    id: str
    need: Need
    place: Place
    asker: Principal
    state: State
    asked_at: datetime
    expires_at: datetime
    second_id: str = ""
    second_factors: frozenset[str] = frozenset()
    answered_at: datetime | None = None
    used_by: str = ""
    used_at: datetime | None = None

    @property
    def agency_id(self) -> str:
        """Whose people these are."""
        return self.asker.organisation_id

    def is_over(self, now: datetime) -> bool:
        """Whether nothing can come of it any more."""
        return self.state not in OPEN or now >= self.expires_at

    def confirmed(self, second: Principal, now: datetime) -> "Confirmation":
        """With the second person's yes; its use is waited for from now on."""
        expires_at = now + timedelta(seconds=USE_S)
        return replace(self._answered(second, now), state=State.CONFIRMED, expires_at=expires_at)

    def declined(self, second: Principal, now: datetime) -> "Confirmation":
        """With the second person's no."""
        return replace(self._answered(second, now), state=State.DECLINED)

    def used(self, by: str, now: datetime) -> "Confirmation":
        """Used up, for this view or this request."""
        return replace(self, state=State.USED, used_by=by, used_at=now)

    def lapsed(self) -> "Confirmation":
        """Nothing came of it in time."""
        return replace(self, state=State.LAPSED)

    def _answered(self, second: Principal, now: datetime) -> "Confirmation":
        return replace(self, second_id=second.person_id, second_factors=second.factors, answered_at=now)

    def fits(self, asker_id: str, need: Need) -> bool:
        """Whether it is exactly for this."""
        return self.asker.person_id == asker_id and self.need == need


def new_confirmation(asker: Principal, need: Need, place: Place, *, id_: str, now: datetime) -> Confirmation:
    """A question that was just put."""
    return Confirmation(
        id=id_,
        need=need,
        place=place,
        asker=asker,
        state=State.ASKED,
        asked_at=now,
        expires_at=now + timedelta(seconds=CONFIRM_S),
    )


def asker_of(*, person_id: str, agency_id: str, unit: str, roles: str, factors: str, session_ref: str) -> Principal:
    """Who asked, as stored: roles and factors with a space between."""
    return Principal(
        kind=PrincipalKind.AGENCY,
        person_id=person_id,
        organisation_id=agency_id,
        roles=frozenset(Role(name) for name in roles.split()),
        session_ref=session_ref,
        unit=unit,
        factors=frozenset(factors.split()),
    )
