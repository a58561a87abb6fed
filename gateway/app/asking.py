"""Wires asking owners to watch live: the law that offers it, the links over which sites are asked, their answers."""

import dataclasses
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, Final

from gateway.incidents import Incidents
from gateway.kernel.errors import ConflictError, InvalidError, UnavailableError
from gateway.kernel.principal import Principal
from gateway.live import AskPlace, AskWish, ViewAsks, ViewDeny
from gateway.sharing import WISH, Decided, Decisions, Question
from gateway.sites import Peer, Sites
from partner_agent.wire import classes, statements
from partner_agent.wire.clock import Clock
from partner_agent.wire.documents import VIEW_LABEL
from partner_agent.wire.limits import VIEW_APPROVED_S, VIEW_VOCABULARY
from partner_agent.wire.messages import Noted, ViewAnswer, ViewAsk, ViewNo
from partner_agent.wire.tokens import PublicKey, TokenError
from policies.request import Approval, Caps, Deny, Permit
from policies.vocabulary import Act, Remedy

ASK_S: Final = 5.0  # a site answers from memory and disk
_LATER: Final = datetime.max.replace(tzinfo=UTC)  # of a yes that is only supposed
ONCE: Final = Caps(seconds=VIEW_APPROVED_S, height_lines=WISH.height_lines)  # of a view the owner said yes to


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
            act=Act.LIVE_VIEW,
            purpose=wish.purpose,
            incident=incident,
        )
        standing = await self._decisions.decide_for(question)
        if isinstance(standing.decision, Permit):
            raise ConflictError("This camera is available: nobody has to be asked.")
        if Remedy.ASK not in standing.decision.remedies:
            return _denied(standing, standing.decision)
        approved = await self._decisions.decide_for(approved_question(question, until=_LATER))
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
        )

    async def is_active(self, incident_id: str) -> bool:
        """Whether the incident is still a reason to look."""
        incident = await self._incidents.find(incident_id)
        return incident is not None and incident.is_active(self._clock.now())


def approved_question(question: Question, *, until: datetime) -> Question:
    """The same question with the owner's yes, which is to one short view."""
    yes = Approval(act=Act.LIVE_VIEW, until=until)
    return dataclasses.replace(question, wish=ONCE, approval=yes)


class LinkedAskSites:
    """`live.AskSites` over the links."""

    def __init__(self, sites: Sites) -> None:
        self._hub = sites.hub

    def link_of(self, agent_id: str) -> str:
        """The link, if its agent announced that it knows what asking is."""
        online = self._hub.online(agent_id)
        return online.link.peer.link_id if online and online.vocabulary >= VIEW_VOCABULARY else ""

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
    )
