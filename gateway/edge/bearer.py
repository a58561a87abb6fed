"""What an `Authorization` header carries under the scheme `Bearer`: read here once, for every door that takes one.

Whether it opens anything is the door's to say. RFC 9110 §11.1, §11.4; RFC 6750 §2.1.
"""

from typing import Final

_SCHEME: Final = "bearer"  # RFC 9110 §11.1: compared without regard to case


def bearer(authorization: str) -> str:
    """The token of the header; empty where there is no header, another scheme or nothing behind it."""
    scheme, _, token = authorization.partition(" ")
    return token.strip(" ") if scheme.lower() == _SCHEME else ""
