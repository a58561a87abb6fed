"""Where this gateway is reached: the one source of origin, cookie names and allowed Host headers.

Everything comes from `public_url` in the settings, never from a request. Plain http is for loopback only; then the
name is `localhost` on both loopbacks, because a passkey's RP id cannot be an address.
"""

from dataclasses import dataclass
from typing import Final
from urllib.parse import urlsplit

LOOPBACK_NAMES: Final = frozenset({"localhost", "127.0.0.1", "[::1]"})
_DEFAULT_PORTS: Final = {"https": 443, "http": 80}


@dataclass(frozen=True, slots=True)
class PublicOrigin:
    """Scheme, name and port of the gateway as people type it."""

    scheme: str
    host: str
    port: int

    @classmethod
    def parse(cls, public_url: str) -> "PublicOrigin":
        """Read a `public_url`.

        Raises:
            ValueError: not an origin, or plain http off loopback; the text says which.
        """
        parts = urlsplit(public_url)
        host = (parts.hostname or "").lower()
        if parts.scheme not in _DEFAULT_PORTS or not host or parts.username or parts.path.strip("/") or parts.query:
            raise ValueError("public_url must be scheme://host[:port] and nothing more")
        if ":" in host:
            host = f"[{host}]"
        if parts.scheme == "http" and host not in LOOPBACK_NAMES:
            raise ValueError("public_url may use http only on loopback; elsewhere let Caddy end TLS and say https")
        return cls(parts.scheme, host, parts.port or _DEFAULT_PORTS[parts.scheme])

    @property
    def is_https(self) -> bool:
        """Whether browsers reach it over TLS."""
        return self.scheme == "https"

    @property
    def is_loopback(self) -> bool:
        """Whether it can only be reached from this machine."""
        return self.host in LOOPBACK_NAMES

    @property
    def authority(self) -> str:
        """Name and port as a Host header carries them."""
        return self.host if self.port == _DEFAULT_PORTS[self.scheme] else f"{self.host}:{self.port}"

    @property
    def text(self) -> str:
        """The origin as an Origin header carries it (RFC 6454, section 6.2)."""
        return f"{self.scheme}://{self.authority}"

    def accepts_host(self, host_header: str) -> bool:
        """Whether a Host header names this gateway; case and the default port do not matter."""
        return self._normal(host_header) == f"{self.host}:{self.port}"

    def is_other_loopback(self, host_header: str) -> bool:
        """Whether the header is another name of this loopback gateway, to be redirected to the public one."""
        name, _, port = self._normal(host_header).rpartition(":")
        return self.is_loopback and name in LOOPBACK_NAMES and port == str(self.port) and name != self.host

    def cookie_name(self, base: str) -> str:
        """`__Host-base` over TLS (RFC 6265bis, 4.1.3.2), the bare name on a plain loopback, which browsers demand."""
        return f"__Host-{base}" if self.is_https else base

    def _normal(self, host_header: str) -> str:
        text = host_header.strip().lower()
        has_port = text.rpartition(":")[2].isdigit() and not text.endswith("]")
        return text if has_port else f"{text}:{_DEFAULT_PORTS[self.scheme]}"


def safe_next(text: str | None, *, default: str = "/") -> str:
    """A path on this origin to go to after signing in, or `default`.

    Refused: other origins, `//host`, backslashes, control characters, and what is encoded to look like them.
    """
    if not text or len(text) > 500 or not text.startswith("/") or text.startswith("//"):
        return default
    if any(ord(c) <= 32 or ord(c) == 127 or c == "\\" for c in text):
        return default
    parts = urlsplit(text)
    lowered = parts.path.lower()
    if parts.scheme or parts.netloc or lowered.startswith(("/%2f", "/%5c", "/%09", "/%0")):
        return default
    return text
