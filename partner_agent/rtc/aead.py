"""AES-GCM for numbered packets: by `qh3` where it is installed and proves itself, else by `cryptography`.

A packet's nonce is a vector exclusive-or the packet's number. QUIC makes it so (RFC 9001 §5.3), and so does SRTP (RFC
7714 §8.1): the packet cipher of a QUIC library seals SRTP as well. It keeps its key ready; `cryptography` copies a
context for every call, which takes longer than the encryption. The two give the same bytes. That no number is used
twice under one key is the caller's business.
"""

from collections.abc import Callable, Mapping
from typing import Final, Protocol

from cryptography.hazmat.primitives.ciphers.aead import AESGCM

try:
    from qh3 import _hazmat as quic
except ImportError:  # an agent does without: each of its packets is sealed once
    quic = None  # type: ignore[assignment]

NONCE_BYTES: Final = 12
_LENGTHS: Final = {16, 32}  # bytes of a key: AEAD_AES_128_GCM, AEAD_AES_256_GCM

Encrypt = Callable[[int, bytes, bytes], bytes]  # number, payload, what is authenticated with it; sealed payload and tag


class Numbered(Protocol):
    """A cipher that makes its nonces itself."""

    def encrypt(self, packet_number: int, data: bytes, associated_data: bytes) -> bytes:
        """The sealed `data` with its tag behind it."""


Ciphers = Mapping[int, Callable[[bytes, bytes], Numbered]]  # made of key and vector, for keys so many bytes long


def encryptor(key: bytes, vector: bytes) -> Encrypt:
    """What seals packets under `key`, of 16 or 32 bytes; `vector` is the nonce of number 0."""
    kind = _QUICK.get(len(key))
    return kind(key, vector).encrypt if kind is not None else _plain(key, vector)


def is_quick() -> bool:
    """Whether keys of both lengths have the quick library."""
    return _QUICK.keys() == _LENGTHS


def proved(ciphers: Ciphers) -> Ciphers:
    """Those that seal as `cryptography` does; a library that changed its mind is left alone."""
    return {length: kind for length, kind in ciphers.items() if _is_proved(length, kind)}


def installed() -> Ciphers:
    """What this environment has, as we know it by name."""
    return {16: quic.AeadAes128Gcm, 32: quic.AeadAes256Gcm} if quic is not None else {}


def _plain(key: bytes, vector: bytes) -> Encrypt:
    encrypt, start = AESGCM(key).encrypt, int.from_bytes(vector, "big")

    def seal(number: int, payload: bytes, associated: bytes) -> bytes:
        return encrypt((start ^ number).to_bytes(NONCE_BYTES, "big"), payload, associated)

    return seal


def _is_proved(length: int, kind: Callable[[bytes, bytes], Numbered]) -> bool:
    key, vector = bytes(range(length)), bytes(range(NONCE_BYTES))
    number, payload, associated = (1 << 48) - 3, b"payload", b"associated"
    try:
        sealed = kind(key, vector).encrypt(number, payload, associated)
    except Exception:  # noqa: BLE001 -- whatever it is, it is not what we know
        return False
    return sealed == _plain(key, vector)(number, payload, associated)


def _found() -> Ciphers:
    try:
        return proved(installed())
    except AttributeError:  # its names have moved
        return {}


_QUICK: Final = _found()
