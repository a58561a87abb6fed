"""A passkey in memory: answers whatever challenge a page puts to it, rightly or with anything a test wants changed."""

import dataclasses
import hashlib
import json
from collections.abc import Sequence
from typing import Any

import cbor2
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, rsa

from partner_agent.wire import touches
from partner_agent.wire.touches import Assertion, base64url
from policies.parts import Owner
from policies.vocabulary import OwnerRole

RP_ID, ORIGIN = "gw.example", "https://gw.example"
PRESENT, VERIFIED, ATTESTED = 0x01, 0x04, 0x40


class SoftPasskey:
    """One credential; `count` is its own counter, 0 for one that keeps none."""

    def __init__(self, name: str = "a", *, algorithm: str = "ES256", count: int = 0) -> None:
        self.raw_id, self.count = hashlib.sha256(name.encode()).digest(), count
        self._key: Any = _GENERATE[algorithm]()

    @property
    def owner(self) -> Owner:
        """As a policy document lists it."""
        return Owner(base64url(self.raw_id), base64url(_cose(self._key)), is_suspended=False)

    @property
    def answerer(self) -> Owner:
        """As a policy document lists it where it only answers requests."""
        return dataclasses.replace(self.owner, role=OwnerRole.ANSWERS)

    def sign(self, asked: bytes, **changes: Any) -> Assertion:
        """Answer a challenge; `changes` are of the client data, `rp_id` and `flags` of the authenticator's."""
        self.count += 1 if self.count else 0
        rp_id, flags = changes.pop("rp_id", RP_ID), changes.pop("flags", PRESENT | VERIFIED)
        said = {"type": "webauthn.get", "challenge": base64url(asked), "origin": ORIGIN, "crossOrigin": False}
        client_data = json.dumps({k: v for k, v in {**said, **changes}.items() if v is not None}).encode()
        data = hashlib.sha256(rp_id.encode()).digest() + bytes([flags]) + self.count.to_bytes(4)
        signed = data + hashlib.sha256(client_data).digest()
        return Assertion(
            credential=base64url(self.raw_id),
            client_data=base64url(client_data),
            authenticator_data=base64url(data),
            signature=base64url(_signature(self._key, signed)),
        )

    def register(self, asked: str, *, origin: str = ORIGIN, rp_id: str = RP_ID, **changes: Any) -> str:
        """Answer a page that wants a new passkey for the challenge `asked` (base64url), as the browser writes it."""
        flags = changes.pop("flags", PRESENT | VERIFIED) | ATTESTED
        said = {"type": "webauthn.create", "challenge": asked, "origin": origin, "crossOrigin": False}
        client_data = json.dumps({k: v for k, v in {**said, **changes}.items() if v is not None}).encode()
        data = hashlib.sha256(rp_id.encode()).digest() + bytes([flags]) + self.count.to_bytes(4)
        data += bytes(16) + len(self.raw_id).to_bytes(2) + self.raw_id + _cose(self._key)
        attested = cbor2.dumps({"fmt": "none", "attStmt": {}, "authData": data})
        response = {"clientDataJSON": base64url(client_data), "attestationObject": base64url(attested)}
        name = base64url(self.raw_id)
        return json.dumps({"id": name, "rawId": name, "type": "public-key", "response": response})

    def approve(self, label: str, sha256: str, **changes: Any) -> Assertion:
        """One touch for one document."""
        return self.sign(touches.challenge(label, bytes.fromhex(sha256)), **changes)

    def approve_all(self, label: str, sha256s: Sequence[str]) -> Assertion:
        """One touch for many documents."""
        return self.sign(touches.challenge(label, touches.root([bytes.fromhex(one) for one in sha256s])))


def _signature(key: Any, data: bytes) -> bytes:
    match key:
        case ec.EllipticCurvePrivateKey():
            return key.sign(data, ec.ECDSA(hashes.SHA256()))
        case ed25519.Ed25519PrivateKey():
            return key.sign(data)
        case _:
            return key.sign(data, padding.PKCS1v15(), hashes.SHA256())


def _cose(key: Any) -> bytes:
    match key:
        case ec.EllipticCurvePrivateKey():
            numbers = key.public_key().public_numbers()
            return cbor2.dumps({1: 2, 3: -7, -1: 1, -2: numbers.x.to_bytes(32), -3: numbers.y.to_bytes(32)})
        case ed25519.Ed25519PrivateKey():
            return cbor2.dumps({1: 1, 3: -8, -1: 6, -2: key.public_key().public_bytes_raw()})
        case _:
            numbers = key.public_key().public_numbers()
            return cbor2.dumps({1: 3, 3: -257, -1: numbers.n.to_bytes(256), -2: numbers.e.to_bytes(3)})


_GENERATE = {
    "ES256": lambda: ec.generate_private_key(ec.SECP256R1()),
    "EdDSA": ed25519.Ed25519PrivateKey.generate,
    "RS256": lambda: rsa.generate_private_key(65537, 2048),
}
