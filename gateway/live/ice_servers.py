"""STUN and TURN servers and how callers are told of them, with credentials that run out.

Sites read them in the `Link` headers of their WHIP answer (RFC 9725 §4.6). A browser has to know them when it makes its
offer, so pages and `/api/v1/ice-servers` tell whoever may watch at all. The credentials open nothing but a way to the
relay. They are coturn's `use-auth-secret`: the name says until when it is good, the password is its HMAC under a secret
that coturn holds as well. Nobody has to be told, and nothing is kept. Whether a client uses them is its own affair.
"""

import base64
import hashlib
import hmac
import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

import msgspec

from partner_agent.wire.clock import Clock

CREDENTIAL_LIFE_S: Final = (
    3_600  # to allocate within; an allocation that is refreshed outlives it (coturn, README.turnserver)
)
# RFC 7064 §3.1, RFC 7065 §3.1
_URL: Final = re.compile(
    r"(stuns?|turns?):([A-Za-z0-9.-]{1,253}|\[[0-9A-Fa-f:]{2,45}\])(:[0-9]{1,5})?(\?transport=(?:udp|tcp))?"
)


class IceServer(msgspec.Struct, frozen=True, omit_defaults=True):
    """One server, as `RTCPeerConnection` takes it; STUN needs no name."""

    urls: str
    username: str = ""
    credential: str = ""


class IceServerError(ValueError):
    """A server that cannot be named; the sentence says which."""


@dataclass(frozen=True, slots=True, kw_only=True)
class IceServers:
    """The configured servers, in the order in which clients should try them."""

    urls: tuple[str, ...]
    secret: bytes
    clock: Clock

    def __post_init__(self) -> None:
        """Demand usable servers.

        Raises:
            IceServerError: one is no stun, stuns, turn or turns URL, or a TURN server has no secret to go with it.
        """
        for url in self.urls:
            found = _URL.fullmatch(url)
            if found is None or (found[4] and not found[1].startswith("turn")):
                raise IceServerError(f"{url!r} is no stun:, stuns:, turn: or turns: server")
            if found[1].startswith("turn") and not self.secret:
                raise IceServerError(f"{url!r} needs the secret that coturn knows")

    def told_to(self, holder: str) -> tuple[IceServer, ...]:
        """Each server, with what opens it for an hour.

        Args:
            holder: the publication, session or person, which coturn's log will name.
        """
        name = f"{int(self.clock.now().timestamp()) + CREDENTIAL_LIFE_S}:{holder}"
        digest = hmac.new(self.secret, name.encode(), hashlib.sha1).digest()  # coturn knows no other
        password = base64.b64encode(digest).decode()
        return tuple(IceServer(url, name, password) if url.startswith("turn") else IceServer(url) for url in self.urls)

    def links(self, holder: str) -> tuple[str, ...]:
        """One header value for each server."""
        return tuple(map(_link, self.told_to(holder)))


def server_hosts(urls: Iterable[str]) -> tuple[str, ...]:
    """`host:port` of each server, as key sets name the hosts that sites may be sent to."""
    found = [(found[1], found[2], found[3]) for url in urls if (found := _URL.fullmatch(url)) and found[1] != "stuns"]
    return tuple(f"{host}{port or (':5349' if scheme == 'turns' else ':3478')}" for scheme, host, port in found)


def _link(server: IceServer) -> str:
    link = f'<{server.urls}>; rel="ice-server"'
    if not server.username:
        return link
    return f'{link}; username="{server.username}"; credential="{server.credential}"; credential-type="password"'
