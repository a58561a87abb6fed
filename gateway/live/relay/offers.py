"""Which offers and restarts are taken, by every engine alike: one H.264 stream in the wanted direction, few restarts.

No I/O and no WebRTC library: only the form of what a caller says is looked at.
"""

from typing import Final

from partner_agent.rtc import sdp

RESTART_PERIOD_S: Final = 1.0  # of one call; a browser that changes its network restarts once
ANY: Final = "*"  # the entity-tag that means whichever runs (RFC 9110 §13.1.1)


class CallRefusedError(Exception):
    """The call is not taken; `status` as HTTP counts."""

    def __init__(self, status: int) -> None:
        super().__init__(f"call refused with {status}")
        self.status = status


def parsed(offer: str, wanted: sdp.Direction) -> sdp.Call:
    """An offer we can answer.

    Raises:
        CallRefusedError: 422, for anything else.
    """
    try:
        call = sdp.parse(offer)
    except sdp.SdpError as error:
        raise CallRefusedError(422) from error
    if call.direction not in (wanted, "sendrecv") or call.setup == "passive":
        raise CallRefusedError(422)
    return call
