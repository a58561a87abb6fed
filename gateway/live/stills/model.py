"""A still as the gateway keeps it. Pure."""

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Still:
    """One still that was handed over.

    Attributes:
        id: of its session.
        sha256: of the JPEG, as the site's device signed it.
        statement: that signature, a `still+jwt`.
        wrapped_key, nonce: open the encrypted file.
        expires_at: nobody reads it any more, and it is deleted.
    """

    id: str
    person_id: str
    camera_id: str
    sha256: str
    size_bytes: int
    width: int
    height: int
    statement: str
    wrapped_key: bytes
    nonce: bytes
    taken_at: datetime
    expires_at: datetime
