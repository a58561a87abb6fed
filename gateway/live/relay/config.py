"""What a relay is told when it starts: one JSON line on its standard input, away from the process list."""

from ipaddress import ip_address
from typing import NamedTuple

import msgspec


class MediaAddress(NamedTuple):
    """Where the media port is reached, and which address of this machine it is bound to."""

    reached: str
    own: str


def media_address(text: str) -> MediaAddress:
    """`203.0.113.10` is both; `203.0.113.10=10.0.0.5` is for a router between them that translates one to one.

    Raises:
        ValueError: a side is no address.
    """
    reached, equals, own = text.partition("=")
    return MediaAddress(*(str(ip_address(side.strip())) for side in (reached, own if equals else reached)))


class RelayConfig(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """The settings of one relay process.

    Attributes:
        relay: its name, the `aud` of its tickets.
        socket: the Unix socket it listens on for the gateway.
        certificate: its DTLS identity on disk, made on first use; the key set names the fingerprint.
        media_addresses: the only addresses it is bound to and offered on, the preferred one first; as `media_address`
            reads them.
        media_port: of UDP, at each of them; 0 = any free one.
        issuer: who issues its tickets.
        ticket_jwk: the public key of the tickets.
        begun_at: wall seconds at which it was started, when its predecessor was gone; tickets from before open
            nothing. 0 = when it reads this.
    """

    relay: str
    socket: str
    certificate: str
    media_addresses: tuple[str, ...]
    media_port: int
    issuer: str
    ticket_jwk: dict[str, str]
    begun_at: float = 0.0
