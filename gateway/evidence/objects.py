"""Recordings at rest: encrypted files that grow chunk by chunk, and are durable before anybody is told so. Blocking.

Each file has a key of its own, wrapped under the gateway's; each chunk a random nonce, so that a chunk written again
after a crash with other bytes never reuses one. The additional data bind a chunk to its file, its place and whether it
is the last: a swapped, moved, dropped or foreign chunk does not decrypt.
"""

import hashlib
import os
import struct
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from gateway.evidence.model import Chunk
from partner_agent.wire.ids import IdSource

CHUNK_BYTES: Final = 4 * 1024 * 1024  # plain; one durable step of an upload
KEY_BYTES: Final = 32
NONCE_BYTES: Final = 12  # NIST SP 800-38D §8.2.2: random 96-bit nonces
TAG_BYTES: Final = 16


class DamagedError(Exception):
    """The file is not what was written: a chunk does not decrypt."""


class EncryptedObjects:
    """A folder of encrypted files."""

    def __init__(self, folder: Path, *, wrapping_key: bytes, ids: IdSource) -> None:
        """`wrapping_key`: 32 bytes for this purpose alone."""
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        self._folder = folder
        self._wrap = AESGCM(wrapping_key)
        self._ids = ids

    def new_key(self, object_id: str) -> bytes:
        """A fresh key for one file, wrapped."""
        nonce = self._ids.secret(NONCE_BYTES)
        return nonce + self._wrap.encrypt(nonce, self._ids.secret(KEY_BYTES), object_id.encode())

    def append(
        self, object_id: str, wrapped_key: bytes, written: Sequence[Chunk], data: bytes, *, is_last: bool
    ) -> Chunk:
        """Encrypt `data` behind the chunks `written` and make it durable; what stood behind them is overwritten.

        Args:
            object_id: which file.
            wrapped_key: its key.
            written: what is committed, in order.
            data: at most one chunk.
            is_last: whether the file ends here.

        Raises:
            OSError: the disk refused; nothing that was committed is lost.
        """
        index, nonce = len(written), self._ids.secret(NONCE_BYTES)
        sealed = self._key(object_id, wrapped_key).encrypt(nonce, data, _bound(object_id, index, is_last=is_last))
        start = sum(chunk.size + TAG_BYTES for chunk in written)
        descriptor = os.open(self._path(object_id), os.O_WRONLY | os.O_CREAT, 0o600)
        try:
            os.ftruncate(descriptor, start)
            _write_all(descriptor, sealed, start)
            os.fdatasync(descriptor)
        except OSError:
            os.ftruncate(descriptor, start)
            raise
        finally:
            os.close(descriptor)
        return Chunk(index, len(data), nonce)

    def read(
        self, object_id: str, wrapped_key: bytes, chunks: Sequence[Chunk], *, start: int = 0, end: int | None = None
    ) -> Iterator[bytes]:
        """The plain bytes [start, end) of a complete file.

        Raises:
            DamagedError: a chunk on the way does not decrypt, or the file is cut off.
        """
        end = sum(chunk.size for chunk in chunks) if end is None else end
        key = self._key(object_id, wrapped_key)
        plain_at = file_at = 0
        with self._path(object_id).open("rb") as file:
            for chunk in chunks:
                if plain_at < end and start < plain_at + chunk.size:
                    file.seek(file_at)
                    bound = _bound(object_id, chunk.index, is_last=chunk.index == len(chunks) - 1)
                    try:
                        data = key.decrypt(chunk.nonce, file.read(chunk.size + TAG_BYTES), bound)
                    except (InvalidTag, ValueError) as error:
                        raise DamagedError("a chunk does not decrypt") from error
                    yield data[max(0, start - plain_at) : end - plain_at]
                plain_at += chunk.size
                file_at += chunk.size + TAG_BYTES

    def digest(self, object_id: str, wrapped_key: bytes, chunks: Sequence[Chunk]) -> str:
        """Hex SHA-256 of the whole plain file.

        Raises:
            DamagedError: it is not what was written.
        """
        digest = hashlib.sha256()
        for data in self.read(object_id, wrapped_key, chunks):
            digest.update(data)
        return digest.hexdigest()

    def delete(self, object_id: str) -> None:
        """Remove the file; without its key it was noise anyhow."""
        self._path(object_id).unlink(missing_ok=True)

    def _path(self, object_id: str) -> Path:
        return self._folder / object_id

    def _key(self, object_id: str, wrapped_key: bytes) -> AESGCM:
        nonce, sealed = wrapped_key[:NONCE_BYTES], wrapped_key[NONCE_BYTES:]
        try:
            return AESGCM(self._wrap.decrypt(nonce, sealed, object_id.encode()))
        except InvalidTag as error:
            raise DamagedError("the key of a file does not unwrap") from error


def _bound(object_id: str, index: int, *, is_last: bool) -> bytes:
    return object_id.encode() + struct.pack(">Q?", index, is_last)


def _write_all(descriptor: int, data: bytes, offset: int) -> None:
    view = memoryview(data)
    while view:
        written = os.pwrite(descriptor, view, offset)
        offset += written
        view = view[written:]
