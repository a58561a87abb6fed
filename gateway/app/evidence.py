"""Wires recordings to the links with sites: what is kept, what an owner answered there, what a site signed and sent."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final, Protocol

from gateway.app.ground import Ground
from gateway.audit import Kind
from gateway.evidence import (
    ClipLaw,
    ClipRequest,
    Consequences,
    Evidence,
    Kept,
    SiteRefusedError,
    SiteUnreachableError,
    build_evidence,
)
from gateway.kernel.errors import DeadlineError, InvalidError, UnavailableError
from gateway.sites import Peer, Sites
from partner_agent.wire import classes, messages, statements
from partner_agent.wire.clock import from_rfc3339
from partner_agent.wire.messages import (
    Accepted,
    ClipAnswer,
    ClipAsk,
    ClipCapture,
    Interrupted,
    Noted,
    Preserve,
    PreserveRelease,
    Refused,
    Stopped,
)
from partner_agent.wire.tokens import Claims, PublicKey, TokenClass, TokenError

ASK_S: Final = 5.0  # a site answers from memory and disk
GRANT_S: Final = 10.0  # it checks and decides before it answers
RESEND_S: Final = 40.0  # from hearing the `fresh` it echoes: the site takes it for 60 s from sending that (wire.limits)
_LATE: Final = frozenset({"finished", "replayed"})  # ended well, or running already under this very grant
_CLASS_OF: Final[dict[type[messages.Message], TokenClass]] = {
    Stopped: classes.STOPPED,
    Interrupted: classes.INTERRUPTED,
    Refused: classes.REFUSED,
}


class ClipGrants(Protocol):
    """Makes the grant of an approved clip, with its leaf and promise (`sharing`)."""

    async def make(self, request: ClipRequest, *, fresh: str, upload_url: str, upload_token: str) -> str:
        """A `grant+jwt`.

        Raises:
            SiteRefusedError: the law at the centre no longer permits it.
        """


@dataclass(frozen=True, slots=True)
class _Sent:
    """A grant on its way: over which link, and until when (monotonic) the site may take it."""

    token: str
    link_id: str
    until: float


class LinkedSites:
    """`gateway.evidence.ClipSites` over the links."""

    def __init__(self, *, sites: Sites, gateway: str, grants: ClipGrants, answer_s: float = GRANT_S) -> None:
        """`answer_s`: how long a site may think about a grant before the caller goes on to something else."""
        self._hub = sites.hub
        self._gateway = gateway
        self._grants = grants
        self._answer_s = answer_s
        self._sent: dict[str, _Sent] = {}

    async def keep(self, request: ClipRequest, *, ask_owner: bool) -> Kept:
        """Ask, and check the site's signature on its answer."""
        kind: Callable[..., messages.Message] = ClipAsk if ask_owner else Preserve
        answer = await self._send(request, kind(id=self._hub.new_id(), request=request.document), ASK_S)
        if not isinstance(answer, messages.Preserved):
            raise SiteUnreachableError
        claims = self.check(request.agent_id, classes.PRESERVED, answer.token)
        code = str(claims["code"])
        if claims["request_sha256"] != request.document_sha256:
            raise SiteUnreachableError
        return Kept(from_rfc3339(str(claims["until"])), "") if code == "held" else Kept(None, code)

    async def let_go(self, request: ClipRequest) -> None:
        """Say it if the site is there; what it keeps ends by itself otherwise."""
        message = PreserveRelease(id=self._hub.new_id(), request_sha256=request.document_sha256)
        try:
            self._hub.tell(request.agent_id, message)
        except UnavailableError:
            return

    async def release(self, request: ClipRequest, *, upload_url: str, upload_token: str) -> None:
        """Send the grant and wait for the site's decision; one that the site may still take is sent again as it is."""
        online, fresh = self._hub.online(request.agent_id), self._hub.fresh_of(request.agent_id)
        if online is None or not fresh or self._hub.problem_of(request.agent_id):  # each grant has its leaf
            raise SiteUnreachableError
        link_id, until = online.link.peer.link_id, online.fresh_at + RESEND_S
        token = self._on_its_way(request.session_id, link_id)
        if not token:
            token = await self._grants.make(request, fresh=fresh, upload_url=upload_url, upload_token=upload_token)
            self._sent[request.session_id] = _Sent(token, link_id, until)
        answer = await self._send(request, messages.Grant(id=self._hub.new_id(), token=token), self._answer_s)
        match answer:
            case messages.Accepted(token=said):
                self.check(request.agent_id, classes.ACCEPTED, said)
            case messages.Refused(token=said):
                raise SiteRefusedError(str(self.check(request.agent_id, classes.REFUSED, said)["code"]))
            case _:
                raise SiteUnreachableError

    def _on_its_way(self, session_id: str, link_id: str) -> str:
        """The grant sent before under this session, if the site may still take it; forgets those that are over."""
        now = self._hub.clock.monotonic()
        self._sent = {name: sent for name, sent in self._sent.items() if sent.until > now}
        sent = self._sent.get(session_id)
        return sent.token if sent is not None and sent.link_id == link_id else ""

    def check(self, agent_id: str, kind: TokenClass, token: str) -> Claims:
        """What the site's device signed.

        Raises:
            SiteUnreachableError: it did not sign this, or is gone.
        """
        online = self._hub.online(agent_id)
        if online is None:
            raise SiteUnreachableError
        try:
            return statements.check(kind, token, device_of(online.link.peer), agent=agent_id, gateway=self._gateway)
        except TokenError as error:
            raise SiteUnreachableError from error

    async def _send(self, request: ClipRequest, message: messages.Message, deadline_s: float) -> messages.Message:
        try:
            return await self._hub.send(request.agent_id, message, deadline_s=deadline_s)
        except (UnavailableError, DeadlineError) as error:
            raise SiteUnreachableError from error


def device_of(peer: Peer) -> PublicKey:
    """The key the site was paired with."""
    return PublicKey.of(peer.agent.jwk)


def wire_evidence(
    ground: Ground, *, sites: Sites, law: ClipLaw, grants: ClipGrants, consequences: Consequences
) -> Evidence:
    """Evidence on the links of `sites`, decided by `law`, released by `grants`."""
    gateway = ground.settings.origin.text
    linked = LinkedSites(sites=sites, gateway=gateway, grants=grants)
    evidence = build_evidence(
        gateway=gateway,
        public_url=gateway,
        folder=ground.settings.state_dir / "objects",
        secret=ground.secret,
        database=ground.database,
        audit=ground.log.audit,
        log_reader=ground.log.reader,
        law=law,
        consequences=consequences,
        sites=linked,
        clock=ground.clock,
        ids=ground.ids,
    )
    _listen(sites, evidence, gateway)
    return evidence


def _listen(sites: Sites, evidence: Evidence, gateway: str) -> None:
    """What sites say of recordings by themselves."""

    async def captured(peer: Peer, message: ClipCapture) -> None:
        await evidence.uploads.captured(peer.agent_id, device_of(peer), message.token)

    async def answered(peer: Peer, message: ClipAnswer) -> Noted:
        claims = _claims(peer, classes.SITE_APPROVAL, message.token, gateway)
        is_yes = str(claims["answer"]).startswith("yes")
        await evidence.site_answered(peer.agent_id, str(claims["digest"]), is_yes=is_yes, token=message.token)
        return Noted(id=sites.hub.new_id(), re=message.id)

    async def accepted(peer: Peer, message: Accepted) -> None:
        session = str(_claims(peer, classes.ACCEPTED, message.token, gateway)["session"])
        if await evidence.knows_session(session, agent_id=peer.agent_id):
            await evidence.accepted(session)

    async def over(peer: Peer, message: Stopped | Interrupted | Refused) -> Noted | None:
        claims = _claims(peer, _CLASS_OF[type(message)], message.token, gateway)
        session = str(claims.get("session", ""))
        if not await evidence.knows_session(session, agent_id=peer.agent_id):
            return None  # about a view
        code = str(claims.get("reason") or claims.get("code") or "")
        if code and code not in _LATE:  # after a crash the site goes on with its upload
            kind = Kind.CLIP_REFUSED if isinstance(message, Refused) else Kind.CLIP_FAILED
            await evidence.failed(session, code, kind=kind)
        return Noted(id=sites.hub.new_id(), re=message.id)

    sites.hub.on(ClipCapture, captured)
    sites.hub.on(ClipAnswer, answered)
    sites.hub.on(Accepted, accepted)
    sites.hub.on(Stopped, over)
    sites.hub.on(Interrupted, over)
    sites.hub.on(Refused, over)


def _claims(peer: Peer, kind: TokenClass, token: str, gateway: str) -> dict[str, Any]:
    try:
        return statements.check(kind, token, device_of(peer), agent=peer.agent_id, gateway=gateway)
    except TokenError as error:
        raise InvalidError("The site did not sign this.") from error
