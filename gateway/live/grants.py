"""The grant of one live view: its claims, its hash for the leaf, and its signature once the leaf is promised.

Also who may read it: the answer of the site is believed only when its device key signed it for this very grant.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

import msgspec

from gateway.audit import LeafRef
from gateway.kernel.errors import InvalidError
from gateway.kernel.principal import Principal
from gateway.live.model import OpenedBy, Session, SessionState, mark_of
from gateway.live.ports import ViewPermit, ViewQuestion
from gateway.live.relays import owner
from gateway.live.tickets import TicketIssuer
from partner_agent.wire import classes, grants, statements
from partner_agent.wire.clock import Clock, to_rfc3339
from partner_agent.wire.grants import Publish
from partner_agent.wire.ids import IdSource
from partner_agent.wire.limits import RECORDED_VIEW_S, STILL_S
from partner_agent.wire.tokens import Claims, ClassSigner, PublicKey, TokenClass, TokenError, hash_of
from policies.request import Span
from policies.vocabulary import Act

_TRIES: Final = 8  # to find a publication of a relay that is there, for each other relay
FINGERPRINT_PREFIX = "sha-256 "  # as SDP writes it (RFC 8122 §5), and as the key set and the wire do


@dataclass(frozen=True, slots=True)
class RelayPlace:
    """Where media goes.

    Attributes:
        name: the relay's.
        fingerprint: of its certificate; relays of one gateway share it.
        public_url: the origin under which the doors are reached.
        others: the names of further relays.
        is_up: whether the relay of that name is there now.
        carries_sound: whether what relays there forward can have sound.
    """

    name: str
    fingerprint: str
    public_url: str
    others: tuple[str, ...] = ()
    is_up: Callable[[str], bool] = lambda _: True
    carries_sound: bool = True

    def of(self, publication: str) -> str:
        """The name of a publication's relay."""
        return owner((self.name, *self.others), publication)

    def new(self, ids: IdSource) -> str:
        """A new publication, of a relay that is there if there is one."""
        publication = ids.new("pub")
        for _ in range(_TRIES * len(self.others)):
            if self.is_up(self.of(publication)):
                break
            publication = ids.new("pub")
        return publication


@dataclass(frozen=True, slots=True)
class StillPlace:
    """Where one still is handed over, and the secret that opens it."""

    url: str
    token: str


@dataclass(frozen=True, slots=True)
class DraftGrant:
    """A grant before its leaf: the session it opens, and its claims."""

    session: Session
    claims: Claims


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """Who asks for which picture, from which browser, and the owner's yes to it where that was asked for.

    Attributes:
        wanted_at: where a recording begins to play; None for a live view.
        shown_to: on whose phone it is shown; empty for the person's own screen.
    """

    principal: Principal
    purpose: str
    incident_id: str
    opened_by: OpenedBy
    fingerprint: str
    approval: Mapping[str, Any] | None = None
    wanted_at: datetime | None = None
    shown_to: str = ""

    @classmethod
    def of(cls, question: ViewQuestion, *, opened_by: OpenedBy, fingerprint: str) -> "Wish":
        """What was asked, as a grant needs it."""
        return cls(
            principal=question.principal,
            purpose=question.purpose,
            incident_id=question.incident_id,
            opened_by=opened_by,
            fingerprint=fingerprint,
            approval=question.approved.approval if question.approved else None,
            wanted_at=question.wanted_at,
            shown_to=question.shown_to,
        )


class GrantDesk:
    """Writes grants and reads the sites' answers."""

    def __init__(
        self,
        *,
        signer: ClassSigner,
        tickets: TicketIssuer,
        relay: RelayPlace,
        gateway: str,
        clock: Clock,
        ids: IdSource,
    ) -> None:
        self._signer, self._tickets, self._relay = signer, tickets, relay
        self._gateway, self._clock, self._ids = gateway, clock, ids

    @property
    def carries_sound(self) -> bool:
        """Whether a view can have sound here."""
        return self._relay.carries_sound

    def draft(
        self,
        wish: Wish,
        permit: ViewPermit,
        *,
        fresh: str,
        publication: str,
        still: Callable[[str], StillPlace] | None = None,
    ) -> DraftGrant:
        """A new session and the claims of its grant.

        Args:
            wish: who asks.
            permit: the centre's yes.
            fresh: the site's, to be echoed.
            publication: the running publication of this camera, or empty for a new one.
            still: of a session, where its still goes; None for a view.
        """
        now = self._clock.now()
        session_id, grant_id = self._ids.new("ses"), self._ids.new("grt")
        publication = publication or self._relay.new(self._ids)
        seconds = _seconds(permit, is_still=still is not None)
        own = _still(still(session_id), session_id) if still else self._published(permit, wish, publication)
        body = _common(permit, wish) | own | {"jti": grant_id, "session": session_id, "fresh": fresh}
        claims = grants.claims_for_hash(gateway=self._gateway, agent=permit.agent_id, now=now, body=body)
        session = Session(
            id=session_id,
            grant_id=grant_id,
            publication=publication,
            camera_id=permit.camera_id,
            local_camera=permit.local_camera,
            site_id=permit.site_id,
            organisation_id=permit.organisation_id,
            agent_id=permit.agent_id,
            person_id=wish.principal.person_id,
            agency_id=permit.subject.agency,
            unit=permit.subject.unit,
            role=permit.subject.role,
            purpose=wish.purpose,
            incident_id=wish.incident_id,
            opened_by=wish.opened_by,
            fingerprint=wish.fingerprint,
            policy_sha256=permit.policy_sha256,
            grant_sha256=grants.hash_without_leaf(claims),
            state=SessionState.REQUESTED,
            requested_at=now,
            horizon_at=horizon_of(permit, now, seconds),
            max_seconds=seconds,
            act=str(body["act"]),
            range_from=permit.footage.start if permit.footage else None,
            range_to=permit.footage.end if permit.footage else None,
            ground=permit.ground,
            second_id=permit.second_id,
            on_behalf_of=permit.subject.on_behalf_of,
            has_sound=permit.caps.audio,
            shown_to=wish.shown_to,
        )
        return DraftGrant(session, claims)

    def viewer_ticket(self, session: Session) -> str:
        """The browser's ticket."""
        return self._tickets.for_viewer(
            session=session.id,
            camera=session.camera_id,
            fingerprint=session.fingerprint,
            relay=self._relay.of(session.publication),
            sound=session.has_sound,
        )

    def sign(self, draft: DraftGrant, leaf: LeafRef, promise: str) -> str:
        """The grant with its leaf, which is committed, and the log's promise."""
        return grants.sign(
            self._signer, draft.claims, leaf=leaf.document, openings=leaf.openings_json(), promise=promise
        )

    def statement(self, kind: TokenClass, token: str, key: PublicKey, agent_id: str) -> Claims:
        """What a site signed.

        Raises:
            InvalidError: not this site, not for us, or not this class.
        """
        try:
            return statements.check(kind, token, key, agent=agent_id, gateway=self._gateway)
        except TokenError as error:
            raise InvalidError("The site's word is not signed by its device key.") from error

    def accepted_fingerprint(self, token: str, key: PublicKey, session: Session, *, grant: str) -> str:
        """The publisher's certificate out of an `accepted` for exactly this session and this grant token.

        Raises:
            InvalidError: it accepts something else.
        """
        fingerprint = self.check_accepted(token, key, session, grant=grant).get("fingerprint")
        if not isinstance(fingerprint, str):
            raise InvalidError("The site accepted something else.")
        return fingerprint.removeprefix(FINGERPRINT_PREFIX)

    def check_accepted(self, token: str, key: PublicKey, session: Session, *, grant: str) -> Claims:
        """What an `accepted` says that is for exactly this session and this grant token.

        Raises:
            InvalidError: it accepts something else.
        """
        claims = self.statement(classes.ACCEPTED, token, key, session.agent_id)
        said = (claims["jti"], claims["session"], claims["camera"], claims["grant_sha256"])
        if said != (session.grant_id, session.id, session.local_camera, hash_of(grant)):
            raise InvalidError("The site accepted something else.")
        return claims

    def refused_code(self, token: str, key: PublicKey, session: Session, *, grant: str) -> str:
        """Why the site refused exactly this grant token.

        Raises:
            InvalidError: it refuses something else.
        """
        claims = self.statement(classes.REFUSED, token, key, session.agent_id)
        if claims["grant_sha256"] != hash_of(grant):
            raise InvalidError("The site refused something else.")
        return str(claims["code"])

    def _published(self, permit: ViewPermit, wish: Wish, publication: str) -> dict[str, object]:
        ticket = self._tickets.for_publication(
            publication=publication,
            camera=permit.camera_id,
            agent=permit.agent_id,
            relay=self._relay.of(publication),
        )
        publish = Publish(
            whip_url=f"{self._relay.public_url}/whip/{publication}",
            ticket=ticket,
            relay_fingerprint=FINGERPRINT_PREFIX + self._relay.fingerprint,
        )
        act = Act.LIVE_VIEW if permit.footage is None else Act.RECORDED_VIEW
        body: dict[str, object] = {"act": act.value, "publish": msgspec.to_builtins(publish)}
        if permit.footage is not None:
            body["recorded"] = _recorded(permit.footage, wish.wanted_at)
        return body


def _common(permit: ViewPermit, wish: Wish) -> dict[str, object]:
    """What every grant says, with the owner's yes where it stands on one."""
    approval = {} if wish.approval is None else {"approval": wish.approval}
    incident = {} if permit.incident is None else {"incident": msgspec.to_builtins(permit.incident)}
    return {
        "lineage": permit.lineage,
        "policy_sha256": permit.policy_sha256,
        "camera": permit.local_camera,
        "subject": msgspec.to_builtins(permit.subject),
        "purpose": wish.purpose,
        "facts": msgspec.to_builtins(permit.facts),
        "caps": msgspec.to_builtins(permit.caps),
        "obligations": permit.obligations,
        **incident,
        **approval,
    }


def _still(place: StillPlace, session_id: str) -> dict[str, object]:
    """What only the grant of a still says; its label is the code that oversight finds the session by."""
    mark = mark_of(session_id)
    label = f"{mark[:4]}-{mark[4:]}"
    still = grants.Still(upload_url=place.url, upload_token=place.token, label=label)
    return {"act": Act.STILL_TAKE.value, "still": msgspec.to_builtins(still)}


def _recorded(footage: Span, at: datetime | None) -> dict[str, str]:
    """The range, and where in it playing begins."""
    begin = {} if at is None else {"at": to_rfc3339(min(max(at, footage.start), footage.end))}
    return {"from": to_rfc3339(footage.start), "to": to_rfc3339(footage.end), **begin}


def _seconds(permit: ViewPermit, *, is_still: bool) -> int:
    """How long its session may last; of a recording and of a still, caps bound something else."""
    return STILL_S if is_still else permit.caps.seconds if permit.footage is None else RECORDED_VIEW_S


def horizon_of(permit: ViewPermit, now: datetime, seconds: int) -> datetime:
    """When a view ends unless it is decided again: its seconds are used, or the answer may have changed."""
    over = now + timedelta(seconds=seconds)
    return min(over, permit.horizon) if permit.horizon else over
