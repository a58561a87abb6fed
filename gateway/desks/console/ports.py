"""What the operator's desk asks of the capabilities it joins."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from gateway.cameras import Box, Camera
from gateway.incidents import Incident
from gateway.kernel.principal import Principal


class Near(Protocol):
    """A camera near an incident, as its operator may read of it (`sharing.NearView`)."""

    @property
    def camera(self) -> Camera:
        """Which."""

    @property
    def distance_m(self) -> float:
        """How far from the incident."""

    @property
    def availability(self) -> str:
        """`available`, `available_if` or `not_available`; never why."""

    @property
    def remedies(self) -> Sequence[str]:
        """Everything the owner offers, in a fixed order: of `link_incident`, `ask`, `two_persons`."""


class MapView(Protocol):
    """The map before an incident (`sharing.MapView`)."""

    @property
    def points(self) -> Sequence[Camera]:
        """Cameras at their places."""

    @property
    def squares(self) -> Mapping[int, int]:
        """How many more are in a square, by its number."""


class Listing(Protocol):
    """Which cameras an operator may know of, and what they may read of each (`sharing.Listing`)."""

    async def map_view(self, principal: Principal, box: Box, *, purpose: str, most: int) -> MapView:
        """Up to `most` cameras that the operator may know of; homes, and more than that, only as numbers."""

    async def list_near(
        self,
        principal: Principal,
        incident: Incident,
        *,
        purpose: str,
        radius_m: float,
        most: int,
        on_behalf_of: str,
    ) -> Sequence[Near]:
        """Those around an incident, nearest first, for the caller's own agency or on behalf of another.

        Raises:
            InvalidError: the purpose is no word of ours.
        """

    async def is_known(self, principal: Principal, camera: Camera, *, purpose: str, incident: Incident | None) -> bool:
        """Whether the operator may know where this camera is."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ClipWish:
    """A recording somebody asks for."""

    camera_id: str
    t0: datetime
    t1: datetime
    purpose: str
    incident_id: str
    legal_basis: str
    on_behalf_of: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class ClipLine:
    """A request for a recording in the operator's list.

    Attributes:
        words: where it stands, in a sentence; a refusal reads the same whoever refused and why.
        package: where to download it; empty while there is nothing.
    """

    id: str
    camera_id: str
    incident_id: str
    t0: datetime
    t1: datetime
    words: str
    package: str
    created_at: datetime


class Clips(Protocol):
    """Requests for recordings (`evidence`)."""

    async def ask(self, principal: Principal, wish: ClipWish) -> str:
        """Ask; the request's id.

        Raises:
            InvalidError: the range or the purpose cannot be asked for.
            NotFoundError: there is no such camera, or the person may not know of it.
            DeniedError: not available for this purpose.
        """

    async def may_ask(self, principal: Principal, wish: ClipWish) -> bool:
        """Whether asking would be refused at once; writes nothing.

        Raises:
            InvalidError: as `ask`.
        """

    async def lines(self, principal: Principal, *, before: str) -> Sequence[ClipLine]:
        """The agency's requests, newest first, older than the id `before`."""


@dataclass(frozen=True, slots=True)
class AskLine:
    """A request to watch live that was put to an owner, as whoever asks may read of it.

    Attributes:
        camera_id: which camera the owner was asked about.
        standing: `asked`, `granted` to the caller, or `over`; a no and silence are both over.
        until: when the owner's answer comes too late, or a view that was granted cannot be opened any more.
    """

    camera_id: str
    standing: str
    until: datetime


class Asks(Protocol):
    """Requests to watch live (`live`)."""

    async def ask(self, principal: Principal, *, camera_id: str, purpose: str, incident_id: str) -> None:
        """Ask the owner, once for an incident.

        Raises:
            NotFoundError: no such camera or incident, or the person may not know of it.
            DeniedError: not available for this purpose.
            ConflictError: nobody has to be asked.
            LimitedError: too many requests of the person wait.
        """

    async def of_incident(self, principal: Principal, incident_id: str) -> Mapping[str, AskLine]:
        """The requests of an incident, by the organisation that was asked."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SecondAsk:
    """A question to a second person, for emergency access by two people.

    Attributes:
        asker: who asked, by name; `standing` is their role and unit.
        state: `asked`, `confirmed`, `used`, `declined` or `lapsed`.
        until: when it is over unless it is answered, and once confirmed, used.
        is_over: whether nothing can come of it any more.
        may_answer: whether the reader may be the second person.
        is_own: whether the reader asked.
        t0, t1: the range of a recording, and the order or case it is asked for with.
    """

    id: str
    camera_id: str
    incident_id: str
    act: str
    purpose: str
    asker: str
    standing: str
    asked_at: datetime
    until: datetime
    state: str
    is_over: bool
    may_answer: bool
    is_own: bool
    t0: datetime | None = None
    t1: datetime | None = None
    legal_basis: str = ""


class Layouts(Protocol):
    """What people chose for their own walls (`identity`)."""

    async def read(self, person_id: str, name: str) -> str:
        """What the person chose; empty for nothing."""

    async def keep(self, person_id: str, name: str, value: str) -> None:
        """Choose it."""


class Seconds(Protocol):
    """Emergency access by two people (`emergency`)."""

    async def ask(self, principal: Principal, *, camera_id: str, purpose: str, incident_id: str) -> None:
        """Ask for a second person.

        Raises:
            NotFoundError: no such camera or incident, or the person may not know of it.
            DeniedError: not available for this purpose.
            ConflictError: nobody else is needed.
        """

    async def ask_for_still(self, principal: Principal, *, camera_id: str, purpose: str, incident_id: str) -> SecondAsk:
        """Ask for a second person for one still; raises as `ask`."""

    async def ask_to_look_back(
        self, principal: Principal, *, camera_id: str, purpose: str, incident_id: str, at: datetime
    ) -> SecondAsk:
        """Ask for a second person to look at the recording around a moment; raises as `ask`."""

    async def ask_for_recording(self, principal: Principal, wish: ClipWish) -> None:
        """Ask for a second person for a recording, which is asked for by itself once they confirm; raises as `ask`."""

    async def is_for_two(self, principal: Principal, wish: ClipWish) -> bool:
        """Whether a second person's word would release the recording, and nothing less does.

        Raises:
            NotFoundError: as `ask`.
        """

    async def recordings(self, principal: Principal) -> Sequence[SecondAsk]:
        """The caller's own open questions about recordings."""

    async def of_incident(self, principal: Principal, incident_id: str) -> Mapping[str, SecondAsk]:
        """The caller's own open questions about live views of an incident, by camera."""

    async def waiting(self, principal: Principal) -> Sequence[SecondAsk]:
        """The questions whose second person the caller may be."""

    async def one(self, principal: Principal, ask_id: str) -> SecondAsk:
        """One of the caller's agency.

        Raises:
            NotFoundError: there is none.
        """

    async def answer(self, principal: Principal, ask_id: str, *, is_yes: bool) -> SecondAsk:
        """Be the second person; the question as it stands then.

        Raises:
            NotFoundError: there is no such question.
            DeniedError: the caller may not be the second person, or it is not permitted any more.
            ConflictError: it is over.
        """
