"""One peer of a relay, from its handshake to its account: shake hands, close, count.

Decides nothing about who may see; `engine` does.
"""

import logging
from typing import Final

import anyio

from gateway.live.relay import protocol
from gateway.live.relay.first_pictures import Given
from gateway.live.relay.protocol import EndReason
from gateway.live.relay.tables import Call
from partner_agent.rtc import sdp
from partner_agent.rtc.hooks import Leg, LegFailedError
from partner_agent.rtc.listening import Listener
from partner_agent.rtc.rtx import Retransmitter
from partner_agent.rtc.sdp_sound import Sound
from partner_agent.rtc.viewer import Viewer
from partner_agent.wire.clock import Clock

CONNECT_S: Final = 10.0  # a peer that has not shaken hands by then is closed
CLOSE_S: Final = 3.0

_LOG: Final = logging.getLogger(__name__)


def answer(
    leg: Leg,
    call: sdp.Call,
    direction: sdp.Direction,
    *,
    fingerprint: str,
    ssrc: int = 0,
    rtx_ssrc: int = 0,
    sound: Sound | None = None,
) -> str:
    """Our answer to an offer.

    Args:
        leg: the peer's.
        call: its offer.
        direction: ours.
        fingerprint: of our certificate.
        ssrc: whom it will know the pictures by; 0 = we send none.
        rtx_ssrc: the same for retransmissions.
        sound: what we take of the sound it offered; None declines it.
    """
    return sdp.write(
        sdp.Call(
            user_fragment=leg.user_fragment,
            password=leg.password,
            fingerprint=fingerprint,
            setup="passive",  # the server picks the SRTP profile, and picks GCM
            direction=direction,
            payload_type=call.payload_type,
            profile=call.profile,
            mid=call.mid,
            ssrc=ssrc,
            has_nack=call.has_nack,
            has_remb=call.has_remb and bool(ssrc),
            rtx_payload_type=call.rtx_payload_type,
            rtx_ssrc=rtx_ssrc if call.rtx_payload_type else 0,
            candidates=leg.candidates,
            declined=call.declined,
            sound=sound,
        )
    )


async def ask(call: Call, clock: Clock) -> None:
    """Ask a viewer whether it still reads, once at a time."""
    call.is_asked = True
    try:
        if await call.leg.answers():
            call.attention.heard(clock.monotonic())
    except Exception:  # noqa: BLE001 -- supervisor of one peer, as in `connected`
        _LOG.warning("a peer could not be asked", exc_info=True)
    finally:
        call.is_asked = False


def retransmitter(call: Call, ssrc: int) -> Retransmitter | None:
    """A viewer's; None where it takes none, for repeating a packet as it was would use its index again."""
    if not call.rtx_payload_type:
        return None
    return Retransmitter(ssrc=ssrc, payload_type=call.rtx_payload_type, protector=call.leg.protector(ssrc))


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
    try:
        with anyio.move_on_after(CLOSE_S, shield=True):
            await leg.close()
    except Exception:  # noqa: BLE001 -- supervisor of one peer, as in `connected`
        _LOG.warning("a peer's call could not be closed in order", exc_info=True)


def gone(
    session: str,
    reason: EndReason,
    viewer: Viewer | None,
    listener: Listener | None = None,
    *,
    given: Given | None = None,
) -> protocol.ViewerGone:
    """The account of a session that is over.

    Args:
        session: which.
        reason: why.
        viewer: what the fan-out returned, or None if nothing went out.
        listener: the same of its sound.
        given: the picture it was handed before its connection was there.
    """
    first, last = (viewer.first_at, viewer.last_at) if viewer else (None, None)
    if given is not None:
        first, last = given.at, last or given.at
    sent = [each for each in (viewer, viewer.retransmitter if viewer else None, listener) if each is not None]
    return protocol.ViewerGone(
        session=session,
        reason=reason,
        packets=sum(each.packets for each in sent),
        sent_bytes=sum(each.sent_bytes for each in sent) + (given.size_bytes if given else 0),
        seconds_ms=round((last - first) * 1000) if first is not None and last is not None else 0,
    )
