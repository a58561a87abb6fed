"""Stills at rest: encrypted as recordings are, each under a key of its own.

What `live` keeps as the wrapped key begins with a mark that is part of the file's name. Whoever writes draws a new one,
so that nobody overwrites or deletes the file of another that came at the same time.
"""

from datetime import timedelta
from typing import Final

from gateway.app.ground import Ground
from gateway.evidence import Chunk, DamagedError, EncryptedObjects
from gateway.live import Still, StillGround
from partner_agent.wire.ids import IdSource

_MARK_BYTES: Final = 8


class EncryptedStills:
    """`live.StillVault` over a folder of encrypted files."""

    def __init__(self, objects: EncryptedObjects, ids: IdSource) -> None:
        self._objects, self._ids = objects, ids

    def new_key(self, still_id: str) -> bytes:
        """A fresh key, wrapped, behind the mark of its file."""
        mark = self._ids.secret(_MARK_BYTES)
        return mark + self._objects.new_key(_name(still_id, mark))

    def write(self, still_id: str, wrapped_key: bytes, data: bytes) -> bytes:
        """One chunk; its nonce."""
        mark, key = wrapped_key[:_MARK_BYTES], wrapped_key[_MARK_BYTES:]
        return self._objects.append(_name(still_id, mark), key, (), data, is_last=True).nonce

    def read(self, still: Still) -> bytes:
        """The plain bytes.

        Raises:
            OSError: it is gone, or does not decrypt.
        """
        mark, key = still.wrapped_key[:_MARK_BYTES], still.wrapped_key[_MARK_BYTES:]
        chunk = Chunk(0, still.size_bytes, still.nonce)
        try:
            return b"".join(self._objects.read(_name(still.id, mark), key, (chunk,)))
        except DamagedError as error:
            raise OSError("the file of a still does not decrypt") from error

    def delete(self, still_id: str, wrapped_key: bytes) -> None:
        """Remove the file of this key."""
        self._objects.delete(_name(still_id, wrapped_key[:_MARK_BYTES]))


def _name(still_id: str, mark: bytes) -> str:
    return f"{still_id}-{mark.hex()}"


def still_ground(ground: Ground) -> StillGround:
    """Where stills are, for as long as the settings say."""
    folder = ground.settings.state_dir / "stills"
    objects = EncryptedObjects(folder, wrapping_key=ground.secret.key("stills"), ids=ground.ids)
    keep = timedelta(hours=ground.settings.still_hours)
    return StillGround(
        vault=EncryptedStills(objects, ground.ids), token_key=ground.secret.key("still-uploads"), keep=keep
    )
