"""Asking an owner to look: asked once, answered in the portal or on site, opened once, over at its deadline.

One request is (1) decided by the centre's law, which must offer asking and permit once the owner says yes; (2) written
with its leaf, which the schema refuses a second time for this incident, owner and act; (3) put before the owner in the
portal, and on site as soon as the site can be asked; (4) answered by a touch, by the site's own signed word, or with
no; (5) opened by the view of the person who asked. What time brings is `tick`, all that has to run again after a crash.
"""

from collections.abc import Mapping
from contextlib import suppress
from datetime import timedelta
from typing import Any, Final

import anyio
import msgspec

from gateway.audit import AuditLog, Decision, Kind
from gateway.kernel.bus import MemoryBus
from gateway.kernel.database import Database, UnitOfWork
from gateway.kernel.errors import (
    ConflictError,
    DeadlineError,
    DeniedError,
    LimitedError,
    NotFoundError,
    UnavailableError,
)
from gateway.kernel.principal import Principal, PrincipalKind
from gateway.kernel.wake import Wake
from gateway.live import leaves as view_leaves
from gateway.live.asking.documents import new_ask
from gateway.live.asking.leaves import leaf
from gateway.live.asking.model import NEXT, TAKEN_BACK, WAITING, AskState, ViewAsk
from gateway.live.asking.ports import AskLaw, AskPlace, AskRows, AskSites, AskWish, OwnerTouches
from gateway.live.endings import Endings
from gateway.live.model import EndReason, Words
from gateway.live.ports import Approved, SessionStore, ViewDeny, ViewQuestion
from partner_agent.wire.clock import Clock
from partner_agent.wire.documents import VIEW_LABEL
from partner_agent.wire.ids import IdSource
from partner_agent.wire.touches import Assertion
from partner_agent.wire.views import APPROVED_S
from policies.vocabulary import Act

MOST_WAITING: Final = 8  # of one person's requests; more is no emergency, and floods owners
PAGE: Final = 50
BATCH: Final = 500  # waiting requests one tick looks at
TICK_S: Final = 2.0
TRIES: Final = 3  # somebody may answer in between
_NONE: Final = "There is no such request."
_OVER: Final = "This was answered, or its time is over. Look again."


def topic_of_asker(person_id: str) -> str:
    """The bus topic of the news of one person's requests; `ref` names the camera."""
    return f"live.asker.{person_id}"


class ViewAsks:
    """Requests to look."""

    def __init__(
        self,
        *,
        database: Database,
        rows: AskRows,
        sessions: SessionStore,
        endings: Endings,
        audit: AuditLog,
        law: AskLaw,
        sites: AskSites,
        touches: OwnerTouches,
        bus: MemoryBus,
        clock: Clock,
        ids: IdSource,
    ) -> None:
        self._database, self._rows, self._sessions, self._audit = database, rows, sessions, audit
        self._endings = endings
        self._law, self._sites, self._touches = law, sites, touches
        self._bus, self._clock, self._ids = bus, clock, ids
        self._told: dict[str, str] = {}  # request -> the link on which its site heard of it
        self._taken_back: dict[str, str] = {}  # request that is over -> the link on which its site heard so
        self._due = Wake()

    # --- whoever wants to look

    async def ask(self, principal: Principal, wish: AskWish) -> ViewAsk:
        """Ask the owner of a camera; asking again for the same camera and act is the same request.

        Raises:
            NotFoundError: no such camera or incident, or the caller may not know of it.
            ConflictError: it can be had without asking.
            DeniedError: not available for this purpose: the owner offers no asking, was asked before, or their site is
                older than the question.
            LimitedError: too many of the caller's requests wait.
            InvalidError: a purpose that is no word of ours, or a recording of no moment.
        """
        decided = await self._law.decide(principal, wish)  # 1
        if isinstance(decided, ViewDeny):
            await self._deny(principal, wish, decided)
        assert isinstance(decided, AskPlace)
        if not self._sites.knows(decided.agent_id, wish.act):
            await self._deny(principal, wish, _no("site_is_older", decided.site_id, decided.organisation_id))
        for before in await self._rows.of_incident(wish.incident_id):
            if (before.organisation_id, before.act) == (decided.organisation_id, wish.act):
                return await self._again(principal, wish, before)
        await self._demand_room(principal)
        ask = new_ask(principal, wish, decided, ask_id=self._ids.new("vwr"), now=self._clock.now())
        async with self._database.unit_of_work() as unit:  # 2
            try:
                await self._rows.add(unit, ask)
            except ConflictError as error:  # somebody was faster
                raise DeniedError(f"{Words.NOT_AVAILABLE.value}.") from error
            await self._audit.append(unit, leaf(Kind.VIEW_ASKED, ask))
            await unit.commit()
        self._announce(ask)
        self._due.set()  # 3
        return ask

    async def of_incident(
        self, principal: Principal, incident_id: str, act: Act = Act.LIVE_VIEW
    ) -> Mapping[str, ViewAsk]:
        """The requests of one act for an incident of the caller's agency, by the organisation that was asked."""
        found = [ask for ask in await self._rows.of_incident(incident_id) if ask.act == act]
        return {ask.organisation_id: ask for ask in found if ask.agency_id == principal.organisation_id}

    async def approved_for(self, question: ViewQuestion) -> Approved | None:
        """The owner's yes to exactly this view of this person, if one can be used now."""
        principal, now = question.principal, self._clock.now()
        for ask in await self._rows.of_incident(question.incident_id) if question.incident_id else ():
            said = (ask.person_id, ask.agency_id, ask.camera_id, ask.purpose, ask.act)
            meant = (principal.person_id, principal.organisation_id, question.camera_id, question.purpose, question.act)
            if said == meant and ask.approval is not None and now < ask.until and await self._is_unused(ask):
                return Approved(
                    ask_id=ask.id,
                    version=ask.version,
                    approval=dict(ask.approval),
                    until=now + timedelta(seconds=APPROVED_S[question.act]),
                    footage=ask.footage,
                )
        return None

    async def may_say_yes(self, question: ViewQuestion, deny: ViewDeny) -> bool:
        """Whether this owner can be asked for this act and was not yet, or may still answer about this camera."""
        if not self._sites.knows(deny.agent_id, question.act):
            return False
        for ask in await self._rows.of_incident(question.incident_id) if question.incident_id else ():
            if (ask.organisation_id, ask.act) == (deny.organisation_id, question.act):
                return ask.camera_id == question.camera_id and ask.is_waiting(self._clock.now())
        return True

    async def stands(self, approved: Approved, session_id: str) -> bool:
        """Whether the yes that this view was opened with was not taken back."""
        ask = await self._rows.ask(approved.ask_id)
        return ask is not None and (ask.state, ask.session_id) == (AskState.OPENED, session_id)

    async def opened(self, unit: UnitOfWork, approved: Approved, session_id: str) -> None:
        """The yes is used by this view, in the transaction that opens it.

        Raises:
            ConflictError: it was used, or taken back, meanwhile.
        """
        ask = await self._get(approved.ask_id)
        if ask.version != approved.version or AskState.OPENED not in NEXT[ask.state]:
            raise ConflictError(_OVER)
        await self._rows.change(unit, ask, state=AskState.OPENED, session_id=session_id)

    # --- the owner

    async def list_for(self, principal: Principal) -> list[ViewAsk]:
        """The newest requests to the caller's organisation."""
        if principal.kind is not PrincipalKind.PARTNER or not principal.organisation_id:
            return []
        return list(await self._rows.asks(organisation_id=principal.organisation_id, limit=PAGE))

    async def waiting(self, organisation_id: str) -> list[ViewAsk]:
        """Those that wait for an organisation's answer."""
        now = self._clock.now()
        found = await self._rows.asks(organisation_id=organisation_id, states=(AskState.ASKED,), limit=PAGE)
        return [ask for ask in found if ask.is_waiting(now)]

    async def approve(self, principal: Principal, ask_id: str, assertion: Assertion) -> ViewAsk:
        """The owner's yes, by one touch over the digest of this request.

        Raises:
            NotFoundError: no such request at the caller's organisation.
            ConflictError: it was answered, or is over.
            PreconditionError: the touch is none that the site would take.
        """
        ask = await self._own(principal, ask_id)
        if not ask.is_waiting(self._clock.now()):
            raise ConflictError(_OVER)
        await self._touches.check(ask.site_id, label=VIEW_LABEL, sha256=ask.document_sha256, assertion=assertion)
        approval = self._approval(ask, assertion=msgspec.to_builtins(assertion))
        return await self._yes(ask, approval, by="passkey", person=principal.person_id)

    async def decline(self, principal: Principal, ask_id: str) -> ViewAsk:
        """The owner's no; it takes back a yes too, and ends the view that it opened.

        Raises:
            NotFoundError: no such request at the caller's organisation.
            ConflictError: it was declined, or is over.
        """
        for tries_left in reversed(range(TRIES)):
            ask = await self._own(principal, ask_id)
            is_late = ask.state in WAITING and self._clock.now() >= ask.expires_at
            if AskState.DECLINED not in NEXT[ask.state] or is_late:
                break
            try:
                return await self._no(ask, by="portal", person=principal.person_id)
            except ConflictError:  # opened at this moment: the no counts all the same
                if not tries_left:
                    raise
        raise ConflictError(_OVER)

    async def site_answered(self, agent_id: str, document_sha256: str, *, is_yes: bool, token: str) -> None:
        """The owner answered on site; `token` is the site's signed word, verified by the caller.

        A yes that comes after a no, or too late, changes nothing; a no counts after a yes.
        """
        for tries_left in reversed(range(TRIES)):
            try:
                await self._site_answered(agent_id, document_sha256, is_yes=is_yes, token=token)
            except ConflictError:
                if not tries_left:
                    raise
            else:
                return

    # --- what time brings

    async def run(self) -> None:
        """`tick` for ever, and at once when something became due."""
        while True:
            await self.tick()
            await self._due.wait(TICK_S)

    async def tick(self) -> None:
        """Ask sites that have not heard, take back what is over, let lapse what nobody answered or opened."""
        waiting = await self._rows.asks(states=tuple(WAITING), limit=BATCH)
        self._told = {ask.id: self._told[ask.id] for ask in waiting if ask.id in self._told}
        async with anyio.create_task_group() as group:
            for ask in waiting:
                if not await self._has_lapsed(ask):
                    group.start_soon(self._tell_site, ask)
        await self._take_back()

    # --- inside

    async def _take_back(self) -> None:
        """Tell sites of what is over, whoever ended it: another process, or this one before it started again."""
        over = await self._rows.asks(states=tuple(TAKEN_BACK), expires_after=self._clock.now(), limit=BATCH)
        self._taken_back = {ask.id: self._taken_back[ask.id] for ask in over if ask.id in self._taken_back}
        for ask in over:
            link = self._sites.link_of(ask.agent_id)
            if self._taken_back.get(ask.id) != link and self._sites.take_back(ask.agent_id, ask.document_sha256):
                self._taken_back[ask.id] = link

    async def _has_lapsed(self, ask: ViewAsk) -> bool:
        if self._clock.now() < ask.until and await self._law.is_active(ask.incident_id):
            return False
        with suppress(ConflictError):  # answered just now: next time
            await self._step(ask, AskState.LAPSED, Kind.VIEW_LAPSED, by="time")
        return True

    async def _tell_site(self, ask: ViewAsk) -> None:
        link = self._sites.link_of(ask.agent_id) if ask.state is AskState.ASKED else ""
        if not link or self._told.get(ask.id) == link:
            return
        self._told[ask.id] = link  # whatever it answers: not again on this link
        with suppress(UnavailableError, DeadlineError):
            await self._sites.ask(ask.agent_id, ask.document)

    async def _site_answered(self, agent_id: str, document_sha256: str, *, is_yes: bool, token: str) -> None:
        ask = await self._rows.of_digest(document_sha256)
        if ask is None or ask.agent_id != agent_id:
            return
        if is_yes and ask.is_waiting(self._clock.now()):
            await self._yes(ask, self._approval(ask, site_token=token), by="site")
        elif not is_yes and AskState.DECLINED in NEXT[ask.state]:
            await self._no(ask, by="site")

    async def _yes(self, ask: ViewAsk, approval: Mapping[str, Any], *, by: str, person: str = "") -> ViewAsk:
        values = {"approval": approval, "answered_at": self._clock.now(), "answered_by": person}
        return await self._step(
            ask, AskState.APPROVED, Kind.VIEW_APPROVED, decision=Decision.PERMIT, by=by, person=person, **values
        )

    async def _no(self, ask: ViewAsk, *, by: str, person: str = "") -> ViewAsk:
        declined = await self._step(
            ask,
            AskState.DECLINED,
            Kind.VIEW_DECLINED,
            decision=Decision.DENY,
            by=by,
            person=person,
            answered_at=self._clock.now(),
            answered_by=person,
        )
        if ask.session_id:
            await self._endings.end(ask.session_id, EndReason.RULES)
        return declined

    async def _step(
        self,
        ask: ViewAsk,
        after: AskState,
        kind: Kind,
        *,
        by: str,
        decision: Decision = Decision.NONE,
        person: str = "",
        **values: Any,
    ) -> ViewAsk:
        """One step with its leaf, in one transaction; then whoever waits is woken, and the site hears of an end."""
        if after not in NEXT[ask.state]:
            raise ConflictError(_OVER)
        async with self._database.unit_of_work() as unit:
            changed = await self._rows.change(unit, ask, state=after, **values)
            await self._audit.append(unit, leaf(kind, ask, decision=decision, by=by, person=person))
            if ask.session_id:
                unit.bump(ask.person_id)  # the view it opened may be on its way, or in another process
            await unit.commit()
        if after is AskState.DECLINED and by == "site":  # it knows
            self._taken_back[changed.id] = self._sites.link_of(ask.agent_id)
        self._announce(changed)
        self._due.set()
        return changed

    def _approval(self, ask: ViewAsk, **word: object) -> dict[str, Any]:
        return {"label": VIEW_LABEL, "document": dict(ask.document), **word}

    async def _is_unused(self, ask: ViewAsk) -> bool:
        """Whether the yes is there still: never opened, or opened by a view that the site never accepted."""
        if ask.state is AskState.APPROVED:
            return True
        session = await self._sessions.get(ask.session_id) if ask.state is AskState.OPENED else None
        return session is not None and not session.is_open and session.accepted_at is None

    async def _again(self, principal: Principal, wish: AskWish, before: ViewAsk) -> ViewAsk:
        is_same = (before.camera_id, before.agency_id) == (wish.camera_id, principal.organisation_id)
        if is_same and before.is_waiting(self._clock.now()):
            return before
        await self._deny(principal, wish, _no("asked_before", before.site_id, before.organisation_id))
        raise AssertionError

    async def _deny(self, principal: Principal, wish: AskWish, deny: ViewDeny) -> None:
        question = ViewQuestion(
            principal=principal,
            camera_id=wish.camera_id,
            purpose=wish.purpose,
            incident_id=wish.incident_id,
            wanted_at=wish.wanted_at,
            is_still=wish.act is Act.STILL_TAKE,
        )
        async with self._database.unit_of_work() as unit:
            await self._audit.append(unit, view_leaves.denied(question, deny))
            await unit.commit()
        raise DeniedError(f"{Words.NOT_AVAILABLE.value}.")

    async def _demand_room(self, principal: Principal) -> None:
        waiting = await self._rows.asks(states=(AskState.ASKED,), limit=BATCH)
        if sum(ask.person_id == principal.person_id for ask in waiting) >= MOST_WAITING:
            raise LimitedError("Wait for an answer first: 8 of your requests wait.", retry_after_s=60)

    async def _own(self, principal: Principal, ask_id: str) -> ViewAsk:
        ask = await self._rows.ask(ask_id)
        is_own = principal.kind is PrincipalKind.PARTNER and bool(principal.organisation_id)
        if ask is None or not is_own or ask.organisation_id != principal.organisation_id:
            raise NotFoundError(_NONE)
        return ask

    async def _get(self, ask_id: str) -> ViewAsk:
        ask = await self._rows.ask(ask_id)
        if ask is None:
            raise NotFoundError(_NONE)
        return ask

    def _announce(self, ask: ViewAsk) -> None:
        self._bus.publish(topic_of_asker(ask.person_id), ask.camera_id)


def _no(reason: str, site_id: str, organisation_id: str) -> ViewDeny:
    """Refused for what the law does not know."""
    return ViewDeny(reason=reason, layer="facts", remedies=(), site_id=site_id, organisation_id=organisation_id)
