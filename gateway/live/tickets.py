"""The 30 s stream ticket: the one place for python-jose, fenced.

We issue it and only we read it, so the library's known holes (docs/design/adr on JOSE) cannot meet a foreign
token: one algorithm, one header form, keys as constructed objects, and every claim checked here and not by the
library. `TicketCheck` is the rule, applied twice: by the gateway before a call takes a place in the relay's queue, and
by the relay, whose `TicketReader` adds what only it knows: since when it remembers, and which were used.
"""

import base64
import math
import re
from collections import OrderedDict
from typing import Any, Final, Literal, Protocol, cast

import msgspec
from jose import jwk, jws

from partner_agent.wire.clock import Clock
from partner_agent.wire.ids import IdSource
from partner_agent.wire.limits import TICKET_LIFE_S

TYP: Final = "stream-ticket+jwt"
TOKEN_BYTES: Final = 2_048
MAX_USED: Final = 20_000  # tickets remembered at once; more within 30 s is an attack, and refused
KEPT_S: Final = 600  # that a used one is remembered after it expired, in case the clock is set back
_ALGORITHM: Final = "ES256"
_FORM: Final = re.compile(r"[A-Za-z0-9_-]{1,1400}\.[A-Za-z0-9_-]{1,1400}\.[A-Za-z0-9_-]{86}")
_HEADER_NAMES: Final = {"alg", "typ", "kid"}  # anything else (crit, jku, jwk, x5u, zip, b64 …) is refused
_FINGERPRINT: Final = re.compile(r"(?:[0-9A-F]{2}:){31}[0-9A-F]{2}")
_REFUSED: Final = "this ticket opens nothing"

Use = Literal["whip", "whep"]


class InvalidTicketError(Exception):
    """The ticket opens nothing; there is one message, and no hint why."""

    def __init__(self) -> None:
        super().__init__(_REFUSED)


class TicketKey(Protocol):
    """The ES256 key pair as JWK: `kernel.keyring.TicketSigner`."""

    kid: str

    @property
    def private_jwk(self) -> dict[str, str]:
        """The whole key."""


class Ticket(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """What a ticket says.

    Attributes:
        iss: the gateway.
        aud: the relay that may take it.
        sub: the publication (whip) or the session (whep).
        jti: used once.
        use: which door.
        camera: whose picture.
        fingerprint: the browser's DTLS certificate (whep); empty for whip, where the relay's is pinned instead.
        agent: the publishing agent (whip); empty for whep.
        sound: whether the call may take sound (whep).
    """

    iss: str
    aud: str
    sub: str
    jti: str
    iat: int
    nbf: int
    exp: int
    use: Use
    camera: str
    fingerprint: str
    agent: str
    sound: bool = False


class TicketIssuer:
    """Makes tickets for the relays of this gateway."""

    def __init__(self, *, key: TicketKey, issuer: str, clock: Clock, ids: IdSource) -> None:
        self._kid = key.kid
        self._key: Any = jwk.construct(dict(key.private_jwk), _ALGORITHM)
        self._issuer, self._clock, self._ids = issuer, clock, ids

    def for_publication(self, *, publication: str, camera: str, agent: str, relay: str) -> str:
        """A ticket with which `agent` may publish once."""
        return self._issue(aud=relay, sub=publication, use="whip", camera=camera, fingerprint="", agent=agent)

    def for_viewer(self, *, session: str, camera: str, fingerprint: str, relay: str, sound: bool = False) -> str:
        """A ticket with which the browser that holds `fingerprint`'s key may view once, and hear where it says so."""
        if not _FINGERPRINT.fullmatch(fingerprint):
            raise ValueError("a viewer's ticket names a SHA-256 fingerprint")
        return self._issue(
            aud=relay, sub=session, use="whep", camera=camera, fingerprint=fingerprint, agent="", sound=sound
        )

    def _issue(
        self, *, aud: str, sub: str, use: Use, camera: str, fingerprint: str, agent: str, sound: bool = False
    ) -> str:
        now = int(self._clock.now().timestamp())
        claims = Ticket(
            iss=self._issuer,
            aud=aud,
            sub=sub,
            jti=self._ids.secret(16).hex(),
            iat=now,
            nbf=now,
            exp=now + TICKET_LIFE_S,
            use=use,
            camera=camera,
            fingerprint=fingerprint,
            agent=agent,
            sound=sound,
        )
        headers = {"typ": TYP, "kid": self._kid}
        return cast("str", jws.sign(msgspec.json.encode(claims), self._key, headers=headers, algorithm=_ALGORITHM))


class TicketCheck:
    """What a ticket must be for one relay, whoever looks. Every failure is the same `InvalidTicketError`."""

    def __init__(self, *, public_jwk: dict[str, str], issuer: str, relay: str, clock: Clock) -> None:
        if public_jwk.get("kty") != "EC" or public_jwk.get("crv") != "P-256":
            raise ValueError("the ticket key is an EC key on P-256")
        form = {name: public_jwk[name] for name in ("kty", "crv", "x", "y")}
        self._key: Any = jwk.construct({**form, "alg": _ALGORITHM}, _ALGORITHM)
        self._issuer, self._relay, self._clock = issuer, relay, clock

    def check(self, token: str, *, use: Use, subject: str) -> Ticket:
        """Read a ticket; it is not used up.

        Args:
            token: as it came in the header.
            use: the door it is shown at.
            subject: the publication or session in the path.

        Raises:
            InvalidTicketError: it opens nothing here.
        """
        try:
            return self._check(token, use, subject)
        except Exception as error:  # the fence: whatever a library raises on hostile bytes is one refusal
            raise InvalidTicketError from error

    def _check(self, token: str, use: Use, subject: str) -> Ticket:
        # 1. Form, length and header, before any cryptography.
        _demand(len(token) <= TOKEN_BYTES and _FORM.fullmatch(token) is not None)
        header = msgspec.json.decode(_unbase64(token.split(".", 1)[0]), type=dict[str, str])
        _demand(set(header) <= _HEADER_NAMES and header.get("alg") == _ALGORITHM and header.get("typ") == TYP)
        # 2. Signature, by one algorithm and one constructed key.
        claims = msgspec.json.decode(jws.verify(token, self._key, algorithms=[_ALGORITHM]), type=Ticket)
        # 3. For us, from us, for this door and this thing.
        _demand(claims.iss == self._issuer and claims.aud == self._relay)
        _demand(claims.use == use and claims.sub == subject)
        _demand(bool(_FINGERPRINT.fullmatch(claims.fingerprint)) if use == "whep" else not claims.fingerprint)
        # 4. Now: not early, not late, not long-lived.
        now = self._clock.now().timestamp()
        _demand(claims.iat == claims.nbf and 0 < claims.exp - claims.iat <= TICKET_LIFE_S)
        _demand(claims.nbf <= now < claims.exp)
        return claims


class TicketReader:
    """Takes tickets for one relay. Every failure is the same `InvalidTicketError`.

    Attributes:
        since: wall seconds, whole; tickets issued before then open nothing.
    """

    def __init__(
        self, *, public_jwk: dict[str, str], issuer: str, relay: str, clock: Clock, begun_at: float = 0.0
    ) -> None:
        """Tickets from before `begun_at` (wall seconds; 0 = now) open nothing: a predecessor may have taken them."""
        self._rule, self._clock = TicketCheck(public_jwk=public_jwk, issuer=issuer, relay=relay, clock=clock), clock
        now = clock.now().timestamp()
        self.since = math.ceil(min(begun_at or now, now))
        self._used = UsedTickets()

    def take(self, token: str, *, use: Use, subject: str) -> Ticket:
        """Read a ticket and use it up; the arguments are those of `TicketCheck.check`.

        Raises:
            InvalidTicketError: it opens nothing here.
        """
        claims = self._rule.check(token, use=use, subject=subject)
        # 5. Not from before this relay began to remember.
        _demand(self.since <= claims.nbf)
        # 6. Once.
        _demand(self._used.add(claims.jti, expires=claims.exp, now=self._clock.now().timestamp()))
        return claims


class UsedTickets:
    """The ids of tickets already used, for `KEPT_S` after they expired, or until there is no room; full = no."""

    def __init__(self) -> None:
        self._expiry: OrderedDict[str, int] = OrderedDict()

    def add(self, jti: str, *, expires: int, now: float) -> bool:
        """Whether this is the first use."""
        if jti in self._expiry:
            return False
        while self._expiry and next(iter(self._expiry.values())) + KEPT_S <= now:  # of all, the oldest is the first
            self._expiry.popitem(last=False)
        if len(self._expiry) >= MAX_USED:
            for old in [known for known, until in self._expiry.items() if until <= now]:
                del self._expiry[old]
        if len(self._expiry) >= MAX_USED:
            return False
        self._expiry[jti] = expires
        return True


def _demand(holds: bool) -> None:
    if not holds:
        raise InvalidTicketError


def _unbase64(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
