"""The log's promise: "this leaf will be in my tree within `max_merge_delay_s`", signed by the promise key.

Made by the gateway in the transaction that writes the leaf; checked by the agent before anything leaves the site. A
promise says nothing about time to the agent but its delay, which the agent counts on its own monotonic clock.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from partner_agent.wire.classes import PROMISE
from partner_agent.wire.clock import from_rfc3339, to_rfc3339
from partner_agent.wire.limits import MAX_MERGE_DELAY_S
from partner_agent.wire.tokens import ClassSigner, PublicKey, TokenError, numeric_date, read

_HASH_HEX: Final = 64


@dataclass(frozen=True, slots=True)
class Promise:
    """A verified promise about one leaf."""

    origin: str
    leaf_hash: str  # hex, RFC 9162 §2.1.1: SHA-256(0x00 ‖ leaf)
    time: datetime
    max_merge_delay_s: int
    token: str


def sign(signer: ClassSigner, *, gateway: str, origin: str, leaf_hash: str, now: datetime) -> str:
    """Promise that the leaf will be in the log of `origin`; the audience is the log itself, anybody may check."""
    return signer.sign(
        {
            "iss": gateway,
            "aud": origin,
            "iat": numeric_date(now),
            "origin": origin,
            "leaf_hash": leaf_hash,
            "time": to_rfc3339(now),
            "max_merge_delay_s": MAX_MERGE_DELAY_S,
        },
    )


def parse(token: str, keys: tuple[PublicKey, ...], *, gateway: str, origin: str) -> Promise:
    """Verify a promise of `gateway` for the log of `origin`.

    Raises:
        TokenError: signed by another key, for another log, or a longer delay than the protocol's.
    """
    claims = read(PROMISE, token, keys, aud=origin, iss=gateway, now=None)
    if claims["origin"] != origin:
        raise TokenError("a promise of another log")
    leaf_hash, delay = claims["leaf_hash"], claims["max_merge_delay_s"]
    if not (isinstance(leaf_hash, str) and len(leaf_hash) == _HASH_HEX):
        raise TokenError("leaf_hash is 64 hex digits")
    if type(delay) is not int or not 0 < delay <= MAX_MERGE_DELAY_S:
        raise TokenError(f"a merge delay over {MAX_MERGE_DELAY_S} s is no promise")
    return Promise(origin=origin, leaf_hash=leaf_hash, time=_time(claims["time"]), max_merge_delay_s=delay, token=token)


def _time(value: Any) -> datetime:
    try:
        return from_rfc3339(value)
    except (TypeError, ValueError) as error:
        raise TokenError("time is not RFC 3339") from error
