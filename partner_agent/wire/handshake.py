"""The handshake both ends prove: challenge, proof, welcome, ack, and the epoch that catches a cloned agent.

1. The gateway sends 24 random bytes and its exact URL. 2. The agent signs them with its device key, its own nonce, its
epoch and what it holds. 3. The gateway checks the epoch, offers key sets, and signs the agent's nonce and the proof's
hash with the link key. 4. The agent stores the new epoch, then acknowledges. Five seconds in all.

The welcome's epoch is always the proof's plus one. The gateway takes the epoch of its last welcome, or, while that
welcome is not acknowledged, the one before; the agent takes nothing but its own plus one. Anything else: quarantine. A
gateway that sees a jump still welcomes, with its own stored epoch plus one, so that the agent sees the jump as well.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from partner_agent.wire.classes import PROOF, WELCOME
from partner_agent.wire.tokens import ClassSigner, PublicKey, Signer, TokenError, hash_of, numeric_date, read

NONCE_BYTES: Final = 24
TOKEN_LIFE_S: Final = 60

CLOSE_BAD_PROOF: Final = 4401
CLOSE_REVOKED: Final = 4403
CLOSE_TIMEOUT: Final = 4408
CLOSE_SUPERSEDED: Final = 4409
CLOSE_TOO_OLD: Final = 4426
CLOSE_BACK_OFF: Final = 4429


@dataclass(frozen=True, slots=True)
class Proof:
    """What the agent said and signed about itself."""

    agent: str
    agent_nonce: str
    epoch: int
    boot_id: str
    version: str
    keyset_version: int
    lineage: str
    token: str


@dataclass(frozen=True, slots=True)
class Welcome:
    """What the gateway answered, verified."""

    epoch: int
    link: str


def make_proof(
    device: Signer,
    *,
    agent: str,
    url: str,
    nonce: str,
    agent_nonce: str,
    epoch: int,
    boot_id: str,
    version: str,
    keyset_version: int,
    lineage: str,
    now: datetime,
) -> str:
    """The agent's proof of possession for exactly this challenge and this URL."""
    issued = numeric_date(now)
    return device.sign(
        PROOF,
        {
            "iss": agent,
            "aud": url,
            "iat": issued,
            "exp": issued + TOKEN_LIFE_S,
            "nonce": nonce,
            "agent_nonce": agent_nonce,
            "epoch": epoch,
            "boot_id": boot_id,
            "ver": version,
            "keyset_version": keyset_version,
            "lineage": lineage,
        },
    )


def check_proof(token: str, device: PublicKey, *, agent: str, url: str, nonce: str) -> Proof:
    """Verify a proof against the challenge just sent; the nonce binds it to now, not the agent's clock.

    Raises:
        TokenError: any claim is not of this agent, URL and challenge.
    """
    claims = read(PROOF, token, [device], aud=url, iss=agent, now=None)
    if claims["nonce"] != nonce:
        raise TokenError("the proof answers another challenge")
    if claims["exp"] - claims["iat"] > TOKEN_LIFE_S:
        raise TokenError("a proof that lives longer than it needs to")
    numbers = (claims["epoch"], claims["keyset_version"])
    texts = tuple(claims[name] for name in ("agent_nonce", "boot_id", "ver", "lineage"))
    if not all(type(n) is int and n >= 0 for n in numbers) or not all(isinstance(text, str) for text in texts):
        raise TokenError("malformed proof")
    return Proof(
        agent=agent,
        agent_nonce=texts[0],
        epoch=numbers[0],
        boot_id=texts[1],
        version=texts[2],
        keyset_version=numbers[1],
        lineage=texts[3],
        token=token,
    )


def make_welcome(link_key: ClassSigner, proof: Proof, *, gateway: str, epoch: int, link: str, now: datetime) -> str:
    """The gateway's own proof: signs the agent's nonce and the hash of its proof."""
    issued = numeric_date(now)
    return link_key.sign(
        {
            "iss": gateway,
            "aud": proof.agent,
            "iat": issued,
            "exp": issued + TOKEN_LIFE_S,
            "nonce": proof.agent_nonce,
            "proof_sha256": hash_of(proof.token),
            "epoch": epoch,
            "link": link,
        },
    )


def check_welcome(
    token: str, keys: tuple[PublicKey, ...], *, gateway: str, agent: str, agent_nonce: str, proof: str
) -> Welcome:
    """Verify the welcome against what this agent just sent; the caller judges the epoch.

    Raises:
        TokenError: not signed by a live link key, or for another handshake.
    """
    claims: Mapping[str, object] = read(WELCOME, token, keys, aud=agent, iss=gateway, now=None)
    if claims["nonce"] != agent_nonce or claims["proof_sha256"] != hash_of(proof):
        raise TokenError("the welcome answers another handshake")
    epoch, link = claims["epoch"], claims["link"]
    if type(epoch) is not int or not isinstance(link, str):
        raise TokenError("malformed welcome")
    return Welcome(epoch=epoch, link=link)
