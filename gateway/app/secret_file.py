"""The gateway's one symmetric secret: a file only its user can read, from which purposes derive their keys."""

import os
from pathlib import Path
from typing import Final

from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from partner_agent.wire.ids import IdSource

SECRET_BYTES: Final = 32


class MasterSecret:
    """Derives a key per purpose (HKDF-SHA-256, RFC 5869), so that no two uses share one."""

    def __init__(self, secret: bytes) -> None:
        if len(secret) != SECRET_BYTES:
            raise ValueError(f"the master secret must have {SECRET_BYTES} bytes")
        self._secret = secret

    @classmethod
    def open(cls, path: Path, *, ids: IdSource) -> "MasterSecret":
        """Read the file, or make it on the first start."""
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        try:
            descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        except FileExistsError:
            return cls(path.read_bytes())
        with os.fdopen(descriptor, "wb") as file:
            secret = ids.secret(SECRET_BYTES)
            file.write(secret)
            file.flush()
            os.fsync(file.fileno())
        return cls(secret)

    def key(self, purpose: str) -> bytes:
        """32 bytes for `purpose` and nothing else."""
        return HKDF(algorithm=SHA256(), length=32, salt=None, info=f"lenspact/{purpose}/v1".encode()).derive(
            self._secret
        )

    def __repr__(self) -> str:
        """Never the secret."""
        return "MasterSecret(…)"
