"""Pairing over HTTP (RFC 8628 with extra fields): what the agent sends, what it gets back, and its proof of its key.

`POST /oauth/device` takes `client_id=lenspact-agent`, `jwk`, `jwk_proof`, `host`, `version`; `POST /oauth/token`
answers the device-code grant with `Pairing` as JSON. The short code and the 12 words of the root are
compared by people.
"""

import json
from datetime import datetime
from typing import Final

import msgspec

from partner_agent.wire.classes import ENROL
from partner_agent.wire.tokens import PublicKey, Signer, TokenError, numeric_date, read

CLIENT_ID: Final = "lenspact-agent"
GRANT_TYPE: Final = "urn:ietf:params:oauth:grant-type:device_code"
PROOF_LIFE_S: Final = 120


class Pairing(msgspec.Struct, frozen=True):
    """The token endpoint's answer once a person has typed the code."""

    agent: str  # agt_…
    site: str  # sit_…
    partner: str  # org_…
    gateway: str  # the gateway's id: iss of its tokens, aud of the device's statements
    link_url: str  # wss://…/agent/v1
    root: dict[str, str]  # public JWK, pinned from now on
    key_sets: list[str]  # the chain, oldest first
    agencies: dict[str, str] = {}  # age_… and what the gateway calls it: names to read, never what is decided by
    token_type: str = "N_A"  # RFC 8693 §2.2.1: nothing here is a bearer token  # noqa: S105


def make_proof(device: Signer, *, token_url: str, now: datetime) -> str:
    """Shows that whoever sends the JWK holds its private half, for this gateway only."""
    issued = numeric_date(now)
    claims = {"iss": device.public.kid, "aud": token_url, "iat": issued, "exp": issued + PROOF_LIFE_S}
    return device.sign(ENROL, {**claims, "jwk": dict(device.public.jwk)})


def check_proof(jwk_text: str, proof: str, *, token_url: str, now: datetime) -> PublicKey:
    """The device key to register: `jwk_text` is the form field, `proof` must be signed by exactly that key.

    Raises:
        TokenError: no P-256 key, or the proof is of another key, gateway or time.
    """
    try:
        device = PublicKey.of(json.loads(jwk_text))
    except ValueError as error:
        raise TokenError("jwk is not a public key") from error
    if device.algorithm != "ES256":
        raise TokenError("a device key is P-256")
    claims = read(ENROL, proof, [device], aud=token_url, iss=device.kid, now=now)
    if claims["exp"] - claims["iat"] > PROOF_LIFE_S:
        raise TokenError("a proof that lives longer than it needs to")
    if claims["jwk"] != dict(device.jwk):
        raise TokenError("the proof names another key")
    return device
