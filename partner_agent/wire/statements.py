"""What the device signs about itself: acks, answers to grants, accounts of sessions, approvals given on site.

Each is a token of its own class (`classes.BY_DEVICE`), issued by the agent's id for one gateway. They are leaves in the
gateway's log, so they carry no wall-clock expiry: what binds each to its moment is the id (`re`, `jti`) it names.
"""

from collections.abc import Mapping
from datetime import datetime

from partner_agent.wire.classes import BY_DEVICE
from partner_agent.wire.tokens import Claims, PublicKey, Signer, TokenClass, numeric_date, read


def make(
    kind: TokenClass, claims: Mapping[str, object], *, signer: Signer, agent: str, gateway: str, now: datetime
) -> str:
    """A device statement of `kind`, said by `agent` to `gateway`."""
    _device_class(kind)
    body = {key: value for key, value in claims.items() if value is not None}
    return signer.sign(kind, {"iss": agent, "aud": gateway, "iat": numeric_date(now), **body})


def check(kind: TokenClass, token: str, device: PublicKey, *, agent: str, gateway: str) -> Claims:
    """The claims of a statement `agent` signed for `gateway`.

    Raises:
        TokenError: another class, device, agent or gateway, or malformed.
    """
    _device_class(kind)
    return read(kind, token, [device], aud=gateway, iss=agent, now=None)


def _device_class(kind: TokenClass) -> None:
    if kind not in BY_DEVICE:
        raise ValueError(f"{kind.typ} is not a class the device signs")
