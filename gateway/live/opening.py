"""Opening live views, one or a wall of them: each is decided by itself, and all are written in one transaction.

In the order of `service`: (1) decided, one after the other; (2) written, denials too; (3) answered, while (4) the sites
are asked. What one view is refused for takes nothing from the others. A view that stands on a word which can be used
only once, an owner's yes or a second person's, is written by itself: that word may be used up meanwhile.
"""

import logging
import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Final

import anyio.abc
from sqlalchemy.exc import SQLAlchemyError

from gateway.audit import AuditLog, LeafRef
from gateway.kernel.database import GONE, Database, UnitOfWork
from gateway.kernel.errors import DeniedError, InvalidError, LenspactError, LimitedError, UnavailableError
from gateway.kernel.principal import Principal
from gateway.live import leaves
from gateway.live.board import Board, Seat
from gateway.live.endings import Endings
from gateway.live.exchange import Exchange
from gateway.live.grants import DraftGrant, GrantDesk, Wish
from gateway.live.model import EndReason, OpenedBy, Session, SessionState, Words, mark_of
from gateway.live.ports import (
    Consequences,
    Freshness,
    OwnersYes,
    SessionStore,
    SiteLinks,
    ViewDeny,
    ViewPermit,
    ViewQuestion,
    masks_of,
    most_lines_of,
)
from gateway.live.verdicts import Verdicts
from partner_agent.wire.clock import Clock
from partner_agent.wire.limits import ASKED_VOCABULARY, RECORDED_VOCABULARY
from policies.vocabulary import Obligation, Remedy

_LOG: Final = logging.getLogger("lenspact.live")
MAX_OPEN_PER_PERSON: Final = 24  # a wall of tiles; more is a loop, not a person
MOST_AT_ONCE: Final = 16  # a wall of pictures
SILENT: Final = "Sound is not passed on here: the media server of this gateway carries none."
_FINGERPRINT: Final = re.compile(r"(?:[0-9A-F]{2}:){31}[0-9A-F]{2}")
_REMEDIES: Final = {
    Remedy.NONE: f"{Words.NOT_AVAILABLE.value}.",
    Remedy.ASK: "Available if the owner agrees.",
    Remedy.LINK_INCIDENT: "Available if you link an incident.",
    Remedy.TWO_PERSONS: "Available if a second person joins.",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class ViewWish:
    """One picture that is asked for; the fields are those of `Live.open`.

    Attributes:
        wanted_at: the moment of the site's recording that is wanted; None for what happens now.
        sound: its sound is wanted too.
        shown_to, most_seconds: for a view on a phone, as in `ViewQuestion`.
    """

    camera_id: str
    purpose: str
    incident_id: str = ""
    fingerprint: str
    opened_by: OpenedBy = OpenedBy.PERSON
    confirmation_id: str = ""
    on_behalf_of: str = ""
    wanted_at: datetime | None = None
    sound: bool = False
    shown_to: str = ""
    most_seconds: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenedView:
    """What the browser needs to call the relay, until when the view may last, and what of a recording it may show.

    Attributes:
        mark: the code to lay over the picture with the viewer's name and the time; empty where none is asked for.
        has_sound: whether it may be heard.
        may_ask_sound: whether the same view with sound would be opened now, of a camera that has some.
    """

    session_id: str
    whep_url: str
    ticket: str
    horizon_at: datetime
    range_from: datetime | None = None
    range_to: datetime | None = None
    mark: str = ""
    has_sound: bool = False
    may_ask_sound: bool = False


Opened = OpenedView | LenspactError


@dataclass(slots=True)
class _Case:
    """One wish on its way: its question and decision, its draft once it is permitted, or why it is over."""

    wish: ViewWish
    question: ViewQuestion
    decision: ViewPermit | ViewDeny | None = None
    draft: DraftGrant | None = None
    seat: Seat | None = None
    leaf: LeafRef | None = None
    error: LenspactError | None = None
    is_written: bool = False

    @property
    def stands_on_a_word(self) -> bool:
        """Whether it uses up what can be used only once."""
        return self.seat is not None and bool(self.seat.confirmation_id or self.question.approved)


class Opening:
    """Decides and writes new views."""

    def __init__(
        self,
        *,
        database: Database,
        store: SessionStore,
        audit: AuditLog,
        verdicts: Verdicts,
        consequences: Consequences,
        freshness: Freshness,
        links: SiteLinks,
        board: Board,
        endings: Endings,
        exchange: Exchange,
        grants: GrantDesk,
        owners_yes: OwnersYes,
        clock: Clock,
    ) -> None:
        self._database, self._store, self._audit, self._verdicts = database, store, audit, verdicts
        self._consequences, self._freshness, self._owners_yes = consequences, freshness, owners_yes
        self._links, self._board, self._endings, self._exchange = links, board, endings, exchange
        self._grants, self._clock = grants, clock
        self._on_their_way: Counter[str] = Counter()  # of each person: has a place, is not on the board yet

    async def open(
        self, principal: Principal, wishes: Sequence[ViewWish], *, tasks: anyio.abc.TaskGroup | None
    ) -> list[Opened]:
        """One answer for each wish, in their order; `tasks` own the questions to sites, without them none is asked.

        Raises:
            UnavailableError: the log is behind, or not all wishes can be written.
        """
        cases = [_case_of(principal, wish) for wish in wishes]
        person, places = principal.person_id, self._refuse_at_sight(principal, cases)
        if not places:
            return [self._answer(case) for case in cases]
        stamp = self._freshness.stamp
        self._on_their_way[person] += places
        try:
            await self._audit.demand_timely()
            verdicts = self._verdicts.together()
            for case in cases:
                await self._decide(case, verdicts)
            self._draft(cases, is_asking=tasks is not None)
            await self._write(cases)
        finally:
            self._on_their_way[person] -= places
            self._on_their_way += Counter()  # forgets whoever has none
            for case in cases:  # what is written is on the board from here on, whatever becomes of its caller
                if case.is_written and case.seat is not None:
                    self._board.put(case.seat)
        for case in cases:
            await self._demand_unchanged(case, stamp)
            if case.seat is not None and case.error is None and tasks is not None:
                assert case.draft is not None and case.leaf is not None  # noqa: PT018 - both are of one transaction
                tasks.start_soon(self._exchange.ask, case.seat, case.draft, case.leaf)
        return [self._answer(case) for case in cases]

    def _refuse_at_sight(self, principal: Principal, cases: Sequence[_Case]) -> int:
        """How many go on; others that are on their way have their places already."""
        person = principal.person_id
        room = MAX_OPEN_PER_PERSON - len(self._board.of_person(person)) - self._on_their_way[person]
        for number, case in enumerate(cases):
            if not _FINGERPRINT.fullmatch(case.wish.fingerprint):
                fields = {"dtls_fingerprint": "SHA-256 in hex."}
                case.error = InvalidError("The browser's certificate is missing.", fields=fields)
            elif case.wish.sound and not self._grants.carries_sound:
                case.error = UnavailableError(SILENT)
            elif number >= room:
                case.error = LimitedError("Close some pictures first: 24 are open.", retry_after_s=10)
        return sum(case.error is None for case in cases)

    async def _decide(self, case: _Case, verdicts: Verdicts) -> None:
        if case.error is not None:
            return
        try:
            case.question, case.decision = await verdicts.on_new(case.question)
        except LenspactError as error:
            case.error = error

    def _draft(self, cases: Sequence[_Case], *, is_asking: bool) -> None:
        """The grants of what is permitted, and their seats where the site can be asked and the relay is there."""
        for case in cases:
            if not isinstance(case.decision, ViewPermit):
                continue
            wish, permit = case.wish, case.decision
            fresh = "" if self._links.problem_of(permit.agent_id) else self._links.fresh_of(permit.agent_id)
            asked = Wish.of(case.question, opened_by=wish.opened_by, fingerprint=wish.fingerprint)
            masks, most_lines, publication = masks_of(permit), most_lines_of(permit), ""
            if permit.footage is None:
                publication = self._board.publication_of(permit.agent_id, wish.camera_id, masks, most_lines)
            case.draft = self._grants.draft(asked, permit, fresh=fresh, publication=publication)
            if not fresh or not is_asking or not self._knows(permit, case.question):
                case.error = UnavailableError(f"{Words.OFFLINE.value}.")
                continue
            try:
                self._exchange.demand_relay()
            except UnavailableError as error:
                case.error, case.draft = error, None
                continue
            session = case.draft.session
            question = replace(case.question, without_session=session.id, footage=permit.footage)
            case.seat = Seat(session=session, question=question, masks=masks, most_lines=most_lines)

    def _knows(self, permit: ViewPermit, question: ViewQuestion) -> bool:
        """Whether the site's agent has the words for it: an older one is not asked for a recording."""
        needed = RECORDED_VOCABULARY if question.approved is None else ASKED_VOCABULARY
        return permit.footage is None or self._links.vocabulary_of(permit.agent_id) >= needed

    async def _write(self, cases: Sequence[_Case]) -> None:
        """All in one transaction, but for those that may fail because a word was used up."""
        alone = [case for case in cases if case.stands_on_a_word]
        together = [case for case in cases if case.decision is not None and case not in alone]
        if any(case.draft or isinstance(case.decision, ViewDeny) for case in together):
            async with self._database.unit_of_work() as unit:
                for case in together:
                    await self._write_one(unit, case)
                await unit.commit()
                for case in together:
                    case.is_written = True
        for case in alone:
            try:
                async with self._database.unit_of_work() as unit:
                    await self._write_one(unit, case)
                    await unit.commit()
                    case.is_written = True
            except LenspactError as error:
                case.error, case.seat = error, None
            except (SQLAlchemyError, OSError):
                _LOG.exception("%s could not be written", case.wish.camera_id)
                case.error, case.seat = UnavailableError(GONE), None

    async def _write_one(self, unit: UnitOfWork, case: _Case) -> None:
        match case.decision:
            case ViewDeny() as deny:
                await self._audit.append(unit, leaves.denied(case.question, deny))
                case.error = refusal_of(deny)
            case ViewPermit() as permit if case.seat is not None:
                case.leaf = await self._write_seat(unit, case.seat, permit)
            case ViewPermit() as permit if case.draft is not None:
                await self._write_failed(unit, case.draft.session, permit)

    async def _write_seat(self, unit: UnitOfWork, seat: Seat, permit: ViewPermit) -> LeafRef:
        """Session, decision and grant; the grant's leaf is what the site is shown."""
        session = seat.session
        await self._store.add(unit, session)
        await self._consequences.of_view(unit, session, permit, confirmation_id=seat.confirmation_id)
        if seat.question is not None and seat.question.approved is not None:
            await self._owners_yes.opened(unit, seat.question.approved, session.id)
        requested = leaves.requested(session, incident_kind=_kind_of(permit))
        _, issued = await self._audit.append_all(unit, [requested, leaves.grant_issued(session)])
        return issued

    async def _write_failed(self, unit: UnitOfWork, drafted: Session, permit: ViewPermit) -> None:
        """Permitted, but the site cannot be asked: a technical cause may be told."""
        values = {"state": SessionState.FAILED, "ended_at": self._clock.now(), "end_reason": EndReason.OFFLINE}
        session = replace(drafted, **values)  # type: ignore[arg-type]
        await self._store.add(unit, session)
        requested = leaves.requested(session, incident_kind=_kind_of(permit))
        await self._audit.append_all(unit, [requested, leaves.failed(session, EndReason.OFFLINE)])

    async def _demand_unchanged(self, case: _Case, stamp: int) -> None:
        """What was taken back between the decision and the board is looked at here; later changes find it there."""
        if case.seat is None or self._freshness.stamp == stamp or await self._verdicts.goes_on(case.seat):
            return
        await self._endings.end(case.seat.session.id, EndReason.RULES)
        case.error = DeniedError(_REMEDIES[Remedy.NONE])

    def _answer(self, case: _Case) -> Opened:
        if case.error is not None:
            return case.error
        assert case.draft is not None
        session = case.draft.session
        return OpenedView(
            session_id=session.id,
            whep_url=f"/whep/{session.id}",
            ticket=self._grants.viewer_ticket(session),
            horizon_at=session.horizon_at,
            range_from=session.range_from,
            range_to=session.range_to,
            mark=mark_of(session.id) if _is_marked(case) else "",
            has_sound=session.has_sound,
            may_ask_sound=self._may_ask_sound(case.decision),
        )

    def _may_ask_sound(self, decision: ViewPermit | ViewDeny | None) -> bool:
        """An owner's yes, or a second person's, is to a silent view: it is not asked of it."""
        if not isinstance(decision, ViewPermit) or not decision.may_hear or not self._grants.carries_sound:
            return False
        return self._links.has_sound(decision.agent_id, decision.local_camera)


def _case_of(principal: Principal, wish: ViewWish) -> _Case:
    question = ViewQuestion(
        principal=principal,
        camera_id=wish.camera_id,
        purpose=wish.purpose,
        incident_id=wish.incident_id,
        confirmation_id=wish.confirmation_id,
        on_behalf_of=wish.on_behalf_of,
        wanted_at=wish.wanted_at,
        sound=wish.sound,
        shown_to=wish.shown_to,
        most_seconds=wish.most_seconds,
    )
    return _Case(wish, question)


def _is_marked(case: _Case) -> bool:
    """Where the rules ask for it, and on every phone."""
    decision = case.decision
    is_owed = isinstance(decision, ViewPermit) and bool(decision.obligations.get(Obligation.WATERMARK))
    return is_owed or bool(case.wish.shown_to)


def refusal_of(deny: ViewDeny) -> LenspactError:
    """What the operator reads of a denial; a site that is full is a technical cause for a permitted camera."""
    if deny.is_full:
        return LimitedError(f"{Words.FULL.value}.", retry_after_s=10)
    return DeniedError(_REMEDIES[deny.remedy])


def _kind_of(permit: ViewPermit) -> str:
    return permit.incident.kind if permit.incident else ""
