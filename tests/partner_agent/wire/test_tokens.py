"""Signed tokens: none passes as another, and nothing in a token chooses how it is read."""

import base64
import json
from typing import cast

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from joserfc import jws
from joserfc.jwk import ECKey

from partner_agent.wire import canonical, classes
from partner_agent.wire.tokens import LocalSigner, PublicKey, TokenClass, TokenError, read
from tests.fakes.clock import FakeClock

KEYS = {"Ed25519": LocalSigner.generate("Ed25519"), "ES256": LocalSigner.generate("ES256")}


def _claims(kind: TokenClass, **changed: object) -> dict[str, object]:
    return {"iss": "gw", "aud": "agt", "iat": 0} | dict.fromkeys(kind.required, 0) | changed


def _b64(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def _raw(header: dict[str, object], payload: bytes, key: LocalSigner) -> str:
    registry = jws.JWSRegistry(algorithms=[str(header["alg"])], strict_check_header=False)
    return jws.serialize_compact(header, payload, key._key, registry=registry)


@pytest.mark.parametrize("made", classes.ALL, ids=lambda kind: kind.typ)
@pytest.mark.parametrize("wanted", classes.ALL, ids=lambda kind: kind.typ)
def test_no_token_class_passes_as_another(made: TokenClass, wanted: TokenClass):
    """Even under one and the same key, a token is read as its own class only."""
    signer = KEYS[made.algorithm]
    token = signer.sign(made, _claims(made))

    if made is wanted:
        assert read(wanted, token, [signer.public], aud="agt", now=None)["iss"] == "gw"
    else:
        with pytest.raises(TokenError):
            read(wanted, token, [signer.public, KEYS[wanted.algorithm].public], aud="agt", now=None)


def test_every_class_has_its_own_typ():
    """The table repeats no typ."""
    assert len({kind.typ for kind in classes.ALL}) == len(classes.ALL)


@pytest.mark.parametrize(
    "header",
    [
        {"alg": "Ed25519", "kid": "?", "typ": "lease+jwt", "crit": ["x"], "x": 1},
        {"alg": "Ed25519", "kid": "?", "typ": "lease+jwt", "jwk": {}},
        {"alg": "Ed25519", "typ": "lease+jwt"},
        {"alg": "Ed25519", "kid": "?"},
    ],
    ids=["crit", "jwk", "no kid", "no typ"],
)
def test_an_open_header_is_refused(header: dict[str, object]):
    """The header is exactly alg, kid and typ, even if the signature would verify."""
    signer = KEYS["Ed25519"]
    full = {k: signer.public.kid if v == "?" else v for k, v in header.items()}
    payload = canonical.encode({"v": 1, **_claims(classes.LEASE)})
    body = f"{_b64(json.dumps(full).encode())}.{_b64(payload)}"
    signature = cast("Ed25519PrivateKey", signer._key.get_op_key("sign")).sign(body.encode())

    with pytest.raises(TokenError):
        read(classes.LEASE, f"{body}.{_b64(signature)}", [signer.public], aud="agt", now=None)


def test_an_unsigned_token_is_refused():
    """Alg none never verifies."""
    header = _b64(json.dumps({"alg": "none", "kid": KEYS["Ed25519"].public.kid, "typ": "lease+jwt"}).encode())
    payload = _b64(canonical.encode({"v": 1, **_claims(classes.LEASE)}))

    with pytest.raises(TokenError):
        read(classes.LEASE, f"{header}.{payload}.", [KEYS["Ed25519"].public], aud="agt", now=None)


def test_a_payload_in_another_spelling_is_refused():
    """The payload must be canonical, so one meaning has one hash."""
    signer = KEYS["Ed25519"]
    header = {"alg": "Ed25519", "kid": signer.public.kid, "typ": "lease+jwt"}
    token = _raw(header, json.dumps({"v": 1, **_claims(classes.LEASE)}).encode(), signer)

    with pytest.raises(TokenError, match="canonical"):
        read(classes.LEASE, token, [signer.public], aud="agt", now=None)


@pytest.mark.parametrize(
    ("changed", "words"),
    [({"more": 1}, "unknown"), ({"iat": 1.5}, "whole"), ({"iat": True}, "whole"), ({"aud": ["agt"]}, "strings")],
)
def test_claims_are_closed_and_typed(changed: dict[str, object], words: str):
    """A claim nobody defined, or of another type, is refused already when signing."""
    with pytest.raises(ValueError, match=words):
        KEYS["Ed25519"].sign(classes.LEASE, _claims(classes.LEASE, **changed))


def test_a_token_for_another_audience_is_refused():
    """What is meant for one agent means nothing at another."""
    token = KEYS["Ed25519"].sign(classes.LEASE, _claims(classes.LEASE))

    with pytest.raises(TokenError, match="another reader"):
        read(classes.LEASE, token, [KEYS["Ed25519"].public], aud="agt2", now=None)


def test_a_token_of_another_issuer_is_refused():
    """The issuer is checked where the reader knows it."""
    token = KEYS["Ed25519"].sign(classes.LEASE, _claims(classes.LEASE))

    with pytest.raises(TokenError, match="another issuer"):
        read(classes.LEASE, token, [KEYS["Ed25519"].public], aud="agt", iss="other", now=None)


def test_an_expired_token_is_refused(clock: FakeClock):
    """Wall time counts where the class says so, with 30 s of leeway."""
    issued = int(clock.now().timestamp())
    token = KEYS["Ed25519"].sign(classes.GRANT, _claims(classes.GRANT, iat=issued, exp=issued + 60))
    clock.advance(91)

    with pytest.raises(TokenError, match="expired"):
        read(classes.GRANT, token, [KEYS["Ed25519"].public], aud="agt", now=clock.now())


def test_a_token_from_the_future_is_refused(clock: FakeClock):
    """An issuer whose clock runs ahead is not believed."""
    issued = int(clock.now().timestamp()) + 31
    token = KEYS["Ed25519"].sign(classes.GRANT, _claims(classes.GRANT, iat=issued, exp=issued + 60))

    with pytest.raises(TokenError, match="future"):
        read(classes.GRANT, token, [KEYS["Ed25519"].public], aud="agt", now=clock.now())


def test_a_key_is_its_thumbprint():
    """A public key with a private part, a foreign member or another type is no key of ours."""
    private = LocalSigner.generate("ES256").private_jwk()

    for jwk in (private, {**KEYS["ES256"].public.jwk, "kid": "x"}, {"kty": "oct", "k": "AAAA"}, "x"):
        with pytest.raises(TokenError):
            PublicKey.of(jwk)
    p384 = ECKey.generate_key("P-384").as_dict(private=False)
    with pytest.raises(TokenError):
        PublicKey.of({k: p384[k] for k in ("kty", "crv", "x", "y")})
