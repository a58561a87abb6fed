"""The DTLS identity of one end: a self-signed P-256 certificate whose SHA-256 fingerprint is what the other end trusts.

A relay keeps its own on disk, for the key set names its fingerprint; an agent may make one per run. Needs only
`cryptography`, so that whoever writes a key set can read the fingerprint without loading WebRTC.
"""

import os
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Final

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

LIFE_DAYS: Final = 3_650  # nobody reads it: peers pin the fingerprint, and the key set limits its use to 90 days


@dataclass(frozen=True, slots=True)
class DtlsIdentity:
    """A private key and its certificate."""

    key: ec.EllipticCurvePrivateKey
    certificate: x509.Certificate

    @property
    def fingerprint(self) -> str:
        """SHA-256 of the certificate as SDP writes it: upper-case hex with colons (RFC 8122 §5)."""
        return self.certificate.fingerprint(hashes.SHA256()).hex(":").upper()


def generate(now: datetime) -> DtlsIdentity:
    """A new identity; the name in it says nothing."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "media")])
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=LIFE_DAYS))
        .sign(key, hashes.SHA256())
    )
    return DtlsIdentity(key, certificate)


def load_or_generate(path: Path, now: datetime) -> DtlsIdentity:
    """The identity kept at `path` (PEM, mode 0600), made there on first use.

    Raises:
        TypeError: the file holds another kind of key.
        ValueError: the file holds no key.
    """
    if not path.exists():
        _write(path, generate(now))
    text = path.read_bytes()
    key = serialization.load_pem_private_key(text, password=None)
    if not isinstance(key, ec.EllipticCurvePrivateKey):
        raise TypeError(f"{path} holds no elliptic-curve key; remove it to have a new one made")
    return DtlsIdentity(key, x509.load_pem_x509_certificate(text))


def _write(path: Path, identity: DtlsIdentity) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    key = identity.key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    draft = path.with_suffix(".new")
    handle = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(handle, "wb") as file:
        file.write(key + identity.certificate.public_bytes(serialization.Encoding.PEM))
    draft.replace(path)
