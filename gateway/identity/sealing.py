"""Small secrets at rest: AES-256-GCM under the gateway's key, each bound to what it belongs to."""

from typing import Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from partner_agent.wire.ids import IdSource

NONCE_BYTES: Final = 12


class BrokenSealError(Exception):
    """The secret was altered, moved to another row, or sealed by another gateway."""


class Sealer:
    """Seals and opens; `bound_to` (a person's id, say) must be the same both times."""

    def __init__(self, *, key: bytes, ids: IdSource) -> None:
        self._cipher = AESGCM(key)
        self._ids = ids

    def seal(self, plain: bytes, *, bound_to: str) -> bytes:
        """Nonce and ciphertext; the nonce is random, and far fewer than 2^32 are ever made."""
        nonce = self._ids.secret(NONCE_BYTES)
        return nonce + self._cipher.encrypt(nonce, plain, bound_to.encode())

    def open(self, sealed: bytes, *, bound_to: str) -> bytes:
        """The secret.

        Raises:
            BrokenSealError: it is not ours, or not this one's.
        """
        try:
            return self._cipher.decrypt(sealed[:NONCE_BYTES], sealed[NONCE_BYTES:], bound_to.encode())
        except (InvalidTag, ValueError) as error:
            raise BrokenSealError("a sealed value does not open") from error
