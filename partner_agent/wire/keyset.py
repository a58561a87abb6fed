"""Key sets: which of the gateway's keys an agent believes, signed by the root it pinned at pairing.

A chain: version n names the SHA-256 of version n-1 (zeros for the first); versions never go back; a key that is absent
is revoked. The whole chain since the agent's version is offered before the welcome and needs no live key but the root.
"""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final
from urllib.parse import urlsplit

from partner_agent.wire import canonical
from partner_agent.wire.classes import KEY_SET
from partner_agent.wire.clock import from_rfc3339, to_rfc3339
from partner_agent.wire.limits import KEY_LIFE_DAYS
from partner_agent.wire.phrases import say
from partner_agent.wire.tokens import ClassSigner, PublicKey, TokenError, hash_of, numeric_date, read

ROLES: Final = frozenset({"grant", "lease", "promise", "link", "ticket", "log"})
NO_PREVIOUS: Final = "0" * 64
AUDIENCE: Final = "lenspact:agents"  # one key set for every agent of the gateway


@dataclass(frozen=True, slots=True)
class Key:
    """One live key of the gateway."""

    role: str
    public: PublicKey
    expires_at: datetime


@dataclass(frozen=True, slots=True)
class KeySet:
    """One verified version. `sha256` is of the signed token, by which the next version names it."""

    gateway: str
    version: int
    previous_sha256: str
    keys: tuple[Key, ...]
    hosts: frozenset[str]  # host[:port] of every URL the gateway may hand over
    relay_fingerprints: frozenset[str]  # SHA-256, upper-case hex with colons (RFC 8122 §5)
    log_origin: str
    token: str

    @property
    def sha256(self) -> str:
        """Hex SHA-256 of the signed token."""
        return hash_of(self.token)

    def live(self, role: str, now: datetime | None) -> tuple[PublicKey, ...]:
        """The keys of `role` that have not expired; an empty tuple verifies nothing.

        `now` is None only for the link key of an agent whose own clock cannot be trusted: it must still be reachable.
        """
        return tuple(key.public for key in self.keys if key.role == role and (now is None or now < key.expires_at))

    def allows(self, url: str) -> bool:
        """Whether `url` is on a host of this key set (host and, where one is given, port)."""
        return urlsplit(url).netloc in self.hosts


def sign(
    root: ClassSigner,
    root_public: PublicKey,
    *,
    gateway: str,
    previous: KeySet | None,
    keys: Sequence[Key],
    hosts: Sequence[str],
    relay_fingerprints: Sequence[str],
    log_origin: str,
    now: datetime,
) -> KeySet:
    """The next key set of `gateway`, signed by its root.

    Raises:
        ValueError: an unknown role, or a key that lives longer than `KEY_LIFE_DAYS`.
    """
    for key in keys:
        if key.expires_at > now + timedelta(days=KEY_LIFE_DAYS):
            raise ValueError(f"the {key.role} key would live longer than {KEY_LIFE_DAYS} days")
    claims = {
        "iss": gateway,
        "aud": AUDIENCE,
        "iat": numeric_date(now),
        "version": previous.version + 1 if previous else 1,
        "previous_sha256": previous.sha256 if previous else NO_PREVIOUS,
        "keys": [{"role": k.role, "jwk": dict(k.public.jwk), "expires_at": to_rfc3339(k.expires_at)} for k in keys],
        "hosts": sorted(hosts),
        "relay_fingerprints": sorted(relay_fingerprints),
        "log_origin": log_origin,
    }
    return parse(root.sign(claims), root_public)


def parse(token: str, root: PublicKey) -> KeySet:
    """One key set signed by `root`; wall time plays no part, so an agent back after months can still follow.

    Raises:
        TokenError: not signed by the root, or malformed.
    """
    claims = read(KEY_SET, token, [root], aud=AUDIENCE, now=None)
    try:
        return _from_claims(claims, token)
    except (KeyError, TypeError, ValueError) as error:
        raise TokenError("malformed key set") from error


def advance(held: KeySet | None, tokens: Sequence[str], root: PublicKey) -> KeySet | None:
    """Follow the chain `tokens` from `held`; versions already held are skipped only if they are the very same.

    Raises:
        TokenError: a gap, a fork, a step back, another gateway, or anything the root did not sign.
    """
    for token in tokens:
        offered = parse(token, root)
        if held is None:
            held = offered
            continue
        if offered.version == held.version and offered.sha256 == held.sha256:
            continue
        if offered.version != held.version + 1 or offered.previous_sha256 != held.sha256:
            raise TokenError("the key set does not follow the one held")
        if offered.gateway != held.gateway:
            raise TokenError("the key set is of another gateway")
        held = offered
    return held


def root_words(root: PublicKey) -> tuple[str, ...]:
    """The 12 words both screens show at pairing: the first 96 bits of the root's SHA-256, 8 bits a word."""
    return say(hashlib.sha256(canonical.encode(dict(root.jwk))).digest()[:12])


def _from_claims(claims: Mapping[str, Any], token: str) -> KeySet:
    keys = tuple(_key(item) for item in claims["keys"])
    version = claims["version"]
    if type(version) is not int or version < 1 or (version == 1) != (claims["previous_sha256"] == NO_PREVIOUS):
        raise ValueError("version")
    if len({key.public.kid for key in keys}) != len(keys):
        raise ValueError("one key serves one role")
    texts = [*claims["hosts"], *claims["relay_fingerprints"], claims["log_origin"], claims["previous_sha256"]]
    if not all(isinstance(text, str) for text in texts):
        raise TypeError("text expected")
    return KeySet(
        gateway=claims["iss"],
        version=version,
        previous_sha256=claims["previous_sha256"],
        keys=keys,
        hosts=frozenset(claims["hosts"]),
        relay_fingerprints=frozenset(claims["relay_fingerprints"]),
        log_origin=claims["log_origin"],
        token=token,
    )


def _key(item: Mapping[str, Any]) -> Key:
    if set(item) != {"role", "jwk", "expires_at"} or item["role"] not in ROLES:
        raise ValueError("key")
    public = PublicKey.of(item["jwk"])
    if public.algorithm != ("ES256" if item["role"] == "ticket" else "Ed25519"):
        raise ValueError("algorithm")
    return Key(role=item["role"], public=public, expires_at=from_rfc3339(item["expires_at"]))
