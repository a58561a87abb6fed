"""What goes with a clip: the capture statement, DSSE envelopes, and the manifests of an evidence package.

An in-toto Statement v1 names a file's digests and says how it came to be. The site signs it as a `capture+jwt` (RFC
7515, ES256), the gateway signs its own statements as DSSE envelopes (Ed25519). A package is a BagIt bag (RFC 8493).
Stdlib and cryptography only: the verifier stands on this.
"""

import base64
import binascii
import hashlib
import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, utils
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from partner_agent.wire import canonical

STATEMENT_TYPE: Final = "https://in-toto.io/Statement/v1"
PAYLOAD_TYPE: Final = "application/vnd.in-toto+json"
CAPTURE: Final = "urn:lenspact:capture:v1"
RECEIPT: Final = "urn:lenspact:receipt:v1"
SEAL: Final = "urn:lenspact:seal:v1"
CAPTURE_TYP: Final = "capture+jwt"

MAX_NAME: Final = 200  # characters of a path in a package
_NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]*(/[A-Za-z0-9][A-Za-z0-9_.-]*)*")
_HEX: Final = re.compile(r"[0-9a-f]{64}")
_LINE: Final = re.compile(r"([0-9a-f]{64}) {1,2}\*?(.+)")


class ManifestError(ValueError):
    """A statement, signature or manifest that is not what it has to be; the text says which rule it breaks."""


@dataclass(frozen=True, slots=True)
class Statement:
    """An in-toto statement about one file.

    Attributes:
        kind: the predicate type: CAPTURE, RECEIPT or SEAL.
        name: the file it speaks of.
        sha256: its hex digest.
        predicate: what is said of it; canonical values only.
    """

    kind: str
    name: str
    sha256: str
    predicate: Mapping[str, Any]

    def to_json(self) -> dict[str, Any]:
        """The statement as in-toto writes it."""
        return {
            "_type": STATEMENT_TYPE,
            "subject": [{"name": self.name, "digest": {"sha256": self.sha256}}],
            "predicateType": self.kind,
            "predicate": dict(self.predicate),
        }

    @classmethod
    def from_json(cls, value: object, *, kind: str) -> "Statement":
        """Read a statement of one kind.

        Raises:
            ManifestError: of another shape or kind.
        """
        match value:
            case {
                "_type": str(outer),
                "subject": [{"name": str(name), "digest": {"sha256": str(digest)}}],
                "predicateType": str(found),
                "predicate": dict(predicate),
                **rest,
            } if outer == STATEMENT_TYPE and found == kind and not rest and _HEX.fullmatch(digest):
                return cls(kind, name, digest, predicate)
        raise ManifestError(f"not a statement of kind {kind}")


# --- DSSE: what the gateway signs ---------------------------------------------------------------------------------


def pae(payload_type: str, payload: bytes) -> bytes:
    """The bytes a DSSE signature is over (DSSE protocol v1, pre-authentication encoding)."""
    kind = payload_type.encode()
    return b"DSSEv1 %d %s %d %s" % (len(kind), kind, len(payload), payload)


def seal(statement: Statement, *, sign: Callable[[bytes], bytes], keyid: str) -> bytes:
    """The DSSE envelope of `statement`; `sign` is Ed25519 over the bytes it is given."""
    payload = canonical.encode(statement.to_json())
    signature = base64.b64encode(sign(pae(PAYLOAD_TYPE, payload))).decode()
    envelope = {
        "payload": base64.b64encode(payload).decode(),
        "payloadType": PAYLOAD_TYPE,
        "signatures": [{"keyid": keyid, "sig": signature}],
    }
    return canonical.encode(envelope)


def unseal(envelope: bytes, key: Ed25519PublicKey, *, kind: str) -> Statement:
    """The statement in a DSSE envelope that `key` has signed.

    Raises:
        ManifestError: another form, another signer, or another kind.
    """
    try:
        match canonical.decode_object(envelope):
            case {"payload": str(text), "payloadType": str(outer), "signatures": [{"sig": str(sig)}]}:
                payload = base64.b64decode(text, validate=True)
                key.verify(base64.b64decode(sig, validate=True), pae(outer, payload))
                if outer != PAYLOAD_TYPE:
                    raise ManifestError("the envelope holds something else")
                return Statement.from_json(canonical.decode_object(payload), kind=kind)
            case _:
                raise ManifestError("not an envelope")
    except InvalidSignature as error:
        raise ManifestError("the signature does not verify") from error
    except (ValueError, binascii.Error) as error:
        raise ManifestError(str(error)) from error


def keyid_of(key: Ed25519PublicKey) -> str:
    """How an envelope names the key that signed it: the start of the digest of its raw bytes."""
    return hashlib.sha256(key.public_bytes_raw()).hexdigest()[:16]


# --- the site's signature -----------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class SignedCapture:
    """A capture the site signed.

    Attributes:
        claims: all that was signed; `iss` is the site's agent, `aud` the gateway.
        statement: the file and how it was cut.
    """

    claims: Mapping[str, Any]
    statement: Statement


def read_capture(token: str, jwk: Mapping[str, Any]) -> SignedCapture:
    """Verify a `capture+jwt` with the site's public key, with nothing but the standard library and cryptography.

    1. Three parts, the closed header. 2. ES256 over the first two. 3. A capture statement inside.

    Raises:
        ManifestError: the first that fails.
    """
    try:
        head, body, signature = token.split(".")
        header = json.loads(_unbase64url(head))
        raw = _unbase64url(signature)
    except (ValueError, UnicodeDecodeError) as error:
        raise ManifestError("not a signed capture") from error
    if (
        not isinstance(header, dict)
        or (header.get("alg"), header.get("typ")) != ("ES256", CAPTURE_TYP)
        or len(raw) != 64
    ):
        raise ManifestError("not a signed capture")  # 1
    pair = utils.encode_dss_signature(int.from_bytes(raw[:32], "big"), int.from_bytes(raw[32:], "big"))
    try:
        _p256(jwk).verify(pair, f"{head}.{body}".encode(), ec.ECDSA(hashes.SHA256()))  # 2
    except InvalidSignature as error:
        raise ManifestError("the site's signature does not verify") from error
    try:
        claims = canonical.decode_object(_unbase64url(body))
    except ValueError as error:
        raise ManifestError("not a signed capture") from error
    return SignedCapture(claims, Statement.from_json(claims.get("capture"), kind=CAPTURE))  # 3


def _p256(jwk: Mapping[str, Any]) -> ec.EllipticCurvePublicKey:
    try:
        x, y = (int.from_bytes(_unbase64url(str(jwk[name])), "big") for name in ("x", "y"))
        if (jwk.get("kty"), jwk.get("crv")) != ("EC", "P-256"):
            raise ManifestError("the site's key is not P-256")
        return ec.EllipticCurvePublicNumbers(x, y, ec.SECP256R1()).public_key()
    except (KeyError, ValueError) as error:
        raise ManifestError("the site's key cannot be read") from error


def _unbase64url(text: str) -> bytes:
    if not re.fullmatch(r"[A-Za-z0-9_-]*", text):
        raise ManifestError("not base64url")
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


# --- BagIt --------------------------------------------------------------------------------------------------------


def is_safe_name(name: str) -> bool:
    """Whether a path may stand in a package: plain ASCII parts, no dots at their start, no way out."""
    return len(name) <= MAX_NAME and _NAME.fullmatch(name) is not None


def write_manifest(digests: Mapping[str, str]) -> bytes:
    """A BagIt manifest: digest, two spaces, path; sorted, so that `sha256sum -c` reads it and it has one spelling."""
    return "".join(f"{digest}  {name}\n" for name, digest in sorted(digests.items())).encode()


def read_manifest(data: bytes) -> dict[str, str]:
    """Path to digest.

    Raises:
        ManifestError: a malformed line, an unsafe path, or a path named twice.
    """
    digests: dict[str, str] = {}
    try:
        lines = data.decode("ascii").splitlines()
    except UnicodeDecodeError as error:
        raise ManifestError("a manifest is ASCII") from error
    for line in lines:
        found = _LINE.fullmatch(line)
        if found is None or not is_safe_name(found[2]) or found[2] in digests:
            raise ManifestError("a manifest line is malformed, unsafe or repeated")
        digests[found[2]] = found[1]
    return digests
