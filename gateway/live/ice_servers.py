"""STUN and TURN servers as WHIP and WHEP name them: `Link` headers, with credentials for one call (RFC 9725 §4.6).

Ours are coturn's `use-auth-secret`: the name says until when it is good, the password is its HMAC under a secret that
coturn holds as well. Nobody has to be told, and nothing is kept. Whether a client uses them is its own affair.
"""

import base64
import hashlib
import hmac
import re
from dataclasses import dataclass
from typing import Final

from partner_agent.wire.clock import Clock

CREDENTIAL_LIFE_S: Final = (
    3_600  # to allocate within; an allocation that is refreshed outlives it (coturn, README.turnserver)
)
# RFC 7064 §3.1, RFC 7065 §3.1
_URL: Final = re.compile(
    r"(stuns?|turns?):(?:[A-Za-z0-9.-]{1,253}|\[[0-9A-Fa-f:]{2,45}\])(?::[0-9]{1,5})?(\?transport=(?:udp|tcp))?"
)


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
            if found is None or (found[2] and not found[1].startswith("turn")):
                raise IceServerError(f"{url!r} is no stun:, stuns:, turn: or turns: server")
            if found[1].startswith("turn") and not self.secret:
                raise IceServerError(f"{url!r} needs the secret that coturn knows")

    def links(self, call: str) -> tuple[str, ...]:
        """One header value for each server.

        Args:
            call: the publication or session, which coturn's log will name.
        """
        name = f"{int(self.clock.now().timestamp()) + CREDENTIAL_LIFE_S}:{call}"
        digest = hmac.new(self.secret, name.encode(), hashlib.sha1).digest()  # coturn knows no other
        login = f'; username="{name}"; credential="{base64.b64encode(digest).decode()}"; credential-type="password"'
        return tuple(f'<{url}>; rel="ice-server"' + login * url.startswith("turn") for url in self.urls)
