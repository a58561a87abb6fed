"""A call's datagrams inside a WebSocket: what both ends agree on for networks that let nothing else out.

The gateway names the tunnel of a call in its answer to the WHIP offer. The agent opens it with a token that its device
signed for exactly this address. The address holds the secret name of the call, so the token is good for one call and
needs no clock. One binary message is one datagram, as it would have gone by UDP; there are no others.
"""

from datetime import datetime
from typing import Final

from partner_agent.wire.classes import TUNNEL
from partner_agent.wire.tokens import PublicKey, Signer, TokenError, numeric_date, read

HEADER: Final = "lenspact-tunnel"  # of the answer to a WHIP offer: the tunnel's path on the same origin
SUFFIX: Final = "/tunnel"  # behind the address of the call
DATAGRAM_BYTES: Final = 1_500  # what an Ethernet carries; neither end sends larger ones by UDP
IDLE_S: Final = 30.0  # ICE asks every five seconds; who says nothing for this long has lost consent (RFC 7675 §5.1)

CLOSE_TEXT: Final = 1003  # RFC 6455 §7.4.1
CLOSE_TOO_BIG: Final = 1009
CLOSE_OVER: Final = 4404  # no view is open for it any more
CLOSE_IDLE: Final = 4408
CLOSE_SUPERSEDED: Final = 4409
CLOSE_FULL: Final = 4413
CLOSE_FLOOD: Final = 4429


def make_token(device: Signer, *, agent: str, url: str, now: datetime) -> str:
    """The agent's proof that it is the agent, for this tunnel."""
    return device.sign(TUNNEL, {"iss": agent, "aud": url, "iat": numeric_date(now)})


def check_token(token: str, device: PublicKey, *, agent: str, url: str) -> None:
    """Demand that this agent signed for this tunnel.

    Raises:
        TokenError: another device, agent or address, or malformed.
    """
    read(TUNNEL, token, [device], aud=url, iss=agent, now=None)


def socket_url(url: str) -> str:
    """The WebSocket address of an HTTP one.

    Raises:
        TokenError: it is no HTTP address.
    """
    if not url.startswith(("http://", "https://")):
        raise TokenError("no address of a gateway")
    return "ws" + url.removeprefix("http")
