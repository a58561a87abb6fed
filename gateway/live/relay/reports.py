"""What peers of a relay report by RTCP, and what the relay reports to them.

A viewer's feedback is answered from what the relay has: lost packets from the ring, pleas from the cached group of
pictures; the site is asked for a key frame only when there is none. About once a second each viewer gets a sender
report on the clock of whoever publishes, and nothing is invented before that clock is known; each publisher gets what
arrived of its packets, and at once what did not. Who says goodbye has left: the one who reports on the pictures, or who
sends them; another source of the same peer may go. Decides nothing about who may see: `FanOut` gives to whom `engine`
admitted. RFC 3550 §6, RFC 4585, RFC 4588.
"""

import logging
from collections.abc import Callable
from typing import Final

from gateway.live.relay.tables import Call, Stream, Tables
from partner_agent.rtc import rtcp, sdp
from partner_agent.wire.clock import Clock

KEY_FRAME_PERIOD_S: Final = 1.0
LOSING_OF_256: Final = 13  # one packet in twenty: pictures begin to stand still though packets are repeated

_LOG: Final = logging.getLogger(__name__)

Broken = Callable[[str, Exception], None]
Leave = Callable[[str, str], bool]  # a publication or session, and the name of its call


class Reports:
    """The RTCP of one relay.

    Attributes:
        repeated: packets sent again, to all viewers since the start.
        asked: packets asked of publishers again.
    """

    def __init__(self, *, tables: Tables, clock: Clock, ssrc: int, on_broken: Broken, leave: Leave) -> None:
        """Nothing was reported yet.

        Args:
            tables: who is here.
            clock: ours.
            ssrc: whom viewers know the pictures by, and publishers the reports.
            on_broken: ends one viewer.
            leave: ends the call of who says goodbye.
        """
        self._tables, self._clock, self._ssrc, self._on_broken, self._leave = tables, clock, ssrc, on_broken, leave
        self.repeated = self.asked = 0

    def from_viewer(self, call: Call, data: bytes) -> None:
        """A viewer's compound packet: a sign of life, perhaps a plea, perhaps a list of what it lost."""
        now = self._clock.monotonic()
        call.attention.reported(now)
        admission = self._tables.admissions.get(call.session)
        stream = self._tables.streams.get(admission.publication) if admission else None
        if stream is None:
            return
        heard = rtcp.read(data)
        call.quality.take(heard, ssrc=self._ssrc, now=now)
        if _has_left(call.quality.reporter, heard):
            self._leave(call.session, call.resource)
            return
        if heard.wanted:
            wanted = [sequence for ssrc, sequence in heard.wanted if ssrc == self._ssrc]
            repeated = stream.fanout.resend(call.session, wanted, now)
            call.quality.wanted += len(wanted)
            call.quality.repeated += repeated
            self.repeated += repeated
        if heard.wants_key_frame:
            if not stream.fanout.has_key_frame:
                self.ask_key_frame(stream, now)
            stream.fanout.replay(call.session, now)

    def from_publisher(self, stream: Stream, data: bytes) -> None:
        """A publisher's compound packet: what its clock says, perhaps a goodbye."""
        heard, now = rtcp.read(data), self._clock.monotonic()
        if _has_left(stream.reception.ssrc, heard):
            self._leave(stream.publication, stream.resource)
            return
        if heard.sender is not None:
            stream.reception.heard(heard.sender, now)
            stream.fanout.keep_clock(heard.sender, now)
            stream.listening.keep_clock(heard.sender, now)

    def ask_lost(self, stream: Stream, now: float) -> None:
        """Ask the publisher for what is missing and due; costs nothing while nothing is."""
        missing = stream.reception.due(now)
        if missing and stream.leg is not None:
            self.asked += len(missing)
            stream.leg.send_rtcp(rtcp.loss_report(self._ssrc, stream.reception.ssrc, missing))

    def tick(self, now: float) -> None:
        """Once a second: how it arrives, to each publisher; a sender report, to each viewer whose pictures have one."""
        for stream in list(self._tables.streams.values()):
            stream.fanout.catch_up(now)
            try:
                self._tell_arrivals(stream, now)
                self.ask_lost(stream, now)
            except Exception:  # noqa: BLE001 -- supervisor of one publisher among many
                _LOG.warning("a publisher could not be told how its packets arrive", exc_info=True)
            for session in list(stream.fanout.viewers):
                try:
                    self._tell_clock(stream, session, now)
                except Exception as error:  # noqa: BLE001 -- supervisor of one viewer among many
                    self._on_broken(session, error)

    def figures(self) -> dict[str, int]:
        """Repeated and asked: since the start. Repaired and lost on the way here: of what runs. Losing: now."""
        receptions = [stream.reception for stream in self._tables.streams.values()]
        return {
            "repeated_packets": self.repeated,
            "asked_packets": self.asked,
            "repaired_packets": sum(reception.repaired for reception in receptions),
            "lost_packets": sum(reception.given_up for reception in receptions),
            "losing_viewers": sum(call.quality.lost_of_256 >= LOSING_OF_256 for call in self._tables.calls.values()),
        }

    def ask_key_frame(self, stream: Stream, now: float) -> None:
        """Ask the site, at most once in `KEY_FRAME_PERIOD_S`."""
        if stream.leg is not None and now - stream.asked_at >= KEY_FRAME_PERIOD_S:
            stream.asked_at = now
            stream.leg.send_rtcp(rtcp.key_frame_request(self._ssrc, stream.fanout.source_ssrc))

    def _tell_arrivals(self, stream: Stream, now: float) -> None:
        if stream.leg is None:
            return
        blocks = (stream.reception.report(now), stream.listening.report(now))
        said = b"".join(_report_of(self._ssrc, block) for block in blocks if block is not None)
        if said:
            stream.leg.send_rtcp(said + rtcp.description(self._ssrc, sdp.CNAME))

    def _tell_clock(self, stream: Stream, session: str, now: float) -> None:
        call, report = self._tables.calls.get(session), stream.fanout.sender_report(session, now)
        if call is None:
            return
        if report is not None:
            call.leg.send_rtcp(rtcp.sender_report(report) + rtcp.description(report.ssrc, sdp.CNAME))
            call.quality.reported(report.ntp, now)
        sound = stream.listening.sender_report(session, now) if call.sound is not None else None
        if sound is not None:
            call.leg.send_rtcp(rtcp.sender_report(sound) + rtcp.description(sound.ssrc, sdp.CNAME))


def _has_left(source: int, heard: rtcp.Heard) -> bool:
    """Whether it is known, and says goodbye (RFC 3550 §6.6)."""
    return source != 0 and source in heard.gone


def _report_of(ssrc: int, block: rtcp.ReportBlock) -> bytes:
    return rtcp.receiver_report(
        ssrc,
        block.ssrc,
        highest=block.highest,
        lost=block.lost,
        lost_of_256=block.lost_of_256,
        jitter=block.jitter,
        last_report=block.last_report,
        delay_65536=block.delay_65536,
    )
