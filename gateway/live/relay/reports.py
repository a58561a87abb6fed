"""What peers of a relay report by RTCP, and what follows: packets once more, a key frame, a sign of life.

A viewer's feedback is answered from what the relay has: lost packets from the ring, pleas from the cached group of
pictures; the site is asked for a key frame only when there is none. Decides nothing about who may see: `FanOut` gives
to whom `engine` admitted. RFC 3550 §6, RFC 4585, RFC 4588.
"""

from typing import Final

from gateway.live.relay.tables import Call, Stream, Tables
from partner_agent.rtc import rtcp
from partner_agent.wire.clock import Clock

KEY_FRAME_PERIOD_S: Final = 1.0


class Reports:
    """The RTCP of one relay."""

    def __init__(self, *, tables: Tables, clock: Clock, ssrc: int) -> None:
        """`ssrc` is whom every viewer knows the relay's pictures by, and publishers its reports."""
        self._tables, self._clock, self._ssrc = tables, clock, ssrc

    def from_viewer(self, call: Call, data: bytes) -> None:
        """A viewer's compound packet: a sign of life, perhaps a plea, perhaps a list of what it lost."""
        now = call.heard_at = self._clock.monotonic()
        admission = self._tables.admissions.get(call.session)
        stream = self._tables.streams.get(admission.publication) if admission else None
        if stream is None:
            return
        heard = rtcp.read(data)
        if heard.wanted:
            wanted = [sequence for ssrc, sequence in heard.wanted if ssrc == self._ssrc]
            stream.fanout.resend(call.session, wanted, now)
        if heard.wants_key_frame:
            if not stream.fanout.has_key_frame:
                self.ask_key_frame(stream, now)
            stream.fanout.replay(call.session, now)

    def ask_key_frame(self, stream: Stream, now: float) -> None:
        """Ask the site, at most once in `KEY_FRAME_PERIOD_S`."""
        if stream.leg is not None and now - stream.asked_at >= KEY_FRAME_PERIOD_S:
            stream.asked_at = now
            stream.leg.send_rtcp(rtcp.key_frame_request(self._ssrc, stream.fanout.source_ssrc))
