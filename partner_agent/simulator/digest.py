"""The camera's side of digest authentication for RTSP (RFC 7616 without qop, as cameras do it). Pure."""

import hashlib
import hmac
import re
from collections.abc import Sequence
from typing import Final

REALM: Final = "Lenspact simulated camera"
_HASHES: Final = {"MD5": hashlib.md5, "SHA-256": hashlib.sha256}
_FIELD: Final = re.compile(r'(\w+)=(?:"([^"]*)"|([^\s,]+))')


def challenges(algorithms: Sequence[str], nonce: str) -> list[str]:
    """One WWW-Authenticate value per algorithm, in the given order."""
    return [f'Digest realm="{REALM}", nonce="{nonce}", algorithm={algorithm}' for algorithm in algorithms]


def is_authorized(header: str, *, method: str, user: str, password: str, nonce: str, algorithms: Sequence[str]) -> bool:
    """Whether an Authorization header answers our challenge for `method` with this user and password."""
    scheme, _, rest = header.partition(" ")
    if scheme.lower() != "digest":
        return False
    fields = {name.lower(): quoted or bare for name, quoted, bare in _FIELD.findall(rest)}
    algorithm = fields.get("algorithm", "MD5").upper()
    if algorithm not in algorithms or fields.get("nonce") != nonce or fields.get("username") != user:
        return False
    hashed = _HASHES[algorithm]

    def digest(text: str) -> str:
        return hashed(text.encode()).hexdigest()

    secret, act = digest(f"{user}:{REALM}:{password}"), digest(f"{method}:{fields.get('uri', '')}")
    return hmac.compare_digest(digest(f"{secret}:{nonce}:{act}"), fields.get("response", ""))
