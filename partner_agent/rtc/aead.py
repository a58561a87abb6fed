"""AES-GCM for numbered packets: by `qh3` where it is installed and proves itself, else by `cryptography`.

A packet's nonce is a vector exclusive-or the packet's number. QUIC makes it so (RFC 9001 §5.3), and so does SRTP (RFC
7714 §8.1): the packet cipher of a QUIC library seals SRTP as well. It keeps its key ready; `cryptography` copies a
context for every call, which takes longer than the encryption. The two give the same bytes. That no number is used
twice under one key is the caller's business.
"""

from collections.abc import Callable, Mapping
from typing import Final, Protocol

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

try:
    from qh3._hazmat import AeadAes128Gcm, AeadAes256Gcm, CryptoError
except Exception:  # noqa: BLE001 -- none, or one that is not as we know it; an agent does without
    _KNOWN: "Ciphers" = {}
    _REFUSALS: tuple[type[Exception], ...] = ()
else:
    _KNOWN = {16: AeadAes128Gcm, 32: AeadAes256Gcm}
    _REFUSALS = (CryptoError,)

NONCE_BYTES: Final = 12
_LENGTHS: Final = {16, 32}  # bytes of a key: AEAD_AES_128_GCM, AEAD_AES_256_GCM

# what decryption raises of a packet that is not authentic
FORGED: Final[tuple[type[Exception], ...]] = (InvalidTag, *_REFUSALS)


class Numbered(Protocol):
    """A cipher that makes its nonces itself."""

    def encrypt(self, packet_number: int, data: bytes, associated_data: bytes) -> bytes:
        """The sealed `data` with its tag behind it."""

    def decrypt(self, packet_number: int, data: bytes, associated_data: bytes) -> bytes:
        """What was sealed."""


Ciphers = Mapping[int, Callable[[bytes, bytes], Numbered]]  # made of key and vector, for keys so many bytes long


def cipher(key: bytes, vector: bytes) -> Numbered:
    """What seals and opens packets under `key`, of 16 or 32 bytes; `vector` is the nonce of number 0.

    Of a packet that is not authentic its `decrypt` raises one of `FORGED`.
    """
    return _QUICK.get(len(key), _Plain)(key, vector)


def is_quick() -> bool:
    """Whether keys of both lengths have the quick library."""
    return _QUICK.keys() == _LENGTHS


def proved(ciphers: Ciphers) -> Ciphers:
    """Those that seal, open and refuse as `cryptography` does; a library that changed its mind is left alone."""
    return {length: kind for length, kind in ciphers.items() if _is_proved(length, kind)}


class _Plain:
    """The same by `cryptography`."""

    def __init__(self, key: bytes, vector: bytes) -> None:
        self._cipher, self._vector = AESGCM(key), int.from_bytes(vector, "big")

    def encrypt(self, packet_number: int, data: bytes, associated_data: bytes) -> bytes:
        """The sealed `data` with its tag behind it."""
        return self._cipher.encrypt(self._nonce(packet_number), data, associated_data)

    def decrypt(self, packet_number: int, data: bytes, associated_data: bytes) -> bytes:
        """What was sealed."""
        return self._cipher.decrypt(self._nonce(packet_number), data, associated_data)

    def _nonce(self, number: int) -> bytes:
        return (self._vector ^ number).to_bytes(NONCE_BYTES, "big")


def _is_proved(length: int, kind: Callable[[bytes, bytes], Numbered]) -> bool:
    key, vector = bytes(range(length)), bytes(range(NONCE_BYTES))
    plain = _Plain(key, vector)
    try:
        other = kind(key, vector)
        return all(_agree(other, plain, number) for number in ((1 << 48) - 3, 7))  # nor does it insist on an order
    except (KeyboardInterrupt, SystemExit):
        raise
    except BaseException:  # noqa: BLE001 -- a Rust library's panic is no `Exception`
        return False


def _agree(other: Numbered, plain: Numbered, number: int) -> bool:
    payload, associated = b"payload", b"associated"
    sealed = plain.encrypt(number, payload, associated)
    if other.encrypt(number, payload, associated) != sealed or other.decrypt(number, sealed, associated) != payload:
        return False
    forged = (bytes([sealed[0] ^ 1]) + sealed[1:], sealed[:-1], sealed[:3], b"")
    return all(_is_refused(other, number, data, associated) for data in forged)


def _is_refused(other: Numbered, number: int, data: bytes, associated: bytes) -> bool:
    try:
        other.decrypt(number, data, associated)
    except FORGED:
        return True
    return False


_QUICK: Final = proved(_KNOWN)
