"""One peer of a relay, from its offer to its account: read what it says, shake hands, close, count.

Decides nothing about who may see; `engine` does.
"""

import logging
from typing import Final

import anyio

from gateway.live.relay import protocol
from gateway.live.relay.protocol import EndReason
from partner_agent.rtc import sdp
from partner_agent.rtc.fanout import Viewer
from partner_agent.rtc.hooks import Leg, LegFailedError

CONNECT_S: Final = 10.0  # a peer that has not shaken hands by then is closed
CLOSE_S: Final = 3.0

_LOG: Final = logging.getLogger(__name__)


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


async def connected(leg: Leg, call: sdp.Call) -> bool:
    """Shake hands within `CONNECT_S`, as DTLS server; no candidate of the offer is dialled, the peer comes to us."""
    try:
        with anyio.fail_after(CONNECT_S):
            await leg.connect(
                user_fragment=call.user_fragment, password=call.password, fingerprint=call.fingerprint, role="server"
            )
    except (LegFailedError, TimeoutError):
        return False
    except Exception:  # noqa: BLE001 -- supervisor of one peer: what it provokes must not end the others' streams
        _LOG.warning("a peer's call failed in an unforeseen way", exc_info=True)
        return False
    return True


async def close(leg: Leg) -> None:
    """Say goodbye to a peer, within `CLOSE_S`."""
    with anyio.move_on_after(CLOSE_S, shield=True):
        await leg.close()


def gone(session: str, reason: EndReason, viewer: Viewer | None) -> protocol.ViewerGone:
    """The account of a session that is over; `viewer` is what the fan-out returned, or None if nothing went out."""
    first, last = (viewer.first_at, viewer.last_at) if viewer else (None, None)
    repeated = viewer.retransmitter if viewer else None
    return protocol.ViewerGone(
        session=session,
        reason=reason,
        packets=(viewer.packets if viewer else 0) + (repeated.packets if repeated else 0),
        sent_bytes=(viewer.sent_bytes if viewer else 0) + (repeated.sent_bytes if repeated else 0),
        seconds_ms=round((last - first) * 1000) if first is not None and last is not None else 0,
    )
