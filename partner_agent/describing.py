"""Asks a camera for the description of a stream, and starts nothing: what sound it has is known before it is wanted.

One `DESCRIBE`, answered to a digest challenge in MD5 or a basic one, as FFmpeg does. Ask only a camera whose password
was just seen to be right: cameras count wrong ones. Blocking, for a thread. RFC 2326 §10.2, RFC 7616, RFC 7617.
"""

import base64
import hashlib
import re
import socket
import ssl
from typing import Final
from urllib.parse import urlsplit

from partner_agent.challenge import DEFAULT_PORT, TIMEOUT_S
from partner_agent.demux import CameraAddress

ANSWER_BYTES: Final = 64 * 1024
SECURE_PORT: Final = 322  # RFC 7826 §22
_STATUS: Final = re.compile(rb"RTSP/1\.\d (\d{3}) ")
_LENGTH: Final = re.compile(rb"^content-length:\s*(\d{1,6})\s*$", re.IGNORECASE | re.MULTILINE)
_CHALLENGE: Final = re.compile(r"^www-authenticate:\s*(basic|digest)\b(.*)$", re.IGNORECASE | re.MULTILINE)
_FIELD: Final = re.compile(r'(\w+)\s*=\s*(?:"([^"]*)"|([^\s,]+))')


def described(address: CameraAddress) -> str | None:
    """The session description of the stream at `address`; None where the camera does not give it."""
    try:
        with _connected(address.url) as connection:
            status, head, body = _ask(connection, address.url, 1, "")
            if status == 401 and address.user:
                authorization = _authorization(head.decode("latin-1").replace("\r\n", "\n"), address)
                status, _, body = _ask(connection, address.url, 2, authorization) if authorization else (401, b"", b"")
    except (OSError, ValueError):
        return None
    return body.decode("utf-8", "replace") if status == 200 else None


def _connected(url: str) -> socket.socket:
    """A connection; a camera's certificate is its own, and is believed as it is for its pictures."""
    parts = urlsplit(url)
    is_secure = parts.scheme == "rtsps"
    place = (parts.hostname or "", parts.port or (SECURE_PORT if is_secure else DEFAULT_PORT))
    connection = socket.create_connection(place, TIMEOUT_S)
    if not is_secure:
        return connection
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    return context.wrap_socket(connection)


def _ask(connection: socket.socket, url: str, number: int, authorization: str) -> tuple[int, bytes, bytes]:
    """Status, head and body of one answer.

    Raises:
        ValueError: it is none, or larger than a description is.
    """
    lines = [f"DESCRIBE {url} RTSP/1.0", f"CSeq: {number}", "Accept: application/sdp"]
    lines += [f"Authorization: {authorization}"] if authorization else []
    connection.sendall(("\r\n".join(lines) + "\r\n\r\n").encode())
    received = b""
    while (end := received.find(b"\r\n\r\n")) < 0 or len(received) < end + 4 + _length(received[:end]):
        piece = connection.recv(4096)
        if not piece or len(received) > ANSWER_BYTES:
            raise ValueError("no answer to DESCRIBE")
        received += piece
    status = _STATUS.match(received)
    if status is None:
        raise ValueError("no answer to DESCRIBE")
    return int(status[1]), received[:end], received[end + 4 :]


def _length(head: bytes) -> int:
    said = _LENGTH.search(head.replace(b"\r\n", b"\n"))
    return int(said[1]) if said else 0


def _authorization(head: str, address: CameraAddress) -> str:
    """The answer to the last challenge that can be answered; empty for none."""
    for scheme, rest in reversed(_CHALLENGE.findall(head)):
        fields = {name.lower(): quoted or bare for name, quoted, bare in _FIELD.findall(rest)}
        if scheme.lower() == "basic":
            return "Basic " + base64.b64encode(f"{address.user}:{address.password}".encode()).decode()
        if fields.get("algorithm", "MD5").upper() == "MD5":
            return _digest(fields, address)
    return ""


def _digest(fields: dict[str, str], address: CameraAddress) -> str:
    """RFC 7616 §3.4 with MD5, the only algorithm that all cameras know; `auth` where the camera asks for it."""
    realm, nonce = fields.get("realm", ""), fields.get("nonce", "")
    secret, act = _md5(f"{address.user}:{realm}:{address.password}"), _md5(f"DESCRIBE:{address.url}")
    said = f'Digest username="{address.user}", realm="{realm}", nonce="{nonce}", uri="{address.url}"'
    if "auth" in fields.get("qop", "").split(","):
        middle = "00000001:4c656e73:auth"
        said += ', qop=auth, nc=00000001, cnonce="4c656e73"'
    else:
        middle = ""
    response = _md5(":".join(part for part in (secret, nonce, middle, act) if part))
    opaque = f', opaque="{fields["opaque"]}"' if "opaque" in fields else ""
    return f'{said}, response="{response}"{opaque}'


def _md5(text: str) -> str:
    return hashlib.md5(text.encode(), usedforsecurity=False).hexdigest()
