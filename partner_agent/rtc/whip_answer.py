"""What a relay's answer to a publisher's call says: its SDP, the call's own address, and the ways to the relay.

Everything in it is checked here before it is used: the certificate is the one that the grant names, candidates are
literal addresses that the site allows, and a tunnel is on the very origin that took the call. RFC 9725 §4.2.
"""

import ipaddress
from collections.abc import Callable
from dataclasses import dataclass

import httpx

from partner_agent.rtc import sdp
from partner_agent.rtc.tunnel import TunnelPlace
from partner_agent.rtc.turn import TurnServer, servers_in
from partner_agent.wire.limits import SDP_BYTES
from partner_agent.wire.tokens import TokenError
from partner_agent.wire.tunnels import HEADER, socket_url

AddressRule = Callable[[ipaddress.IPv4Address | ipaddress.IPv6Address], bool]


class PublishFailedError(Exception):
    """The relay did not take the stream; the sentence says why. The session ends as not startable."""


@dataclass(frozen=True, slots=True)
class Answered:
    """A call that was taken.

    Attributes:
        call: the relay's SDP.
        url: of the call, for its goodbye.
        candidates: those that may be dialled.
        servers: TURN servers that lead to the relay.
        tunnel: a WebSocket that does; None where none is offered.
    """

    call: sdp.Call
    url: str
    candidates: tuple[str, ...]
    servers: tuple[TurnServer, ...]
    tunnel: TunnelPlace | None


def read(response: httpx.Response, *, url: str, certificate: str, allows: AddressRule) -> Answered:
    """Read an answer.

    Args:
        response: to the offer.
        url: where that was posted; the response's own may name the checked address instead of the host.
        certificate: the relay's, as the grant names it.
        allows: which addresses the site lets media go to.

    Raises:
        PublishFailedError: refused, or another certificate.
        ValueError: it cannot be read; `sdp.SdpError` among them.
    """
    if response.status_code != httpx.codes.CREATED or len(response.content) > SDP_BYTES:
        raise PublishFailedError(f"the relay answered {response.status_code}")
    call = sdp.parse(response.text)
    if call.fingerprint != certificate:
        raise PublishFailedError("the relay shows another certificate than the grant names")
    endpoint = httpx.URL(url)
    candidates = tuple(text for text in call.candidates if _is_allowed(text, allows))
    return Answered(
        call=call,
        url=str(endpoint.join(response.headers.get("location", ""))),
        candidates=candidates,
        servers=servers_in(response.headers.get("link", "")),
        tunnel=_tunnel(response.headers.get(HEADER, ""), endpoint, candidates),
    )


def _is_allowed(candidate: str, allows: AddressRule) -> bool:
    """Whether we may dial it: UDP, a literal address, and one the site allows."""
    fields = candidate.split()
    try:
        address = ipaddress.ip_address(fields[4])
    except (IndexError, ValueError):
        return False
    return fields[2].lower() == "udp" and allows(address)


def _tunnel(path: str, endpoint: httpx.URL, candidates: tuple[str, ...]) -> TunnelPlace | None:
    """The tunnel that is offered, if it is on the origin that took the call; ICE needs the relay's address beside."""
    if not path or not candidates:
        return None
    url, fields = endpoint.join(path), candidates[0].split()
    is_same_origin = (url.scheme, url.netloc) == (endpoint.scheme, endpoint.netloc)
    if not is_same_origin or not fields[5].isdecimal():
        return None
    try:
        return TunnelPlace(socket_url(str(url)), (fields[4], int(fields[5])))
    except TokenError:
        return None
