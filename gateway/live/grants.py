"""The grant of one live view: its claims, its hash for the leaf, and its signature once the leaf is promised.

Also who may read it: the answer of the site is believed only when its device key signed it for this very grant.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import msgspec

from gateway.audit import LeafRef
from gateway.kernel.errors import InvalidError
from gateway.kernel.principal import Principal
from gateway.live.model import OpenedBy, Session, SessionState
from gateway.live.ports import ViewPermit
from gateway.live.tickets import TicketIssuer
from partner_agent.wire import classes, grants, statements
from partner_agent.wire.clock import Clock
from partner_agent.wire.grants import Publish
from partner_agent.wire.ids import IdSource
from partner_agent.wire.tokens import Claims, ClassSigner, PublicKey, TokenClass, TokenError, hash_of
from policies.vocabulary import Act

FINGERPRINT_PREFIX = "sha-256 "  # as SDP writes it (RFC 8122 §5), and as the key set and the wire do


@dataclass(frozen=True, slots=True)
class RelayPlace:
    """Where media goes: the relay's name, its fingerprint, and the origin under which its doors are reached."""

    name: str
    fingerprint: str
    public_url: str


@dataclass(frozen=True, slots=True)
class DraftGrant:
    """A grant before its leaf: the session it opens, and its claims."""

    session: Session
    claims: Claims


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """Who asks for which picture, from which browser, and the owner's yes to it where that was asked for."""

    principal: Principal
    purpose: str
    incident_id: str
    opened_by: OpenedBy
    fingerprint: str
    approval: Mapping[str, Any] | None = None


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

    def draft(self, wish: Wish, permit: ViewPermit, *, fresh: str, publication: str) -> DraftGrant:
        """A new session and the claims of its grant.

        Args:
            wish: who asks.
            permit: the centre's yes.
            fresh: the site's, to be echoed.
            publication: the running publication of this camera, or empty for a new one.
        """
        now = self._clock.now()
        session_id, grant_id = self._ids.new("ses"), self._ids.new("grt")
        publication = publication or self._ids.new("pub")
        body = self._body(permit, wish, publication) | {"jti": grant_id, "session": session_id, "fresh": fresh}
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
            horizon_at=horizon_of(permit, now, permit.caps.seconds),
            max_seconds=permit.caps.seconds,
            ground=permit.ground,
            second_id=permit.second_id,
            on_behalf_of=permit.subject.on_behalf_of,
        )
        return DraftGrant(session, claims)

    def viewer_ticket(self, session: Session) -> str:
        """The browser's ticket."""
        return self._tickets.for_viewer(
            session=session.id,
            camera=session.camera_id,
            fingerprint=session.fingerprint,
            relay=self._relay.name,
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
        claims = self.statement(classes.ACCEPTED, token, key, session.agent_id)
        said = (claims["jti"], claims["session"], claims["camera"], claims["grant_sha256"])
        meant = (session.grant_id, session.id, session.local_camera, hash_of(grant))
        fingerprint = claims.get("fingerprint")
        if said != meant or not isinstance(fingerprint, str):
            raise InvalidError("The site accepted something else.")
        return fingerprint.removeprefix(FINGERPRINT_PREFIX)

    def refused_code(self, token: str, key: PublicKey, session: Session, *, grant: str) -> str:
        """Why the site refused exactly this grant token.

        Raises:
            InvalidError: it refuses something else.
        """
        claims = self.statement(classes.REFUSED, token, key, session.agent_id)
        if claims["grant_sha256"] != hash_of(grant):
            raise InvalidError("The site refused something else.")
        return str(claims["code"])

    def _body(self, permit: ViewPermit, wish: Wish, publication: str) -> dict[str, object]:
        ticket = self._tickets.for_publication(
            publication=publication, camera=permit.camera_id, agent=permit.agent_id, relay=self._relay.name
        )
        publish = Publish(
            whip_url=f"{self._relay.public_url}/whip/{publication}",
            ticket=ticket,
            relay_fingerprint=FINGERPRINT_PREFIX + self._relay.fingerprint,
        )
        body: dict[str, object] = {
            "lineage": permit.lineage,
            "policy_sha256": permit.policy_sha256,
            "camera": permit.local_camera,
            "act": Act.LIVE_VIEW.value,
            "subject": msgspec.to_builtins(permit.subject),
            "purpose": wish.purpose,
            "facts": msgspec.to_builtins(permit.facts),
            "caps": msgspec.to_builtins(permit.caps),
            "obligations": permit.obligations,
            "publish": msgspec.to_builtins(publish),
        }
        if permit.incident is not None:
            body["incident"] = msgspec.to_builtins(permit.incident)
        if wish.approval is not None:
            body["approval"] = wish.approval
        return body


def horizon_of(permit: ViewPermit, now: datetime, seconds: int) -> datetime:
    """When a view ends unless it is decided again: its seconds are used, or the answer may have changed."""
    over = now + timedelta(seconds=seconds)
    return min(over, permit.horizon) if permit.horizon else over
