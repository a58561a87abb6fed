"""Views of recordings that run: where they play, what is recorded, small pictures of it.

Every order goes to the site, which knows the range it granted and shows nothing else. Only whoever opened the view may
steer it, and only while it runs; for everybody else there is no such view.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final, TypeVar

from gateway.kernel.errors import (
    ConflictError,
    InvalidError,
    LenspactError,
    LimitedError,
    NotFoundError,
    UnavailableError,
)
from gateway.kernel.principal import Principal
from gateway.live.board import Board
from gateway.live.model import Session
from gateway.live.ports import SiteLinks, ViewPermit, ViewQuestion
from gateway.live.verdicts import Verdicts
from partner_agent.wire.clock import to_rfc3339
from partner_agent.wire.limits import RECORDED_VOCABULARY, SPEEDS, THUMBNAILS
from partner_agent.wire.messages import Message, Problem
from partner_agent.wire.playback_messages import Coverage, CoverageAsk, Playback, Playing, Thumbnails, ThumbnailsAsk
from partner_agent.wire.problems import Code
from policies.request import Span
from policies.vocabulary import Remedy

ANSWER_S: Final = 8.0  # the site answers within six
MOST_PENDING: Final = 4  # orders of one view that wait for the site
_Answer = TypeVar("_Answer", bound=Message)


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """What a viewer wants of a playback; what is None stays as it is."""

    position: datetime | None = None
    speed_percent: int | None = None
    is_paused: bool | None = None
    step: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Offered:
    """What there is of a recording for somebody.

    Attributes:
        footage: what could be shown now; None where a view would be refused, or its site has not the words.
        is_once: whether that stands on the owner's yes, or a second person's, which opens one view.
        remedies: what is offered instead of showing it now, as `ViewDeny.remedies`.
    """

    footage: Span | None = None
    is_once: bool = False
    remedies: tuple[Remedy, ...] = ()


class Showings:
    """Steers views of recordings."""

    def __init__(self, *, board: Board, links: SiteLinks, verdicts: Verdicts) -> None:
        self._board, self._links, self._verdicts = board, links, verdicts
        self._pending: Counter[str] = Counter()

    async def offer(self, question: ViewQuestion) -> Offered:
        """What of a recording could be shown now, or asked for.

        It is asked as for a release, but releases nothing and is no entry in the log: a page asks it to know whether
        to show a button.

        Raises:
            InvalidError: a purpose that is no word of ours.
        """
        try:
            question, decision = await self._verdicts.on_new(question)
        except (NotFoundError, UnavailableError):
            return Offered()
        if self._links.problem_of(decision.agent_id):
            return Offered()
        if not isinstance(decision, ViewPermit):
            return Offered(remedies=decision.remedies)
        if self._links.vocabulary_of(decision.agent_id) < RECORDED_VOCABULARY:
            return Offered()
        is_once = question.approved is not None or bool(decision.second_id)
        return Offered(footage=decision.footage, is_once=is_once)

    async def steer(self, principal: Principal, session_id: str, order: Order) -> Playing:
        """Play there, or so; without a wish, only say where it is.

        Raises:
            NotFoundError: there is no such view of a recording that runs, or it is another person's.
            InvalidError: a speed or a step that there is not.
            ConflictError: the site does not show it yet.
            LimitedError: too many orders at once.
            UnavailableError: the site does not answer, or cannot read the recording.
            DeadlineError: not in time.
        """
        if order.speed_percent not in {None, *SPEEDS} or order.step not in {None, 1, -1}:
            raise InvalidError("There is no such speed or step.")
        session = self._running(principal, session_id)
        position = _within(session, order.position) if order.position else None
        return await self._ask(
            session,
            Playback(
                id=self._links.new_id(),
                session=session_id,
                position=position,
                speed_percent=order.speed_percent,
                is_paused=order.is_paused,
                step=order.step,
            ),
            Playing,
        )

    async def coverage(self, principal: Principal, session_id: str) -> Coverage:
        """What of the range is recorded; raises as `steer`."""
        session = self._running(principal, session_id)
        return await self._ask(session, CoverageAsk(id=self._links.new_id(), session=session_id), Coverage)

    async def thumbnails(self, principal: Principal, session_id: str, moments: Sequence[datetime]) -> Thumbnails:
        """Small pictures at these moments, or at the edge of the range next to them; raises as `steer`."""
        if not 0 < len(moments) <= THUMBNAILS:
            raise InvalidError("Ask for fewer small pictures at a time.")
        session = self._running(principal, session_id)
        at = [_within(session, moment) for moment in moments]
        return await self._ask(session, ThumbnailsAsk(id=self._links.new_id(), session=session_id, at=at), Thumbnails)

    def _running(self, principal: Principal, session_id: str) -> Session:
        seat = self._board.get(session_id)
        if seat is None or seat.session.person_id != principal.person_id or not seat.session.is_recorded:
            raise NotFoundError("There is no such view.")
        if not seat.is_admitted:
            raise ConflictError("The recording does not play yet.")
        return seat.session

    async def _ask(self, session: Session, message: Message, kind: type[_Answer]) -> _Answer:
        if self._pending[session.id] >= MOST_PENDING:
            raise LimitedError("One thing after another: the site has not answered yet.", retry_after_s=1)
        self._pending[session.id] += 1
        try:
            answer = await self._links.send(session.agent_id, message, deadline_s=ANSWER_S)
        finally:
            self._pending[session.id] -= 1
            self._pending += Counter()  # what waits for nothing is forgotten
        if self._board.get(session.id) is None:
            raise NotFoundError("There is no such view.")
        if isinstance(answer, kind):
            return answer
        raise _error_of(answer.code if isinstance(answer, Problem) else "")


def _within(session: Session, moment: datetime) -> str:
    """A moment as the site is told: one outside the range, however far, is its edge."""
    assert session.range_from is not None
    assert session.range_to is not None
    return to_rfc3339(min(max(moment, session.range_from), session.range_to))


def _error_of(code: str) -> LenspactError:
    match code:
        case "unknown_session":
            return ConflictError("The recording does not play yet.")
        case "malformed":
            return InvalidError("The site does not know such an order.")
        case Code.LIMIT:
            return LimitedError("One thing after another: the site has not answered yet.", retry_after_s=1)
        case _:
            return UnavailableError("The recording cannot be read now.")
