"""Asking a site for a still: decided, written with its leaf, granted; answered once it is here or will not come.

It is a session like a view, without a relay: its seat makes leases name it and changed rules end it. An owner's yes,
or a second person's, gives one to the person who asked for it; one that is not taken within its minutes is gone.
"""

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Final

from gateway.audit import AuditLog, LeafRef
from gateway.kernel.database import Database
from gateway.kernel.errors import (
    DeadlineError,
    DeniedError,
    LenspactError,
    LimitedError,
    NotFoundError,
    UnavailableError,
)
from gateway.kernel.principal import Principal
from gateway.live import leaves
from gateway.live.board import Board, Seat
from gateway.live.endings import Endings
from gateway.live.grants import DraftGrant, GrantDesk, StillPlace, Wish
from gateway.live.model import EndReason, OpenedBy, Session, SessionState, Words, step
from gateway.live.opening import refusal_of
from gateway.live.ports import (
    Consequences,
    DeviceKeys,
    Freshness,
    OwnersYes,
    SessionStore,
    SiteLinks,
    ViewDeny,
    ViewPermit,
    ViewQuestion,
    masks_of,
)
from gateway.live.steps import Step, Steps
from gateway.live.stills.model import Still
from gateway.live.stills.ports import StillRows
from gateway.live.verdicts import Verdicts
from partner_agent.wire.clock import Clock
from partner_agent.wire.limits import ASKED_VOCABULARY, STILL_VOCABULARY
from partner_agent.wire.messages import Accepted, Grant, Message, Refused
from policies.vocabulary import Remedy

ANSWER_S: Final = 8.0
MOST_AT_ONCE: Final = 2  # on their way to one person
ARRIVES_S: Final = 13.0  # from the acceptance: the site gives up after 12
_LOOK_S: Final = 0.1


@dataclass(frozen=True, slots=True, kw_only=True)
class OfferedStill:
    """Whether somebody can have a still of a camera.

    Attributes:
        is_given: whether one would be given now.
        is_once: whether that stands on the owner's yes, or a second person's.
        remedies: what is offered instead, as `ViewDeny.remedies`.
    """

    is_given: bool = False
    is_once: bool = False
    remedies: tuple[Remedy, ...] = ()


class StillTaking:
    """Decides, asks, waits."""

    def __init__(
        self,
        *,
        database: Database,
        store: SessionStore,
        rows: StillRows,
        audit: AuditLog,
        verdicts: Verdicts,
        owners_yes: OwnersYes,
        consequences: Consequences,
        freshness: Freshness,
        links: SiteLinks,
        keys: DeviceKeys,
        board: Board,
        endings: Endings,
        grants: GrantDesk,
        gateway: str,
        token_of: Callable[[str], str],
        clock: Clock,
    ) -> None:
        """`token_of`: the secret that opens one session's upload."""
        self._database, self._store, self._rows, self._audit = database, store, rows, audit
        self._verdicts, self._owners_yes = verdicts, owners_yes
        self._consequences, self._freshness = consequences, freshness
        self._links, self._keys, self._board, self._endings = links, keys, board, endings
        self._grants, self._gateway, self._token_of, self._clock = grants, gateway.rstrip("/"), token_of, clock
        self._steps = Steps(database=database, store=store, audit=audit)
        self._on_their_way: Counter[str] = Counter()

    async def take(
        self,
        principal: Principal,
        *,
        camera_id: str,
        purpose: str,
        incident_id: str = "",
        on_behalf_of: str = "",
        confirmation_id: str = "",
    ) -> Still:
        """A still of a camera, now; `confirmation_id`: a second person's word to it.

        Raises:
            NotFoundError: no such camera, or the caller may not know of it.
            DeniedError: the rules, or the site, say no.
            UnavailableError: it cannot be had now.
            LimitedError: the site gives all it may already, or the caller waits for as many as one may.
            InvalidError: the purpose is none.
        """
        question = ViewQuestion(
            principal=principal,
            camera_id=camera_id,
            purpose=purpose,
            incident_id=incident_id,
            on_behalf_of=on_behalf_of,
            confirmation_id=confirmation_id,
            is_still=True,
        )
        person = principal.person_id
        if self._on_their_way[person] >= MOST_AT_ONCE:
            raise LimitedError("Two of your stills are on their way. Wait for one, then try again.", retry_after_s=5)
        self._on_their_way[person] += 1
        try:
            return await self._taken(question)
        finally:
            self._on_their_way[person] -= 1
            self._on_their_way += Counter()  # forgets whoever waits for none

    async def offer(self, question: ViewQuestion) -> OfferedStill:
        """Whether a still would be given now, by a site that knows the word; takes none and is no entry in the log.

        Raises:
            InvalidError: a purpose that is no word of ours.
        """
        try:
            question, decision = await self._verdicts.on_new(replace(question, is_still=True))
        except (NotFoundError, UnavailableError):
            return OfferedStill()
        if self._links.problem_of(decision.agent_id) or self._links.vocabulary_of(decision.agent_id) < STILL_VOCABULARY:
            return OfferedStill()
        if isinstance(decision, ViewDeny):
            return OfferedStill(remedies=decision.remedies)
        return OfferedStill(is_given=True, is_once=question.approved is not None or bool(decision.second_id))

    async def _taken(self, question: ViewQuestion) -> Still:
        await self._audit.demand_timely()
        stamp = self._freshness.stamp
        question, decision = await self._verdicts.on_new(question)
        if isinstance(decision, ViewDeny):
            raise await self._denied(question, decision)
        seat, draft, leaf = await self._open(question, decision)
        if self._freshness.stamp != stamp and await self._verdicts.on_running(seat) is None:
            await self._endings.end(seat.session.id, EndReason.RULES)
            raise _no(EndReason.RULES)
        try:
            await self._ask(seat, draft, leaf)
            return await self._arrived(seat.session)
        finally:  # also where the caller went away: nothing more is taken then
            await self._endings.end(seat.session.id, EndReason.CANNOT_START)

    async def _denied(self, question: ViewQuestion, deny: ViewDeny) -> LenspactError:
        async with self._database.unit_of_work() as unit:
            await self._audit.append(unit, leaves.denied(question, deny))
            await unit.commit()
        return refusal_of(deny)

    async def _open(self, question: ViewQuestion, permit: ViewPermit) -> tuple[Seat, DraftGrant, LeafRef]:
        agent = permit.agent_id
        fresh = "" if self._links.problem_of(agent) else self._links.fresh_of(agent)
        wish = Wish.of(question, opened_by=OpenedBy.PERSON, fingerprint="")
        draft = self._grants.draft(wish, permit, fresh=fresh, publication="", still=self._place)
        session = draft.session
        needed = STILL_VOCABULARY if question.approved is None else ASKED_VOCABULARY
        if not fresh or self._links.vocabulary_of(agent) < needed:
            await self._write_failed(session, permit)
            raise UnavailableError(f"{Words.OFFLINE.value}.")
        seat = Seat(session=session, question=replace(question, without_session=session.id), masks=masks_of(permit))
        async with self._database.unit_of_work() as unit:
            await self._store.add(unit, session)
            await self._consequences.of_view(unit, session, permit, confirmation_id=seat.confirmation_id)
            if question.approved is not None:
                await self._owners_yes.opened(unit, question.approved, session.id)
            await self._audit.append(unit, leaves.requested(session, incident_kind=_kind_of(permit)))
            leaf = await self._audit.append(unit, leaves.grant_issued(session))
            await unit.commit()
        self._board.put(seat)
        return seat, draft, leaf

    async def _write_failed(self, drafted: Session, permit: ViewPermit) -> None:
        values = {"state": SessionState.FAILED, "ended_at": self._clock.now(), "end_reason": EndReason.OFFLINE}
        session = replace(drafted, **values)  # type: ignore[arg-type]
        async with self._database.unit_of_work() as unit:
            await self._store.add(unit, session)
            await self._audit.append(unit, leaves.requested(session, incident_kind=_kind_of(permit)))
            await self._audit.append(unit, leaves.failed(session, EndReason.OFFLINE))
            await unit.commit()

    def _place(self, session_id: str) -> StillPlace:
        return StillPlace(f"{self._gateway}/uploads/stills/{session_id}", self._token_of(session_id))

    async def _ask(self, seat: Seat, draft: DraftGrant, leaf: LeafRef) -> None:
        session = seat.session
        token = self._grants.sign(draft, leaf, self._audit.promise(leaf.leaf_hash))
        seat.is_granted = True
        message = Grant(id=self._links.new_id(), token=token)
        try:
            answer = await self._links.send(session.agent_id, message, deadline_s=ANSWER_S)
        except (UnavailableError, DeadlineError) as error:
            await self._endings.end(session.id, EndReason.OFFLINE)
            raise UnavailableError(f"{Words.OFFLINE.value}.") from error
        await self._take(seat, answer, token)

    async def _take(self, seat: Seat, answer: Message, grant: str) -> None:
        session = seat.session
        key = await self._keys.device_key(session.agent_id)
        if isinstance(answer, Refused) and key is not None:
            code = self._grants.refused_code(answer.token, key, session, grant=grant)
            await self._endings.refused(session.id, code)
            ended = await self._store.get(session.id)
            raise _no(ended.end_reason if ended else EndReason.RULES)
        if not isinstance(answer, Accepted) or key is None:
            raise _no(EndReason.CANNOT_START)
        self._grants.check_accepted(answer.token, key, session, grant=grant)
        now = self._clock.now()
        change = step(SessionState.ACCEPTED, accepted_at=now)
        if await self._steps.take(Step(session.id, change, leaves.accepted(session))):
            seat.follow(state=SessionState.ACCEPTED, accepted_at=now)

    async def _arrived(self, session: Session) -> Still:
        """The still, once it is here; whichever process took it."""
        until = self._clock.monotonic() + ARRIVES_S
        while self._clock.monotonic() < until:
            still = await self._rows.get(session.id)
            if still is not None:
                return still
            now = await self._store.get(session.id)
            has_come = now is not None and now.end_reason is EndReason.TAKEN  # since the row was looked for
            if now is None or not (now.is_open or has_come):
                raise _no(now.end_reason if now else EndReason.RULES)
            await self._clock.sleep(_LOOK_S)
        raise _no(EndReason.CANNOT_START)


def _kind_of(permit: ViewPermit) -> str:
    return permit.incident.kind if permit.incident else ""


def _no(reason: EndReason) -> LenspactError:
    """What the operator reads of a still that did not come."""
    match reason:
        case EndReason.OFFLINE | EndReason.LEASE:
            return UnavailableError(f"{Words.OFFLINE.value}.")
        case EndReason.CANNOT_START | EndReason.TIME | EndReason.RELAY | EndReason.RESTARTED:
            return UnavailableError(f"{Words.CANNOT_START.value}.")
        case _:
            return DeniedError(f"{Words.NOT_AVAILABLE.value}.")
