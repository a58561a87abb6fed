"""Live views: opened by a decision, held by leases, ended by whoever may.

One view is (1) decided by the centre's layers, a denial being a leaf too; (2) written with its leaf and the grant's
leaf; (3) answered at once with a ticket while (4) the site is asked, checks the grant and decides again; (5) forwarded
from its `accepted` on. Leases, horizons and accounts are `upkeep`; the order of ending is `endings`.
"""

import logging
import math
import re
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Final

import anyio
import anyio.abc
from sqlalchemy.exc import SQLAlchemyError

from gateway.audit import AuditLog, LeafRef
from gateway.kernel.database import Database
from gateway.kernel.errors import (
    DeniedError,
    InvalidError,
    LenspactError,
    LimitedError,
    NotFoundError,
    UnavailableError,
)
from gateway.kernel.principal import Principal, Role
from gateway.live import leaves
from gateway.live.board import Board, Seat
from gateway.live.endings import Endings
from gateway.live.exchange import Exchange
from gateway.live.grants import DraftGrant, GrantDesk, Wish
from gateway.live.model import EndReason, OpenedBy, Session, SessionState, Words
from gateway.live.ports import (
    Consequences,
    Decider,
    Freshness,
    OwnersYes,
    SessionStore,
    SiteLinks,
    ViewDeny,
    ViewPermit,
    ViewQuestion,
)
from partner_agent.wire.clock import Clock
from policies.request import Usage
from policies.vocabulary import Remedy

MAX_OPEN_PER_PERSON: Final = 24  # a wall of tiles; more is a loop, not a person
AT_A_TIME: Final = 8  # views decided again before the relay is told; the first waits for the last of them
_LOG: Final = logging.getLogger("lenspact.live")
_FINGERPRINT: Final = re.compile(r"(?:[0-9A-F]{2}:){31}[0-9A-F]{2}")
_REMEDIES: Final = {
    Remedy.NONE: f"{Words.NOT_AVAILABLE.value}.",
    Remedy.ASK: "Available if the owner agrees.",
    Remedy.LINK_INCIDENT: "Available if you link an incident.",
    Remedy.TWO_PERSONS: "Available if a second person joins.",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenedView:
    """What the browser needs to call the relay, and until when the view may last."""

    session_id: str
    whep_url: str
    ticket: str
    horizon_at: datetime


class Live:
    """Opens, shows, ends and reports live views. `run` owns the questions to sites."""

    def __init__(
        self,
        *,
        database: Database,
        store: SessionStore,
        audit: AuditLog,
        decider: Decider,
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
        self._owners_yes = owners_yes
        self._database, self._store, self._audit = database, store, audit
        self._decider, self._links, self._board = decider, links, board
        self._consequences, self._freshness = consequences, freshness
        self._endings, self._exchange, self._grants, self._clock = endings, exchange, grants, clock
        self._tasks: anyio.abc.TaskGroup | None = None

    async def run(self) -> None:
        """Own the questions to sites until cancelled."""
        async with anyio.create_task_group() as tasks:
            self._tasks = tasks
            try:
                await anyio.sleep_forever()
            finally:
                self._tasks = None

    @property
    def is_running(self) -> bool:
        """Whether sites can be asked."""
        return self._tasks is not None

    async def open(
        self,
        principal: Principal,
        *,
        camera_id: str,
        purpose: str,
        incident_id: str = "",
        fingerprint: str,
        opened_by: OpenedBy = OpenedBy.PERSON,
        confirmation_id: str = "",
        on_behalf_of: str = "",
    ) -> OpenedView:
        """Decide, write, answer; the site is asked while the browser already calls.

        Raises:
            NotFoundError: no such camera, or the caller may not know of it.
            DeniedError: the rules say no; the sentence names what takes least of what the owner offers, if anything.
            ConflictError: the owner's yes was used or taken back meanwhile.
            UnavailableError: the camera's site cannot be asked, live views or the relay are not running, the log is
                behind, or this process may have missed that something was taken back.
            LimitedError: the caller has too many open.
            InvalidError: the fingerprint or the purpose is none.
            ConflictError: the second person's word was used up meanwhile.
        """
        self._check(principal, fingerprint)
        await self._audit.demand_timely()
        question = ViewQuestion(
            principal=principal,
            camera_id=camera_id,
            purpose=purpose,
            incident_id=incident_id,
            confirmation_id=confirmation_id,
            on_behalf_of=on_behalf_of,
        )
        stamp = self._freshness.stamp
        question, decision = await self._decide(question)
        if isinstance(decision, ViewDeny):
            await self._deny(question, decision)
        wish = Wish(
            principal=principal,
            purpose=purpose,
            incident_id=incident_id,
            opened_by=opened_by,
            fingerprint=fingerprint,
            approval=question.approved.approval if question.approved else None,
        )
        assert isinstance(decision, ViewPermit)
        fresh = self._fresh(decision.agent_id)
        publication = self._board.publication_of(decision.agent_id, camera_id)
        draft = self._grants.draft(wish, decision, fresh=fresh, publication=publication)
        if not fresh or self._tasks is None:
            await self._fail_at_once(draft, decision)
        self._exchange.demand_relay()
        seat = Seat(session=draft.session, question=replace(question, without_session=draft.session.id))
        leaf = await self._write(seat, draft, decision)
        await self._demand_unchanged(seat, stamp)
        assert self._tasks is not None
        self._tasks.start_soon(self._exchange.ask, seat, draft, leaf)
        return OpenedView(
            session_id=draft.session.id,
            whep_url=f"/whep/{draft.session.id}",
            ticket=self._grants.viewer_ticket(draft.session),
            horizon_at=draft.session.horizon_at,
        )

    def _check(self, principal: Principal, fingerprint: str) -> None:
        if not _FINGERPRINT.fullmatch(fingerprint):
            raise InvalidError("The browser's certificate is missing.", fields={"dtls_fingerprint": "SHA-256 in hex."})
        if len(self._board.of_person(principal.person_id)) >= MAX_OPEN_PER_PERSON:
            raise LimitedError("Close some pictures first: 24 are open.", retry_after_s=10)

    async def view(self, principal: Principal, session_id: str) -> Session:
        """One session, to whoever opened it or watches over them.

        Raises:
            NotFoundError: there is none, or it is another person's.
        """
        session = await self._store.get(session_id)
        overseers = {Role.SUPERVISOR, Role.COMPLIANCE}
        if session is None or not (session.person_id == principal.person_id or overseers & principal.roles):
            raise NotFoundError("There is no such view.")
        return session

    async def usage(self, sites: Collection[str], *, without_session: str = "") -> Mapping[str, Usage]:
        """What sites have given live in the last 24 hours and give now; one that gives nothing is left out.

        Each view is rounded up, as the site does. Recordings are not known here.
        """
        now = self._clock.now()
        found: dict[str, Usage] = {}
        for session in await self._store.given(sites, since=now - timedelta(days=1), without=without_session):
            so_far = found.get(session.site_id, Usage())
            found[session.site_id] = Usage(
                live_s=so_far.live_s + math.ceil(session.seconds_until(now)),
                views_now=so_far.views_now + session.is_open,
            )
        return found

    async def asked_for(self, site_id: str, *, since: datetime, most: int) -> Sequence[Session]:
        """The views of a site that were let through by the centre since then, newest first, at most so many."""
        return await self._store.asked_for(site_id, since=since, most=most)

    async def open_at(self, site_id: str) -> list[Session]:
        """The views of a site that may show something now, whichever process holds them."""
        return [session for session in await self._store.unfinished() if session.site_id == site_id]

    def running(self) -> list[Session]:
        """Every open session, newest first, for the supervisor's board and the owner's first page."""
        return sorted((seat.session for seat in self._board), key=lambda session: session.id, reverse=True)

    async def leave(self, principal: Principal, session_id: str) -> None:
        """The viewer closes the picture.

        Raises:
            NotFoundError: there is none, or it is another person's.
        """
        session = await self._store.get(session_id)
        if session is None or session.person_id != principal.person_id:
            raise NotFoundError("There is no such view.")
        await self._endings.end(session_id, EndReason.LEFT, by=principal)

    async def stop(self, principal: Principal, session_id: str) -> None:
        """A supervisor or compliance officer stops somebody's view.

        Raises:
            NotFoundError: there is none.
        """
        await self.view(principal, session_id)
        await self._endings.end(session_id, EndReason.SUPERVISOR, by=principal)

    async def seen(self, principal: Principal, session_id: str, *, on_screen_s: int, enlarged_s: int) -> None:
        """What the page measured, as totals; they only grow, and never past the time that has passed.

        Raises:
            NotFoundError: there is none, or it is another person's.
            InvalidError: longer enlarged than on screen.
        """
        session = await self._store.get(session_id)
        if session is None or session.person_id != principal.person_id:
            raise NotFoundError("There is no such view.")
        if not 0 <= enlarged_s <= on_screen_s:
            raise InvalidError("A picture is not enlarged for longer than it is on screen.")
        passed_s = int(((session.ended_at or self._clock.now()) - session.requested_at).total_seconds()) + 1
        values = {
            "on_screen_s": max(session.on_screen_s, min(on_screen_s, passed_s)),
            "enlarged_s": max(session.enlarged_s, min(enlarged_s, passed_s)),
        }
        async with self._database.unit_of_work() as unit:
            await self._store.note(unit, session_id, **values)
            await unit.commit(unaudited="seconds on screen, which the leaf of the end names")
        seat = self._board.get(session_id)
        if seat is not None:
            seat.follow(**values)

    async def end_where(self, reason: EndReason, which: Callable[[Session], bool]) -> int:
        """End every open session that `which` picks; how many."""
        ended = 0
        for seat in self._board:
            if which(seat.session):
                ended += await self._endings.end(seat.session.id, reason)
        return ended

    async def incident_closed(self, incident_id: str) -> int:
        """The reason is over, and with it every view it carried."""
        return await self.end_where(EndReason.INCIDENT, lambda session: session.incident_id == incident_id)

    async def rules_changed(self, which: Callable[[Session], bool] = lambda _: True) -> int:
        """Decide the picked sessions again and end those that would not be permitted now; how many.

        All their pictures stop before the first end is written: a few at a time by one order to the relay, for asking
        it costs about as much as deciding, and the news of each end would come in between. Those of an owner who
        pressed the switch stop first, by one order: nothing has to be decided about them.
        """
        concerned = [seat for seat in self._board if which(seat.session)]
        off = await self._switched_off(concerned)
        ended = await self._endings.stop([seat.session.id for seat in concerned if _between(seat) in off])
        concerned = [seat for seat in concerned if _between(seat) not in off]
        for start in range(0, len(concerned), AT_A_TIME):
            few = concerned[start : start + AT_A_TIME]
            ended += await self._endings.stop([seat.session.id for seat in few if not await self._goes_on(seat)])
        for seat in ended:
            await self._endings.finish(seat, EndReason.RULES)
        return len(ended)

    async def _goes_on(self, seat: Seat) -> bool:
        """Whether a session is permitted still; an earlier end that was given meanwhile counts."""
        permit = await self.is_still_permitted(seat)
        if permit is not None and permit.horizon is not None:
            seat.follow(horizon_at=min(seat.session.horizon_at, permit.horizon))
        return permit is not None

    async def _switched_off(self, seats: list[Seat]) -> set[tuple[str, str]]:
        """Owners and agencies of these between whom the owner, or the network, has switched off everything."""
        return {pair for pair in set(map(_between, seats)) if await self._decider.is_switched_off(*pair)}

    async def is_still_permitted(self, seat: Seat) -> ViewPermit | None:
        """What the centre would say to a running session now; whoever cannot decide does not permit."""
        if seat.question is None:
            return None
        approved = seat.question.approved
        try:
            if approved is not None and not await self._owners_yes.stands(approved, seat.session.id):
                return None
            decision = await self._decider.decide(seat.question)
        except (NotFoundError, InvalidError):
            return None
        except (LenspactError, SQLAlchemyError, OSError):
            _LOG.exception("%s could not be decided again", seat.session.id)
            return None
        return decision if isinstance(decision, ViewPermit) else None

    async def _decide(self, question: ViewQuestion) -> tuple[ViewQuestion, ViewPermit | ViewDeny]:
        """Decide, and where the owner has to be asked, decide again with the yes that the caller may have."""
        decision = await self._decider.decide(question)
        if isinstance(decision, ViewDeny) and Remedy.ASK in decision.remedies:
            approved = await self._owners_yes.approved_for(question)
            if approved is not None:
                question = replace(question, approved=approved)
                decision = await self._decider.decide(question)
            elif not await self._owners_yes.may_say_yes(question, decision.organisation_id):
                left = tuple(other for other in decision.remedies if other is not Remedy.ASK)
                decision = replace(decision, remedies=left)  # a no and silence read the same, and like a rule
        return question, decision

    async def _demand_unchanged(self, seat: Seat, stamp: int) -> None:
        """What was taken back between the decision and the board is looked at here; later changes find it there.

        Raises:
            DeniedError: it would not be permitted any more; the session is over.
        """
        if self._freshness.stamp == stamp or await self._goes_on(seat):
            return
        await self._endings.end(seat.session.id, EndReason.RULES)
        raise DeniedError(_REMEDIES[Remedy.NONE])

    def _fresh(self, agent_id: str) -> str:
        return "" if self._links.problem_of(agent_id) else self._links.fresh_of(agent_id)

    async def _deny(self, question: ViewQuestion, deny: ViewDeny) -> None:
        async with self._database.unit_of_work() as unit:
            await self._audit.append(unit, leaves.denied(question, deny))
            await unit.commit()
        raise DeniedError(_REMEDIES[deny.remedy])

    async def _fail_at_once(self, draft: DraftGrant, permit: ViewPermit) -> None:
        """Permitted, but the site cannot be asked: a technical cause may be told."""
        values = {"state": SessionState.FAILED, "ended_at": self._clock.now(), "end_reason": EndReason.OFFLINE}
        session = replace(draft.session, **values)  # type: ignore[arg-type]
        async with self._database.unit_of_work() as unit:
            await self._store.add(unit, session)
            await self._audit.append(unit, leaves.requested(session, incident_kind=_kind_of(permit)))
            await self._audit.append(unit, leaves.failed(session, EndReason.OFFLINE))
            await unit.commit()
        raise UnavailableError(f"{Words.OFFLINE.value}.")

    async def _write(self, seat: Seat, draft: DraftGrant, permit: ViewPermit) -> LeafRef:
        """Session, decision and grant in one transaction; the grant's leaf is what the site is shown."""
        session = draft.session
        async with self._database.unit_of_work() as unit:
            await self._store.add(unit, session)
            await self._consequences.of_view(unit, session, permit, confirmation_id=seat.confirmation_id)
            if seat.question is not None and seat.question.approved is not None:
                await self._owners_yes.opened(unit, seat.question.approved, session.id)
            await self._audit.append(unit, leaves.requested(session, incident_kind=_kind_of(permit)))
            leaf = await self._audit.append(unit, leaves.grant_issued(session))
            await unit.commit()
        self._board.put(seat)
        return leaf


def _kind_of(permit: ViewPermit) -> str:
    return permit.incident.kind if permit.incident else ""


def _between(seat: Seat) -> tuple[str, str]:
    """Between which owner and which agency a picture passes."""
    return seat.session.organisation_id, seat.session.agency_id
