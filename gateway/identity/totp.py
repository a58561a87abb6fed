"""Time-based one-time codes: RFC 6238 over RFC 4226, SHA-1, six digits, thirty seconds, as every app speaks them.

Pure. Which steps are acceptable is here; that each is accepted once is the store's compare-and-set, because the usual
library accepts the same code twice.
"""

import base64
import hmac
from datetime import datetime
from typing import Final
from urllib.parse import quote, urlencode

SEED_BYTES: Final = 20  # 160 bits (RFC 4226, section 4, R6)
STEP_S: Final = 30
DIGITS: Final = 6
WINDOW: Final = 1  # steps to either side, for clocks that differ (RFC 6238, section 5.2)


def step_at(now: datetime) -> int:
    """The time step of `now` (RFC 6238, section 4.2)."""
    return int(now.timestamp()) // STEP_S


def code_at(seed: bytes, step: int) -> str:
    """The code of one step (RFC 4226, section 5.3: dynamic truncation)."""
    digest = hmac.digest(seed, step.to_bytes(8, "big"), "sha1")
    offset = digest[-1] & 0x0F
    number = int.from_bytes(digest[offset : offset + 4], "big") & 0x7FFFFFFF
    return f"{number % 10**DIGITS:0{DIGITS}d}"


def matching_step(seed: bytes, code: str, *, now: datetime, last_step: int) -> int | None:
    """The step whose code this is, among those near `now` and after `last_step`; None if there is none."""
    digits = "".join(code.split())
    if len(digits) != DIGITS or not (digits.isascii() and digits.isdigit()):
        return None
    found = None
    for step in range(step_at(now) - WINDOW, step_at(now) + WINDOW + 1):
        if hmac.compare_digest(code_at(seed, step), digits) and step > last_step:
            found = step
    return found


def otpauth_uri(seed: bytes, *, issuer: str, account: str) -> str:
    """What an authenticator app reads (the key URI format)."""
    secret = base64.b32encode(seed).decode().rstrip("=")
    query = urlencode({"secret": secret, "issuer": issuer, "digits": DIGITS, "period": STEP_S}, quote_via=quote)
    return f"otpauth://totp/{quote(issuer, safe='')}:{quote(account, safe='')}?{query}"


def written_seed(seed: bytes) -> str:
    """The seed for typing by hand: base 32 in groups of four."""
    text = base64.b32encode(seed).decode().rstrip("=")
    return " ".join(text[i : i + 4] for i in range(0, len(text), 4))
