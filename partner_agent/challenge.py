"""Why a camera refused to let us in: reads the sign-in methods it offers, without offering it anything.

FFmpeg answers a digest challenge only in MD5, and only the last challenge of a reply. A camera that wants SHA-256 then
looks like one with a wrong password, and the owner would type the right one again and again.
"""

import re
import socket
from typing import Final
from urllib.parse import urlsplit

TIMEOUT_S: Final = 3.0
REPLY_BYTES: Final = 16 * 1024
DEFAULT_PORT: Final = 554
_CHALLENGE: Final = re.compile(r"^www-authenticate:\s*(\w+)(.*)$", re.IGNORECASE | re.MULTILINE)
_ALGORITHM: Final = re.compile(r'algorithm="?([\w-]+)', re.IGNORECASE)


def offered(url: str) -> list[str]:
    """The sign-in methods of the camera at `url` in its order, such as `digest MD5`; empty if it tells none."""
    parts = urlsplit(url)
    request = f"DESCRIBE {url} RTSP/1.0\r\nCSeq: 1\r\nAccept: application/sdp\r\n\r\n"
    try:
        with socket.create_connection((parts.hostname or "", parts.port or DEFAULT_PORT), TIMEOUT_S) as connection:
            connection.sendall(request.encode())
            return methods(_reply(connection))
    except (OSError, ValueError):
        return []


def methods(reply: str) -> list[str]:
    """The sign-in methods an RTSP reply asks for, in its order."""
    found = []
    for scheme, rest in _CHALLENGE.findall(reply):
        if scheme.lower() == "digest":
            algorithm = _ALGORITHM.search(rest)
            found.append(f"digest {algorithm[1].upper() if algorithm else 'MD5'}")
        else:
            found.append(scheme.lower())
    return found


def is_answerable(offered_methods: list[str]) -> bool:
    """Whether FFmpeg could have answered: the last digest challenge is MD5, or there is none."""
    digests = [method for method in offered_methods if method.startswith("digest ")]
    return not digests or digests[-1] == "digest MD5"


def _reply(connection: socket.socket) -> str:
    """The head of one reply."""
    received = b""
    while b"\r\n\r\n" not in received and len(received) < REPLY_BYTES:
        piece = connection.recv(4096)
        if not piece:
            break
        received += piece
    return received.decode("latin-1").replace("\r\n", "\n")
