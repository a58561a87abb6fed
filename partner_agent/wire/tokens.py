"""Every signed token of the link is made and read here: one class per purpose, with its own typ, audience and key.

Compact JWS (RFC 7515) by joserfc with a closed header `{alg, kid, typ}` and a payload in canonical form. A token is
read only as the class the caller names, with the keys the caller holds for that class; nothing in it chooses either.
What a claim *means* is left to the module of its class (grants, leases, promises, keyset, handshake, statements).
"""

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final, Literal, Protocol

from joserfc import jws
from joserfc.errors import JoseError
from joserfc.jwk import ECKey, OKPKey

from partner_agent.wire import canonical
from partner_agent.wire.limits import CLOCK_SKEW_S, FRAME_BYTES

Algorithm = Literal["Ed25519", "ES256"]
Claims = dict[str, Any]

_ALWAYS: Final = frozenset({"v", "iss", "aud", "iat"})
_LEEWAY: Final = timedelta(seconds=CLOCK_SKEW_S)
VERSION: Final = 1


class TokenError(ValueError):
    """The token is not what its reader demands; the text says which check failed and names no secret."""


@dataclass(frozen=True, slots=True)
class TokenClass:
    """One kind of token: its `typ`, its algorithm, and the closed set of claims beside v, iss, aud, iat."""

    typ: str
    algorithm: Algorithm
    required: frozenset[str]
    optional: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class PublicKey:
    """A public JWK; its `kid` is always its RFC 7638 thumbprint, so an id can never name another key."""

    jwk: Mapping[str, str]
    kid: str

    @classmethod
    def of(cls, jwk: object) -> "PublicKey":
        """Read a public JWK of one of our two curves.

        Raises:
            TokenError: another key type, a private part, or members that do not belong.
        """
        match jwk:
            case {"kty": "OKP", "crv": "Ed25519", "x": str(x), **rest} if not rest:
                members = {"kty": "OKP", "crv": "Ed25519", "x": x}
            case {"kty": "EC", "crv": "P-256", "x": str(x), "y": str(y), **rest} if not rest:
                members = {"kty": "EC", "crv": "P-256", "x": x, "y": y}
            case _:
                raise TokenError("not a public Ed25519 or P-256 key")
        try:
            return cls(jwk=members, kid=_import(members).thumbprint())
        except (JoseError, ValueError) as error:
            raise TokenError("not a valid public key") from error

    @property
    def algorithm(self) -> Algorithm:
        """The only algorithm this key is used with."""
        return "Ed25519" if self.jwk["kty"] == "OKP" else "ES256"


class ClassSigner(Protocol):
    """Signs one class of token and no other, as each key of the gateway does."""

    def sign(self, claims: Mapping[str, object], /) -> str:
        """A compact token; `v` is added.

        Raises:
            ValueError: claims missing, unknown, or not canonical.
        """


class Signer(Protocol):
    """Signs any class of the device's with its one private key (a file, a TPM)."""

    @property
    def public(self) -> PublicKey:
        """The public half."""

    def sign(self, kind: TokenClass, claims: Mapping[str, object]) -> str:
        """A compact token of `kind`; `v` is added.

        Raises:
            ValueError: claims missing, unknown, not canonical, or a key of another algorithm.
        """


class LocalSigner:
    """A private key in this process's memory."""

    def __init__(self, jwk: Mapping[str, str]) -> None:
        self._key = _import(jwk)
        self.public = PublicKey.of({k: v for k, v in self._key.as_dict(private=False).items() if k in _PUBLIC_MEMBERS})

    @classmethod
    def generate(cls, algorithm: Algorithm) -> "LocalSigner":
        """A new key pair from the operating system's randomness."""
        key = OKPKey.generate_key("Ed25519") if algorithm == "Ed25519" else ECKey.generate_key("P-256")
        return cls({k: str(v) for k, v in key.as_dict(private=True).items()})

    def private_jwk(self) -> dict[str, str]:
        """The private JWK, to be stored 0600; never logged, never sent."""
        return {k: str(v) for k, v in self._key.as_dict(private=True).items() if k in {*_PUBLIC_MEMBERS, "d"}}

    def sign(self, kind: TokenClass, claims: Mapping[str, object]) -> str:
        """A compact token of `kind`; see `Signer.sign`."""
        return seal(kind, claims, self._key)

    def only(self, kind: TokenClass) -> "BoundSigner":
        """This key, for `kind` alone."""
        return BoundSigner(self, kind)


@dataclass(frozen=True, slots=True)
class BoundSigner:
    """A signer that can say one thing."""

    signer: Signer
    kind: TokenClass

    def sign(self, claims: Mapping[str, object], /) -> str:
        """A compact token of the one class."""
        return self.signer.sign(self.kind, claims)


def seal(kind: TokenClass, claims: Mapping[str, object], key: OKPKey | ECKey) -> str:
    """The compact token of `kind` over `claims`, with the closed header and the canonical payload.

    Raises:
        ValueError: claims missing, unknown, not canonical, or a key of another algorithm.
    """
    if isinstance(key, OKPKey) != (kind.algorithm == "Ed25519"):
        raise ValueError(f"{kind.typ} is signed with {kind.algorithm}")
    body: Claims = {"v": VERSION, **claims}
    _check_claims(kind, body)
    header = {"alg": kind.algorithm, "kid": key.thumbprint(), "typ": kind.typ}
    registry = jws.JWSRegistry(algorithms=[kind.algorithm])
    return jws.serialize_compact(header, canonical.encode(body), key, registry=registry)


_PUBLIC_MEMBERS: Final = frozenset({"kty", "crv", "x", "y"})


def read(
    kind: TokenClass, token: str, keys: Iterable[PublicKey], *, aud: str, now: datetime | None, iss: str | None = None
) -> Claims:
    """Verify `token` as a `kind` and return its claims.

    `now` is the reader's wall time; None where the class is not bound to wall time (its own module says what binds it).

    1. Size and shape. 2. Header closed, typ and alg of this class. 3. Key known for this class. 4. Signature.
    5. Payload canonical, claims closed. 6. Version, audience, issuer. 7. Not from the future, not expired.

    Raises:
        TokenError: the first check that failed.
    """
    if len(token) > FRAME_BYTES or not token.isascii():  # 1
        raise TokenError("too large")
    header = _header(token)
    if set(header) != {"alg", "kid", "typ"} or header["typ"] != kind.typ or header["alg"] != kind.algorithm:  # 2
        raise TokenError(f"not a {kind.typ}")
    key = next((key for key in keys if key.kid == header["kid"] and key.algorithm == kind.algorithm), None)  # 3
    if key is None:
        raise TokenError("signed by a key that is not in the key set for this")
    claims = _payload(kind, _verified(kind, token, key))  # 4, 5
    if claims["v"] != VERSION or claims["aud"] != aud or (iss is not None and claims["iss"] != iss):  # 6
        raise TokenError("for another reader, by another issuer, or of another version")
    if now is not None:  # 7
        _check_times(claims, now)
    return claims


def hash_of(token: str) -> str:
    """Lower-case hex SHA-256 of a compact token, by which other tokens refer to it."""
    return hashlib.sha256(token.encode()).hexdigest()


def numeric_date(moment: datetime) -> int:
    """RFC 7519 NumericDate of `moment`: whole seconds, rounded down."""
    return int(moment.timestamp())


def _import(jwk: Mapping[str, str]) -> OKPKey | ECKey:
    members = dict(jwk)
    return OKPKey.import_key(members) if members.get("kty") == "OKP" else ECKey.import_key(members)  # type: ignore[arg-type]


def _header(token: str) -> dict[str, object]:
    try:
        return dict(jws.extract_compact(token.encode()).headers())
    except (JoseError, ValueError) as error:
        raise TokenError("not a compact JWS") from error


def _verified(kind: TokenClass, token: str, key: PublicKey) -> bytes:
    try:
        found = jws.deserialize_compact(token, _import(key.jwk), registry=jws.JWSRegistry(algorithms=[kind.algorithm]))
    except (JoseError, ValueError) as error:
        raise TokenError("signature does not verify") from error
    return bytes(found.payload)


def _payload(kind: TokenClass, payload: bytes) -> Claims:
    try:
        claims = canonical.decode_object(payload)
        _check_claims(kind, claims)
    except ValueError as error:
        raise TokenError(str(error)) from error
    return claims


def _check_claims(kind: TokenClass, claims: Mapping[str, object]) -> None:
    required = _ALWAYS | kind.required
    if missing := required - set(claims):
        raise ValueError(f"{kind.typ} without {', '.join(sorted(missing))}")
    if unknown := set(claims) - required - kind.optional:
        raise ValueError(f"{kind.typ} with unknown {', '.join(sorted(unknown))}")
    for name in ("iat", "exp"):
        if name in claims and type(claims[name]) is not int:
            raise ValueError(f"{name} is whole seconds")
    if not all(isinstance(claims[name], str) for name in ("iss", "aud")):
        raise ValueError("iss and aud are single strings")


def _check_times(claims: Claims, now: datetime) -> None:
    if claims["iat"] > (now + _LEEWAY).timestamp():
        raise TokenError("from the future")
    if "exp" in claims and claims["exp"] < (now - _LEEWAY).timestamp():
        raise TokenError("expired")
