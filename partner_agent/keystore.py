"""The device key in a file: 0600, sealed under a secret of the machine where there is one, and honest where not.

With a systemd credential named `lenspact-seal` (TPM-bound where the machine has a TPM) the file is AES-256-GCM under
it, so a copied disk alone opens nothing. Without one the file is plain, and `describe` says so.
"""

import json
import os
import stat
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from partner_agent.wire.tokens import LocalSigner

SEAL_NAME: Final = "lenspact-seal"
_NONCE_BYTES: Final = 12
_MAGIC: Final = b"lenspact-sealed-key-v1\n"


class KeyStoreError(Exception):
    """The device key cannot be used; the sentence says what to do."""


class FileKeyStore:
    """`state_dir/device.key`."""

    def __init__(self, folder: Path, environment: Mapping[str, str]) -> None:
        self._path = folder / "device.key"
        self._candidate = folder / "device.key.new"
        self._seal = _seal_secret(environment)

    def load(self) -> LocalSigner | None:
        """The device key, or None before the first enrolment.

        Raises:
            KeyStoreError: others can read the file, or it cannot be opened.
        """
        if not self._path.exists():
            return None
        if stat.S_IMODE(self._path.stat().st_mode) & 0o077:
            raise KeyStoreError(f"others can read {self._path}; run: chmod 600 {self._path}, then enrol again")
        data = self._path.read_bytes()
        if data.startswith(_MAGIC):
            data = self._open(data.removeprefix(_MAGIC))
        try:
            return LocalSigner(json.loads(data))
        except (ValueError, KeyError) as error:
            raise KeyStoreError(f"{self._path} is damaged; enrol this agent again") from error

    def create(self) -> LocalSigner:
        """A new device key, laid aside until `adopt`: the one in use stays in use, whatever comes of it."""
        signer = LocalSigner.generate("ES256")
        data = json.dumps(signer.private_jwk()).encode()
        if self._seal:
            nonce = os.urandom(_NONCE_BYTES)
            data = _MAGIC + nonce + AESGCM(self._seal).encrypt(nonce, data, _MAGIC)
        self._path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._candidate.unlink(missing_ok=True)
        descriptor = os.open(self._candidate, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        return signer

    def adopt(self) -> None:
        """The key last created is the device key from now on; the former one stays aside as `device.key.old`."""
        if self._path.exists():
            self._path.replace(self._path.with_suffix(".key.old"))
        self._candidate.replace(self._path)

    def describe(self) -> str:
        """How well the key is protected."""
        if self._seal:
            return "The device key is sealed under this machine's own secret; a copy of the disk alone opens nothing."
        return "The device key lies in a file that only this user can read; whoever copies the disk has it."

    def _open(self, data: bytes) -> bytes:
        if not self._seal:
            raise KeyStoreError(f"the device key is sealed; start the agent with the credential {SEAL_NAME}")
        try:
            return AESGCM(self._seal).decrypt(data[:_NONCE_BYTES], data[_NONCE_BYTES:], _MAGIC)
        except InvalidTag as error:
            raise KeyStoreError("the device key was sealed on another machine; enrol this agent again") from error


def _seal_secret(environment: Mapping[str, str]) -> bytes | None:
    folder = environment.get("CREDENTIALS_DIRECTORY")  # systemd.exec(5), LoadCredentialEncrypted=
    path = Path(folder) / SEAL_NAME if folder else None
    if path is None or not path.exists():
        return None
    kdf = HKDF(algorithm=hashes.SHA256(), length=32, salt=None, info=_MAGIC)
    return kdf.derive(path.read_bytes())
