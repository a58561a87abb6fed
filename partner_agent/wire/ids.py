"""Identifiers: time-ordered, typed by a prefix, made by an injected source.

An id says what it names (`cam_01k…`) and is never a secret. Secrets come from `IdSource.secret`.
"""

import secrets
import time
from typing import Final, Protocol

_ALPHABET: Final = "0123456789abcdefghjkmnpqrstvwxyz"  # Crockford base 32, lower case
_RANDOM_BITS: Final = 80
_TEXT_LENGTH: Final = 26

PREFIXES: Final = frozenset(
    {
        "aar",  # after-action report
        "age",  # agency
        "agt",  # agent on a site
        "cam",  # camera
        "chk",  # checkpoint
        "clr",  # clip request
        "clp",  # clip
        "emg",  # emergency access by two people: one question to a second person
        "evd",  # evidence package
        "evt",  # audit event
        "grt",  # grant
        "hld",  # hold: footage kept from being overwritten
        "inc",  # incident
        "lnk",  # link session
        "mou",  # accepted agreement
        "msg",  # message on the link
        "ord",  # proposed ordinance pack
        "org",  # partner organisation
        "per",  # person
        "phl",  # link that shows a live picture on a phone
        "pol",  # policy version
        "pub",  # publication: one camera's stream into the relay
        "req",  # HTTP request
        "ses",  # viewing session
        "sit",  # site
        "upl",  # upload
        "vwr",  # request for a live view
    }
)


class IdSource(Protocol):
    """Makes ids and secrets; injected so that tests can predict them."""

    def new(self, prefix: str) -> str:
        """A fresh id `prefix_…`; ids made later sort later."""

    def secret(self, size_bytes: int) -> bytes:
        """`size_bytes` unpredictable bytes."""


class SystemIds:
    """Ids from the clock and the operating system's randomness (ULID layout: 48 bit ms, 80 bit random)."""

    def new(self, prefix: str) -> str:
        """A fresh id `prefix_…`."""
        if prefix not in PREFIXES:
            raise ValueError(f"unknown id prefix {prefix!r}; add it to PREFIXES with its meaning")
        return f"{prefix}_{encode_ulid(time.time_ns() // 1_000_000, secrets.randbits(_RANDOM_BITS))}"

    def secret(self, size_bytes: int) -> bytes:
        """`size_bytes` unpredictable bytes."""
        return secrets.token_bytes(size_bytes)


def encode_ulid(time_ms: int, random_80: int) -> str:
    """26 characters of Crockford base 32: 48 bits of milliseconds, then 80 random bits."""
    value = (time_ms << _RANDOM_BITS) | random_80
    return "".join(_ALPHABET[(value >> shift) & 31] for shift in range((_TEXT_LENGTH - 1) * 5, -1, -5))


def is_id(text: str, prefix: str) -> bool:
    """Whether `text` is an id that names a `prefix` thing."""
    head, _, tail = text.partition("_")
    return head == prefix and len(tail) == _TEXT_LENGTH and all(c in _ALPHABET for c in tail)
