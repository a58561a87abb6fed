"""The grant: the gateway's signed wish that one session, clip or still leaves the site, with its log entry attached.

This module gives it a form and checks what the form alone can tell; the numbered checks against the site's own state
(freshness, replay, policy, decide, promise, limits) are `partner_agent.grants`.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

import msgspec

from partner_agent.wire import canonical
from partner_agent.wire.classes import GRANT
from partner_agent.wire.clock import from_rfc3339
from partner_agent.wire.leaves import leaf_hash, said
from partner_agent.wire.limits import RECORDED_RANGE_S, STILL_LABEL
from partner_agent.wire.tokens import Claims, ClassSigner, PublicKey, TokenError, numeric_date, read
from partner_agent.wire.touches import Assertion, Path

AFTER_HASH: Final = frozenset({"leaf", "openings", "promise"})  # what the hash in the leaf cannot cover
LEAF_FIELDS: Final = ("camera", "act", "purpose", "policy_sha256")
GRANT_LIFE_S: Final = 60


class Subject(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """Who looks: a pseudonymous person of an agency, in a unit and role, perhaps on behalf of another agency."""

    ref: str
    agency: str
    unit: str
    role: str
    assurance: int = 0  # how surely they signed in; the city's word
    on_behalf_of: str = ""


class Incident(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """Why: the incident the view is bound to. That it exists is the city's word; words as in `policies.vocabulary`."""

    ref: str
    kind: str
    origin: str
    cell: tuple[int, int]  # `policies.geo.Cell`
    opened_at: str
    has_moved: bool = False
    is_active: bool = True
    attestation: str | None = None
    moves: int = 0  # to how many other places it has gone since it was opened; at most `limits.INCIDENT_MOVES`


class Facts(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """What else the city says is so."""

    is_second_person_present: bool = False
    technology: str = "video"


class Caps(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """How much is asked for: `policies.request.Caps`."""

    seconds: int
    height_lines: int
    audio: bool = False
    ptz: bool = False


class Publish(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Where live media goes: the WHIP address, its ticket (opaque here) and the relay's DTLS fingerprint."""

    whip_url: str
    ticket: str
    relay_fingerprint: str  # SHA-256, upper-case hex with colons (RFC 8122 §5); one of the key set's


class Recorded(
    msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True, rename={"start": "from", "end": "to"}
):
    """The recording that one view may show, from `start` up to `end`, and where it begins; times are RFC 3339."""

    start: str
    end: str
    at: str | None = None

    @property
    def first(self) -> datetime:
        """The first moment that may be shown."""
        return from_rfc3339(self.start)

    @property
    def last(self) -> datetime:
        """The moment after the last one that may be shown."""
        return from_rfc3339(self.end)

    @property
    def begin(self) -> datetime:
        """Where playing begins, within the range."""
        return min(max(from_rfc3339(self.at), self.first), self.last) if self.at else self.first


class Clip(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Where a clip goes (tus 1.0), and the request (`clips.ClipRequest`) it answers."""

    upload_url: str
    upload_token: str
    request: dict[str, Any]


class Still(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Where one picture goes (one PUT), and the words that lead from it to its entry in the log, burned into it."""

    upload_url: str
    upload_token: str
    label: str


class Approval(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """An owner's word on one document: a passkey assertion, or the site's own signature; `path` for one of many."""

    label: str
    document: dict[str, Any]
    assertion: Assertion | None = None
    site_token: str | None = None
    path: Path | None = None


class Grant(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """The claims of a grant beside v, iss, aud, iat, exp."""

    jti: str
    fresh: str
    lineage: str
    policy_sha256: str
    session: str
    camera: str
    act: str
    subject: Subject
    purpose: str
    facts: Facts
    caps: Caps
    obligations: dict[str, bool | int | str | list[str]]  # `policies.vocabulary.Obligation` -> value
    leaf: dict[str, Any]
    openings: dict[str, Any]
    promise: str
    incident: Incident | None = None
    approval: Approval | None = None
    origin_gateway: str | None = None
    publish: Publish | None = None
    clip: Clip | None = None
    still: Still | None = None
    recorded: Recorded | None = None  # with `publish`: of a recording, not of now


@dataclass(frozen=True, slots=True)
class ReadGrant:
    """A grant whose signature and shape are good; nothing about the site's state is implied."""

    grant: Grant
    claims: Claims
    token: str

    @property
    def sha256(self) -> str:
        """The hash its leaf must name."""
        return hash_without_leaf(self.claims)


def claims_for_hash(
    *, gateway: str, agent: str, now: datetime, body: Mapping[str, object], life_s: int = GRANT_LIFE_S
) -> Claims:
    """All claims of a grant but leaf, openings and promise: hash these, write the leaf, then `sign`."""
    issued = numeric_date(now)
    return {"v": 1, "iss": gateway, "aud": agent, "iat": issued, "exp": issued + life_s, **body}


def hash_without_leaf(claims: Mapping[str, object]) -> str:
    """Hex SHA-256 of the canonical claims without {leaf, openings, promise}."""
    return canonical.sha256_hex({key: value for key, value in claims.items() if key not in AFTER_HASH})


def sign(
    signer: ClassSigner,
    claims: Mapping[str, object],
    *,
    leaf: Mapping[str, object],
    openings: Mapping[str, object],
    promise: str,
) -> str:
    """The grant token of `claims` (from `claims_for_hash`) with the leaf that names their hash and its promise."""
    return signer.sign({**claims, "leaf": leaf, "openings": openings, "promise": promise})


def parse(token: str, keys: tuple[PublicKey, ...], *, gateway: str, agent: str, now: datetime | None) -> ReadGrant:
    """Verify signature, class, audience, times and shape.

    Raises:
        TokenError: any of them fails.
    """
    claims = read(GRANT, token, keys, aud=agent, iss=gateway, now=now)
    body = {key: value for key, value in claims.items() if key not in {"v", "iss", "aud", "iat", "exp"}}
    try:
        grant = msgspec.convert(body, Grant, strict=True)
    except msgspec.ValidationError as error:
        raise TokenError(f"malformed grant: {error}") from error
    if sum(kind is not None for kind in (grant.publish, grant.clip, grant.still)) != 1:
        raise TokenError("a grant is for a publication, for a clip or for a still")
    if grant.still is not None and not 0 < len(grant.still.label) <= STILL_LABEL:
        raise TokenError("a still bears words that lead to its entry in the log")
    if grant.recorded is not None:
        _check_recorded(grant, grant.recorded)
    return ReadGrant(grant=grant, claims=claims, token=token)


def _check_recorded(grant: Grant, recorded: Recorded) -> None:
    """The form of a view of a recording.

    Raises:
        TokenError: no publication, times that are none, or a range that is empty or longer than one may be.
    """
    try:
        length_s = (recorded.last - recorded.first).total_seconds()
        is_time = recorded.first <= recorded.begin
    except ValueError as error:
        raise TokenError("a recording has a beginning and an end") from error
    if grant.publish is None or not is_time or not 0 < length_s <= RECORDED_RANGE_S:
        raise TokenError("a view of a recording is a publication, of a range that is not longer than one may be")


def check_leaf(read_grant: ReadGrant) -> str:
    """The leaf hash, once the leaf names this grant, its camera, act, purpose and policy.

    Raises:
        TokenError: the leaf is of something else, or a field is not opened.
    """
    grant = read_grant.grant
    expected = {"grant_sha256": read_grant.sha256} | {name: read_grant.claims[name] for name in LEAF_FIELDS}
    for name, value in expected.items():
        try:
            named = said(grant.leaf, grant.openings, name)
        except ValueError as error:
            raise TokenError(str(error)) from error
        if named != value:
            raise TokenError(f"the leaf names another {name}")
    return leaf_hash(grant.leaf)
