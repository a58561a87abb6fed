"""What passes between a caller and a media server: written by us on both ways, and nothing handed on as it came."""

from dataclasses import replace

from partner_agent.rtc import sdp


def passed_on(offer: sdp.Call) -> str:
    """What the server gets to read: our words, no candidate, and the caller as DTLS client, as every answer says."""
    return sdp.write(replace(offer, setup="active", candidates=(), declined=()))


def handed_back(answer: sdp.Call, offer: sdp.Call) -> str:
    """What the caller gets to read: our words, its own sections by name, and those declined that we declined."""
    return sdp.write(replace(answer, setup="passive", mid=offer.mid, declined=offer.declined))
