"""Which sessions are open right now, in memory: what leases name and what a change of rules looks through.

Filled when a session is written, emptied when it ends; after a restart it is empty, for every older session is ended
by then. The rows are the record, this is the working set.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field, replace

import anyio

from gateway.live.model import Session
from gateway.live.ports import ViewQuestion
from policies.vocabulary import Act


@dataclass(slots=True, eq=False)
class Seat:
    """One open session.

    Attributes:
        session: as last written.
        question: to decide it again; None for one that is only there to be ended.
        is_granted: whether the site was asked; from then on its leases name the session.
        is_admitted: whether the relay was ordered to forward to it; from then on its leases name the session.
        masks: the areas that are black in what it sees.
        most_lines: how many lines high the largest picture is that it may be sent.
        lines: how high the picture is on its viewer's screen, as last told; 0 = not told.
        fingerprint: the publisher's certificate, once accepted.
        is_on_its_way: whether it has had its first picture by HTTP, and none by a connection of its own.
        cipher: the viewer's SRTP profile, or how else the first picture was forwarded, once one was.
        settled: set once its start is written, or it is over.
    """

    session: Session
    question: ViewQuestion | None
    masks: frozenset[str] = frozenset()
    most_lines: int = 0
    lines: int = 0
    is_granted: bool = False
    is_admitted: bool = False
    fingerprint: str = ""
    cipher: str = ""
    is_on_its_way: bool = False
    settled: anyio.Event = field(default_factory=anyio.Event)

    @property
    def confirmation_id(self) -> str:
        """The second person's word that this session stands on; empty where it needs none."""
        return self.question.confirmation_id if self.question is not None and self.session.second_id else ""

    def follow(self, **values: object) -> None:
        """The session was changed."""
        self.session = replace(self.session, **values)  # type: ignore[arg-type]


class Board:
    """The open sessions by id."""

    def __init__(self) -> None:
        self._seats: dict[str, Seat] = {}

    def __iter__(self) -> Iterator[Seat]:
        return iter(list(self._seats.values()))

    def __len__(self) -> int:
        return len(self._seats)

    def put(self, seat: Seat) -> None:
        """A session is open."""
        self._seats[seat.session.id] = seat

    def get(self, session_id: str) -> Seat | None:
        """An open session."""
        return self._seats.get(session_id)

    def take(self, session_id: str) -> Seat | None:
        """A session is over; whoever gets the seat ends it."""
        seat = self._seats.pop(session_id, None)
        if seat is not None:
            seat.settled.set()
        return seat

    def of_person(self, person_id: str) -> list[Seat]:
        """The open sessions of one person."""
        return [seat for seat in self if seat.session.person_id == person_id]

    def publication_of(self, agent_id: str, camera_id: str, masks: frozenset[str], most_lines: int) -> str:
        """The live publication of this camera within exactly these bounds, that runs or is about to; empty for none.

        A relay begins with pictures it was sent before: whoever joined one of larger pictures would be shown those.
        """
        for seat in self:
            session = seat.session
            is_its = session.agent_id == agent_id and session.camera_id == camera_id and session.act == Act.LIVE_VIEW
            if is_its and (seat.masks, seat.most_lines) == (masks, most_lines) and seat.is_granted:
                return session.publication
        return ""

    def by_agent(self) -> dict[str, list[Seat]]:
        """The sessions each site has been asked for."""
        found: dict[str, list[Seat]] = {}
        for seat in self:
            if seat.is_granted:
                found.setdefault(seat.session.agent_id, []).append(seat)
        return found
