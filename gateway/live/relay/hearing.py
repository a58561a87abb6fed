"""Sound at a relay: what of an offer is taken, and who is put among the listeners.

A viewer's call takes sound only where its ticket says so, and hears only where its admission says so as well; either
alone gives nothing. What is forwarded to whom at each moment is `partner_agent.rtc.listening`'s part. No I/O.
"""

from dataclasses import replace

from gateway.live.relay.admission import Admission
from gateway.live.relay.tables import Call, Stream
from partner_agent.rtc import sdp
from partner_agent.rtc.listening import Listener
from partner_agent.rtc.reception import Reception
from partner_agent.rtc.sdp_sound import Sound
from partner_agent.rtc.viewer import Viewer


def begin(stream: Stream, offer: sdp.Call) -> Sound | None:
    """Another publisher's packets come from now on: what we take of its sound; None where it offers none."""
    sound = offer.offered_sound
    if sound is not None:
        sound = None if sound.direction == "recvonly" else replace(sound, direction="recvonly", ssrc=0)
    stream.listening.take_from(sound)
    stream.reception = Reception(
        asks=offer.has_nack,
        payload_type=offer.payload_type,
        rtx_payload_type=offer.rtx_payload_type,
        others=stream.listening.take,
    )
    return sound


def heard(offer: sdp.Call, *, ssrc: int, is_granted: bool) -> Sound | None:
    """What we send of sound to a viewer, as `ssrc`; None where it is not granted, or the viewer wants none."""
    offered = offer.offered_sound
    if not is_granted or offered is None or offered.direction not in ("recvonly", "sendrecv"):
        return None
    return replace(offered, direction="sendonly", ssrc=ssrc)


def listen(stream: Stream, call: Call, admission: Admission, viewer: Viewer) -> None:
    """Let a viewer who sees hear too, where both its call and its admission have sound."""
    if admission.sound and call.sound is not None:
        protector = call.leg.protector(stream.listening.ssrc)
        stream.listening.add(Listener(viewer, call.sound, protector))
