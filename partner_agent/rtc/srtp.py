"""SRTP for what we send: AES-GCM, and libsrtp for peers that do not offer it.

The session keys come from the DTLS handshake; here the RFC 3711 §4.3 key derivation and the RFC 7714 packet form are
done in Python because one packet then costs at most half of what libsrtp takes. GCM dies when two plaintexts share a
nonce, so a protector refuses an index it has used, and any that is too old to tell.
"""

from collections.abc import Callable, Sequence
from typing import Final, Protocol

from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

from partner_agent.rtc import aead

TAG_BYTES: Final = 16  # RFC 7714 §14.1
SALT_BYTES: Final = 12
_LABEL_KEY: Final = 0  # RFC 3711 §4.3.2
_LABEL_SALT: Final = 2
_MAX_INDEX: Final = (1 << 48) - 1  # RFC 3711 §3.3.1: 32 bits of rollover counter, 16 of sequence number


# Packets that may overtake one: 0.5 s of 4 Mbit/s, in which a lost one is repaired on its way here.
_WINDOW: Final = 256


class IndexReusedError(RuntimeError):
    """This index was used, or is too old to know: sending it could reuse a nonce. Drop the packet."""


class Protector(Protocol):
    """Encrypts the packets of one peer."""

    overhead_bytes: int

    def protect(self, header: bytes, payload: bytes, index: int) -> bytes:
        """The SRTP packet of `header` and `payload`, whose place in this peer's stream is `index`.

        Raises:
            IndexReusedError: `index` was used before, or lies too far back to tell.
        """

    def seal(self, headers: Sequence[bytes], payloads: Sequence[bytes], first: int) -> bytes | None:
        """The SRTP packets of these, whose indexes follow one another from `first` on, one behind the other.

        Returns:
            None if `first` is not the next index, or this peer's profile cannot: no index was used then.
        """


def derive(master_key: bytes, master_salt: bytes, label: int, length: int) -> bytes:
    """One session key by AES in counter mode, key derivation rate 0 (RFC 3711 §4.3.1, §4.3.3).

    Args:
        master_key: 16 or 32 bytes.
        master_salt: 14 bytes, or 12 for GCM, which are padded on the right (RFC 7714 §11).
        label: which session key.
        length: bytes wanted.
    """
    salt = int.from_bytes(master_salt.ljust(14, b"\x00"), "big")
    start = (salt ^ (label << 48)) << 16
    return Cipher(algorithms.AES(master_key), modes.CTR(start.to_bytes(16, "big"))).encryptor().update(b"\x00" * length)


def session_keys(key: bytes, salt: bytes) -> tuple[bytes, bytes]:
    """Key and salt of RTP packets under GCM, out of what the DTLS handshake exported."""
    return derive(key, salt, _LABEL_KEY, len(key)), derive(key, salt, _LABEL_SALT, SALT_BYTES)


def nonce(salt: bytes, ssrc: int, index: int) -> bytes:
    """The 12-byte initialisation vector: 0 ‖ SSRC ‖ ROC ‖ SEQ, exclusive-or salt (RFC 7714 §8.1)."""
    return (int.from_bytes(salt, "big") ^ (ssrc << 48) ^ index).to_bytes(12, "big")


class UsedIndexes:
    """Which packet indexes one key has seen: the newest, and which of those shortly before it were passed over.

    Attributes:
        newest: -1 before the first.
    """

    def __init__(self, *, window: int = _WINDOW) -> None:
        """`window` is how many may overtake one."""
        self.newest = -1
        self._window = window
        self._passed: dict[int, None] = {}

    def use(self, index: int) -> None:
        """Take `index`, once.

        Raises:
            IndexReusedError: it was taken, or is older than the window or the first, or does not fit 48 bits.
        """
        newest = self.newest
        if index == newest + 1 and index <= _MAX_INDEX:  # nearly always
            self.newest = index
        elif index > newest:
            self._pass_over(newest, index)
        elif index > newest - self._window and index in self._passed:
            del self._passed[index]
        else:
            raise IndexReusedError(f"index {index} after {newest}")

    def use_next(self, first: int, count: int) -> bool:
        """Take `count` indexes from `first` on if they are the next ones, or the first of all; else none, and False."""
        if (first != self.newest + 1 and self.newest >= 0) or first < 0 or first + count - 1 > _MAX_INDEX:
            return False
        self.newest = first + count - 1
        return True

    def _pass_over(self, newest: int, index: int) -> None:
        if index > _MAX_INDEX:
            raise IndexReusedError("the key is used up")
        self.newest = index
        if newest >= 0:
            self._passed.update(dict.fromkeys(range(max(newest + 1, index - self._window + 1), index)))
        if len(self._passed) > 2 * self._window:
            self._passed = dict.fromkeys(passed for passed in self._passed if passed > index - self._window)


class GcmProtector:
    """AEAD_AES_128_GCM or AEAD_AES_256_GCM for one SSRC of one peer."""

    overhead_bytes = TAG_BYTES

    def __init__(self, *, session_key: bytes, session_salt: bytes, ssrc: int) -> None:
        used = UsedIndexes()
        self._encrypt = aead.cipher(session_key, nonce(session_salt, ssrc, 0)).encrypt
        self._use, self._use_next = used.use, used.use_next

    @classmethod
    def from_master(cls, *, key: bytes, salt: bytes, ssrc: int) -> "GcmProtector":
        """With session keys derived from what the DTLS handshake exported."""
        session_key, session_salt = session_keys(key, salt)
        return cls(session_key=session_key, session_salt=session_salt, ssrc=ssrc)

    def protect(self, header: bytes, payload: bytes, index: int) -> bytes:
        """The SRTP packet; the header is authenticated, the payload also encrypted."""
        self._use(index)
        return header + self._encrypt(index, payload, header)

    def seal(self, headers: Sequence[bytes], payloads: Sequence[bytes], first: int) -> bytes | None:
        """Each header is authenticated, its payload encrypted."""
        count = len(payloads)
        if not self._use_next(first, count):
            return None
        pieces = [b""] * (2 * count)
        pieces[::2] = headers
        pieces[1::2] = map(self._encrypt, range(first, first + count), payloads, headers)  # a loop without bytecode
        return b"".join(pieces)


class LibsrtpProtector:
    """Any profile libsrtp speaks; it keeps the rollover counter itself."""

    overhead_bytes = 10  # HMAC-SHA1-80 (RFC 3711 §4.2.1)

    def __init__(self, protect: Callable[[bytes], bytes]) -> None:
        self._protect = protect
        self._use = UsedIndexes().use

    def protect(self, header: bytes, payload: bytes, index: int) -> bytes:
        """The SRTP packet."""
        self._use(index)
        return self._protect(header + payload)

    def seal(self, headers: Sequence[bytes], payloads: Sequence[bytes], first: int) -> bytes | None:
        """Never: libsrtp keeps count itself."""
        del headers, payloads, first
        return None
