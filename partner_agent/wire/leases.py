"""Leases: the batch that keeps live sessions alive, every 3 s, for relay and agent alike.

`n` strictly increases per link; `fresh` is the agent's own and dies with its link; a session lives 10 s from the
SENDING of the heartbeat whose `fresh` the batch echoes. Which sessions live on is decided by the reader: the agent's
sessions, the relay.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from partner_agent.wire.classes import LEASE
from partner_agent.wire.tokens import ClassSigner, PublicKey, TokenError, numeric_date, read


@dataclass(frozen=True, slots=True)
class Lease:
    """A verified batch."""

    n: int
    fresh: str
    sessions: frozenset[tuple[str, str]]  # (session, jti)


def sign(
    signer: ClassSigner,
    *,
    gateway: str,
    agent: str,
    n: int,
    fresh: str,
    sessions: Iterable[tuple[str, str]],
    now: datetime,
) -> str:
    """One batch for `agent`."""
    pairs = [list(pair) for pair in sorted(sessions)]
    claims = {"iss": gateway, "aud": agent, "iat": numeric_date(now), "n": n, "fresh": fresh, "sessions": pairs}
    return signer.sign(claims)


def parse(token: str, keys: tuple[PublicKey, ...], *, gateway: str, agent: str) -> Lease:
    """Verify a batch; wall time plays no part, `fresh` binds it.

    Raises:
        TokenError: another class, key or agent, or malformed.
    """
    claims = read(LEASE, token, keys, aud=agent, iss=gateway, now=None)
    n, fresh, pairs = claims["n"], claims["fresh"], claims["sessions"]
    if type(n) is not int or not isinstance(fresh, str) or not isinstance(pairs, list):
        raise TokenError("malformed lease")
    sessions = set()
    for pair in pairs:
        match pair:
            case [str() as session, str() as jti]:
                sessions.add((session, jti))
            case _:
                raise TokenError("malformed lease")
    return Lease(n=n, fresh=fresh, sessions=frozenset(sessions))
