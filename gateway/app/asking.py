"""Wires asking owners to look: the law that offers it, the links over which sites are asked, their answers."""

import dataclasses
from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final

from gateway.app.granted import told_subject
from gateway.app.recorded_law import LATER, range_to_ask_for
from gateway.incidents import Incidents
from gateway.kernel.errors import ConflictError, InvalidError, UnavailableError
from gateway.kernel.principal import Principal
from gateway.live import AskPlace, AskWish, ViewAsks, ViewDeny
from gateway.sharing import WISH, Decided, Decisions, Question, wish_of
from gateway.sites import Peer, Sites
from partner_agent.wire import classes, statements
from partner_agent.wire.clock import Clock
from partner_agent.wire.documents import VIEW_LABEL
from partner_agent.wire.limits import ASKED_VOCABULARY, VIEW_APPROVED_S, VIEW_VOCABULARY
from partner_agent.wire.messages import Noted, ViewAnswer, ViewAsk, ViewNo
from partner_agent.wire.tokens import PublicKey, TokenError
from policies.footage import LEAST
from policies.request import Approval, Deny, Permit, Span
from policies.vocabulary import Act, Remedy

ASK_S: Final = 5.0  # a site answers from memory and disk


class SharingAskLaw:
    """`live.AskLaw` over sharing's decisions and the incidents."""

    def __init__(self, *, decisions: Decisions, incidents: Incidents, clock: Clock) -> None:
        self._decisions, self._incidents, self._clock = decisions, incidents, clock

    async def decide(self, principal: Principal, wish: AskWish) -> AskPlace | ViewDeny:
        """Only the owner's yes is missing: without it the law says "ask", with it, yes."""
        incident = await self._incidents.incident(principal, wish.incident_id)
        question = Question(
            principal=principal,
            camera_id=wish.camera_id,
            act=wish.act,
            purpose=wish.purpose,
            incident=incident,
        )
        question, is_there = await self._about(wish, question)
        standing = await self._decisions.decide_for(question)
        if isinstance(standing.decision, Permit):
            raise ConflictError("This camera is available: nobody has to be asked.")
        if Remedy.ASK not in standing.decision.remedies or not is_there:
            return _denied(standing, standing.decision)
        approved = await self._decisions.decide_for(approved_question(question, until=LATER))
        if isinstance(approved.decision, Deny):
            return _denied(approved, approved.decision)
        stood_on = approved.snapshot
        assert stood_on is not None, "a permit stands on an acknowledged document"
        return AskPlace(
            organisation_id=stood_on.organisation_id,
            site_id=stood_on.site_id,
            agent_id=stood_on.agent_id,
            lineage=stood_on.lineage,
            local_camera=stood_on.local_camera,
            active_until=incident.active_until,
            who=told_subject(approved.subject).ref,
            footage=question.span,
        )

    async def _about(self, wish: AskWish, question: Question) -> tuple[Question, bool]:
        """The question with the caps or the range of what is asked for, and whether there is any of it to ask for."""
        match wish.act:
            case Act.LIVE_VIEW:
                return question, True
            case Act.STILL_TAKE:
                return dataclasses.replace(question, wish=dataclasses.replace(question.wish, seconds=1)), True
            case Act.RECORDED_VIEW if wish.wanted_at is not None:
                span = await range_to_ask_for(self._decisions, question, at=wish.wanted_at)
                about = span or Span(wish.wanted_at, wish.wanted_at + LEAST)
                return dataclasses.replace(question, span=about, wish=wish_of(about)), span is not None
        raise InvalidError("An owner is asked for a live view, a moment of a recording, or a still.")

    async def is_active(self, incident_id: str) -> bool:
        """Whether the incident is still a reason to look."""
        incident = await self._incidents.find(incident_id)
        return incident is not None and incident.is_active(self._clock.now())


def approved_question(question: Question, *, until: datetime) -> Question:
    """The same question with the owner's yes, which is to one short look."""
    wish = question.wish
    if question.span is None:
        wish = wish.cut_to(seconds=VIEW_APPROVED_S, height_lines=WISH.height_lines)
    return dataclasses.replace(question, wish=wish, approval=Approval(act=question.act, until=until))


class LinkedAskSites:
    """`live.AskSites` over the links."""

    def __init__(self, sites: Sites) -> None:
        self._hub = sites.hub

    def link_of(self, agent_id: str) -> str:
        """The link, if its agent announced that it knows what asking is."""
        online = self._hub.online(agent_id)
        return online.link.peer.link_id if online and online.vocabulary >= VIEW_VOCABULARY else ""

    def knows(self, agent_id: str, act: Act) -> bool:
        """What an older agent cannot read is not asked for; a live view may also be answered in the portal alone."""
        online = self._hub.online(agent_id)
        return act is Act.LIVE_VIEW or (online is not None and online.vocabulary >= ASKED_VOCABULARY)

    async def ask(self, agent_id: str, document: Mapping[str, Any]) -> None:
        """Ask; that the site will not is nothing to us, for its owner may still answer in the portal."""
        message = ViewAsk(id=self._hub.new_id(), request=dict(document))
        await self._hub.send(agent_id, message, deadline_s=ASK_S)

    def take_back(self, agent_id: str, document_sha256: str) -> bool:
        """Say it if the site is there."""
        if not self.link_of(agent_id):
            return False
        try:
            self._hub.tell(agent_id, ViewNo(id=self._hub.new_id(), request_sha256=document_sha256))
        except UnavailableError:
            return False
        return True


def listen(sites: Sites, asks: ViewAsks, *, gateway: str) -> None:
    """Take what owners answered on site, and note it so that the site stops repeating."""

    async def answered(peer: Peer, message: ViewAnswer) -> Noted:
        key = PublicKey.of(peer.agent.jwk)
        try:
            claims = statements.check(classes.SITE_APPROVAL, message.token, key, agent=peer.agent_id, gateway=gateway)
        except TokenError as error:
            raise InvalidError("The site did not sign this.") from error
        if claims["label"] != VIEW_LABEL:
            raise InvalidError("The site answered something else.")
        digest, is_yes = str(claims["digest"]), claims["answer"] == "yes"
        await asks.site_answered(peer.agent_id, digest, is_yes=is_yes, token=message.token)
        return Noted(id=sites.hub.new_id(), re=message.id)

    sites.hub.on(ViewAnswer, answered)


def _denied(decided: Decided, deny: Deny) -> ViewDeny:
    return ViewDeny(
        reason=deny.reason.value,
        layer=deny.layer.value,
        remedies=deny.remedies,
        site_id=decided.camera.site_id,
        organisation_id=decided.camera.organisation_id,
        agent_id=decided.snapshot.agent_id if decided.snapshot else "",
    )
