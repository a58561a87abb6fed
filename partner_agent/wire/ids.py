"""Identifiers: time-ordered, typed by a prefix, made by an injected source.

An id says what it names (`cam_01k…`) and is never a secret. Secrets come from `IdSource.secret`. What one process
makes stays in the order it was made, also within a millisecond and when the clock steps back: the log is read by it.
"""

import secrets
import threading
import time
from typing import Final, Protocol

_ALPHABET: Final = "0123456789abcdefghjkmnpqrstvwxyz"  # Crockford base 32, lower case
_RANDOM_BITS: Final = 80
_STEP_BITS: Final = 64  # how far, at most, the next of the same millisecond is from the one before
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
        """A fresh id `prefix_…`; of one process, ids made later sort later."""

    def secret(self, size_bytes: int) -> bytes:
        """`size_bytes` unpredictable bytes."""


class SystemIds:
    """Ids from the clock and the operating system's randomness (ULID layout: 48 bit ms, 80 bit random)."""

    def new(self, prefix: str) -> str:
        """A fresh id `prefix_…`."""
        if prefix not in PREFIXES:
            raise ValueError(f"unknown id prefix {prefix!r}; add it to PREFIXES with its meaning")
        return f"{prefix}_{_encode(_next_value())}"

    def secret(self, size_bytes: int) -> bytes:
        """`size_bytes` unpredictable bytes."""
        return secrets.token_bytes(size_bytes)


def encode_ulid(time_ms: int, random_80: int) -> str:
    """26 characters of Crockford base 32: 48 bits of milliseconds, then 80 random bits."""
    return _encode((time_ms << _RANDOM_BITS) | random_80)


_lock = threading.Lock()
_last = 0  # the value of this process's newest id


def _next_value() -> int:
    """Now and randomness; past the newest id where that would not be."""
    global _last  # noqa: PLW0603 -- one order for the process, whoever makes the ids
    with _lock:
        value = (time.time_ns() // 1_000_000 << _RANDOM_BITS) | secrets.randbits(_RANDOM_BITS)
        if value <= _last:
            value = _last + 1 + secrets.randbits(_STEP_BITS)
        _last = value
    return value


def _encode(value: int) -> str:
    return "".join(_ALPHABET[(value >> shift) & 31] for shift in range((_TEXT_LENGTH - 1) * 5, -1, -5))


def is_id(text: str, prefix: str) -> bool:
    """Whether `text` is an id that names a `prefix` thing."""
    head, _, tail = text.partition("_")
    return head == prefix and len(tail) == _TEXT_LENGTH and all(c in _ALPHABET for c in tail)
