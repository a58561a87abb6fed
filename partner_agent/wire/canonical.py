"""Canonical JSON: the one byte form that is signed and hashed (RFC 8785, restricted).

Only what our documents need: objects with ASCII keys, arrays, strings, booleans, null and integers within 2^53.
Within that subset the standard library's sorted, compact output equals RFC 8785; anything else is refused rather
than rounded. Stdlib only: the verifier stands on this.
"""

import hashlib
import json
from typing import Final

_MAX_INT: Final = 2**53 - 1  # RFC 8785 §3.2.2.3: numbers are IEEE 754 doubles
_MAX_DEPTH: Final = 32

_SUBSET: Final = "only objects with ASCII keys, arrays, strings, booleans, null and integers within 2^53 are canonical"


class NotCanonicalError(ValueError):
    """The value cannot be written in, or the bytes are not, the canonical form."""


def encode(value: object) -> bytes:
    """The canonical bytes of `value`.

    Raises:
        NotCanonicalError: floats, non-ASCII keys, large integers, lone surrogates, depth over 32, other types.
    """
    _check(value, 0)
    try:
        return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False).encode()
    except UnicodeEncodeError as error:
        raise NotCanonicalError("a string holds half of a surrogate pair") from error


def decode(data: bytes) -> object:
    """Parse `data` and demand that it *is* the canonical form of what it says.

    Raises:
        NotCanonicalError: not JSON, duplicate keys, other spacing or order, or a value outside the subset.
    """
    try:
        value = json.loads(data)
    except (ValueError, RecursionError) as error:
        raise NotCanonicalError("not JSON") from error
    if encode(value) != data:
        raise NotCanonicalError("not in canonical form")
    return value


def decode_object(data: bytes) -> dict[str, object]:
    """`decode`, and demand an object.

    Raises:
        NotCanonicalError: as `decode`, or the value is no object.
    """
    value = decode(data)
    if not isinstance(value, dict):
        raise NotCanonicalError("not an object")
    return value


def sha256_hex(value: object) -> str:
    """Lower-case hex SHA-256 of the canonical bytes of `value`."""
    return hashlib.sha256(encode(value)).hexdigest()


def _check(value: object, depth: int) -> None:
    if depth > _MAX_DEPTH:
        raise NotCanonicalError("nested too deeply")
    match value:
        case None | bool() | str():
            return
        case int():
            if abs(value) > _MAX_INT:
                raise NotCanonicalError(_SUBSET)
        case list() | tuple():
            for item in value:
                _check(item, depth + 1)
        case dict():
            for key, item in value.items():
                if not (isinstance(key, str) and key.isascii()):
                    raise NotCanonicalError(_SUBSET)
                _check(item, depth + 1)
        case _:
            raise NotCanonicalError(_SUBSET)
