"""What a relay does with calls and orders: who publishes, who waits, who may see, and for how long.

A viewer's call may come before or after its admission; nothing is forwarded until both are there. Ending removes the
viewer from the forwarding table first, tells second, and closes the peer last, in the background. Without a word from
the gateway for `LEASE_VALID_S` everything ends. No SQL, no HTTP: `server` talks to the gateway.
"""

import logging
from collections.abc import Callable, Sequence
from typing import Final

import anyio
import anyio.abc

from gateway.live.relay import hearing, protocol
from gateway.live.relay.admission import admitted
from gateway.live.relay.first_pictures import FirstPictures
from gateway.live.relay.offers import CallRefusedError, parsed
from gateway.live.relay.patches import Patches
from gateway.live.relay.peers import answer, ask, close, connected, gone, retransmitter
from gateway.live.relay.protocol import EndReason
from gateway.live.relay.reports import Reports
from gateway.live.relay.silence import Found
from gateway.live.relay.tables import MAX_STREAMS, Call, Stream, Tables
from gateway.live.tickets import InvalidTicketError, Ticket, TicketReader, Use
from partner_agent.rtc import rtp, sdp
from partner_agent.rtc.certificate import DtlsIdentity
from partner_agent.rtc.fanout import FanOut
from partner_agent.rtc.hooks import Leg
from partner_agent.rtc.listening import Listening
from partner_agent.rtc.mux import PortFullError, UdpPort
from partner_agent.rtc.viewer import Viewer
from partner_agent.wire.clock import Clock
from partner_agent.wire.ids import IdSource
from partner_agent.wire.limits import LEASE_VALID_S

ADMISSION_S: Final = 35.0  # a ticket's life and the agent's answer; a viewer nobody admits is closed after it

_LOG: Final = logging.getLogger(__name__)

Tell = Callable[[protocol.Event], None]


class RelayEngine:
    """One relay's streams and viewers.

    Attributes:
        patches: of calls that were taken.
        first_pictures: of sessions whose call is on its way.
    """

    def __init__(
        self,
        *,
        port: UdpPort,
        beside: Sequence[UdpPort] = (),
        identity: DtlsIdentity,
        tickets: TicketReader,
        tell: Tell,
        tasks: anyio.abc.TaskGroup,
        clock: Clock,
        ids: IdSource,
    ) -> None:
        self._ports, self._identity, self._tickets = (port, *beside), identity, tickets
        self._tell, self._tasks, self._clock, self._ids = tell, tasks, clock, ids
        self._tables = tables = Tables()
        self._contact_at, self._is_over = clock.monotonic(), False
        # One for all, as each viewer has keys of its own; odd for pictures, even for retransmissions and for sound.
        self._ssrc = int.from_bytes(ids.secret(4), "big") | 1
        self._rtx_ssrc = int.from_bytes(ids.secret(4), "big") & ~1 or 2
        self._sound_ssrc = (self._rtx_ssrc + 2) % (1 << 32) or 4
        self.patches = Patches(tables=tables, tasks=tasks, clock=clock)
        self.first_pictures = FirstPictures(tables=tables, clock=clock)
        self._reports = Reports(tables=tables, clock=clock, ssrc=self._ssrc, on_broken=self._broken, leave=self.leave)

    # Calls.

    async def whip(self, publication: str, ticket: str, offer: str) -> tuple[str, str]:
        """Take a publisher's call: (answer, resource).

        Raises:
            CallRefusedError: ticket, offer or room.
        """
        self._take_ticket(ticket, "whip", publication)
        call = parsed(offer, "sendonly")
        stream = self._stream(publication)
        leg = self._leg(
            on_rtp=lambda packets: self._ingest(stream, leg, packets),
            on_rtcp=lambda data: self._reports.from_publisher(stream, data) if stream.leg is leg else None,
            on_closed=lambda: self._ingest_lost(stream, leg),
        )
        former, stream.leg = stream.leg, leg
        sound = hearing.begin(stream, call)
        stream.resource, stream.fingerprint, stream.mid = self._ids.secret(16).hex(), call.fingerprint, call.mid
        if former is not None:
            self._close(former)
        self._end_strangers(stream)
        self._tasks.start_soon(self._open_ingest, stream, leg, call)
        return answer(leg, call, "recvonly", fingerprint=self._identity.fingerprint, sound=sound), stream.resource

    async def whep(self, session: str, ticket: str, offer: str) -> tuple[str, str]:
        """Take a viewer's call: (answer, resource).

        Raises:
            CallRefusedError: ticket, offer, another certificate than the ticket's, room, or the session is over.
        """
        claims = self._take_ticket(ticket, "whep", session)
        call = parsed(offer, "recvonly")
        if call.fingerprint != claims.fingerprint:
            raise CallRefusedError(403)
        if session in self._tables.ended or session in self._tables.calls:
            raise CallRefusedError(409)
        sound = hearing.heard(call, ssrc=self._sound_ssrc, is_granted=claims.sound)
        leg = self._leg(
            on_rtp=lambda _: None,
            on_rtcp=lambda data: self._reports.from_viewer(viewing, data),
            on_closed=lambda: self.end(session, "left"),
        )
        viewing = Call(
            session,
            leg,
            self._ids.secret(16).hex(),
            call.payload_type,
            rtx_payload_type=call.rtx_payload_type,
            since=self._clock.monotonic(),
            mid=call.mid,
            sound=sound,
        )
        self._tables.calls[session] = viewing
        self._tasks.start_soon(self._open_viewer, viewing, call)
        ours, repeats = self._ssrc, self._rtx_ssrc
        said = answer(
            leg, call, "sendonly", fingerprint=self._identity.fingerprint, ssrc=ours, rtx_ssrc=repeats, sound=sound
        )
        return said, viewing.resource

    def leave(self, subject: str, resource: str) -> bool:
        """A publisher or viewer says goodbye by the name only it was given; whether there was such a call."""
        call, stream = self._tables.calls.get(subject), self._tables.streams.get(subject)
        if call is not None and resource == call.resource:
            self.end(subject, "left")
            return True
        if stream is not None and stream.leg is not None and resource == stream.resource:
            self._ingest_lost(stream, stream.leg)
            return True
        return False

    # Orders.

    def admit(self, session: str, publication: str, fingerprint: str, valid_s: float, *, sound: bool = False) -> bool:
        """Forward a publication to a session; False when the session is over. An order is a sign of life."""
        now = self._contact()
        if session in self._tables.ended:
            return False
        former = self._tables.admissions.get(session)
        seen = self._tables.streams.get(former.publication) if former else None
        viewer = seen.fanout.viewers.get(session) if seen else None
        if seen is not None and viewer and (seen.publication, seen.fingerprint) != (publication, fingerprint):
            self.end(session, "replaced")  # what it sees is not what it may see now
            return False
        self._tables.admissions[session] = admission = admitted(publication, fingerprint, now, valid_s, sound=sound)
        if seen is not None and viewer is not None:
            viewer.until = admission.until
            if not sound:
                seen.listening.remove(session)
        self._join(session)
        self.first_pictures.look()
        return True

    def lease(self, sessions: list[str]) -> None:
        """These go on; every other admitted session ends."""
        now = self._contact()
        named = set(sessions)
        for session, admission in list(self._tables.admissions.items()):
            if session not in named:
                self.end(session, "lease")
                continue
            admission.lease(now)
            stream = self._tables.streams.get(admission.publication)
            viewer = stream.fanout.viewers.get(session) if stream else None
            if viewer is not None:
                viewer.until = admission.until

    def drop(self, sessions: list[str]) -> None:
        """End these sessions; when this returns nothing more is forwarded to them."""
        self._contact()
        for session in sessions:
            self.end(session, "dropped")

    def end(self, session: str, reason: EndReason) -> None:
        """End one session, for good: forwarding first, then the news, then the peer in the background."""
        admission = self._tables.admissions.pop(session, None)
        stream = self._tables.streams.get(admission.publication) if admission else None
        viewer = stream.fanout.remove(session) if stream else None
        listener = stream.listening.remove(session) if stream else None
        call = self._tables.calls.pop(session, None)
        is_first = self._tables.ended.add(session, self._clock.monotonic())
        given = self.first_pictures.forget(session)
        if is_first and (admission or call):
            self._tell(gone(session, reason, viewer, listener, given=given))
        if call is not None:
            self._close(call.leg)
        if stream is not None:
            self._forget_if_idle(stream)

    def end_all(self, reason: EndReason) -> None:
        """End everything, uplinks too."""
        for session in [*self._tables.admissions, *self._tables.calls]:
            self.end(session, reason)
        for stream in list(self._tables.streams.values()):
            if stream.leg is not None:
                self._ingest_lost(stream, stream.leg)

    def halt(self) -> None:
        """The relay ends, and with it its tasks: nothing is forwarded any more, and nobody is waited for."""
        self._is_over = True
        for stream in self._tables.streams.values():
            stream.fanout.viewers.clear()

    def sweep(self) -> None:
        """Once a second: end what has run out, fallen silent or was never admitted; report to whom goes on."""
        now = self._clock.monotonic()
        if now - self._contact_at >= LEASE_VALID_S:
            self.end_all("lease")
            return
        for session, admission in list(self._tables.admissions.items()):
            if reason := admission.over(now):
                self.end(session, reason)
        for session, call in list(self._tables.calls.items()):
            if session not in self._tables.admissions and now - call.since >= ADMISSION_S:
                self.end(session, "unadmitted")
            elif call.is_told:
                self._look_at(call, call.attention.look(now))
        self._reports.tick(now)

    def figures(self) -> dict[str, int]:
        """How much runs."""
        return {
            **self._tables.figures(),
            "unknown_datagrams": sum(port.unknown for port in self._ports),
            "dropped_datagrams": sum(port.sender.dropped for port in self._ports),
            **self._reports.figures(),
        }

    def viewer_figures(self, session: str) -> dict[str, int]:
        """What one viewer's reports say, as `Quality.figures`; empty for who is not here."""
        call = self._tables.calls.get(session)
        return call.quality.figures() if call is not None else {}

    # Inside.

    def _close(self, leg: Leg) -> None:
        """Say goodbye to a peer in the background."""
        if not self._is_over:
            self._tasks.start_soon(close, leg)

    def _look_at(self, call: Call, found: Found) -> None:
        if found is Found.GONE:
            self.end(call.session, "silent")
        elif found is Found.ASK and not call.is_asked:
            self._tasks.start_soon(ask, call, self._clock)

    def _contact(self) -> float:
        self._contact_at = self._clock.monotonic()
        return self._contact_at

    def _take_ticket(self, ticket: str, use: Use, subject: str) -> Ticket:
        try:
            return self._tickets.take(ticket, use=use, subject=subject)
        except InvalidTicketError as error:
            raise CallRefusedError(401) from error

    def _leg(
        self,
        *,
        on_rtp: Callable[[list[rtp.RtpPacket]], None],
        on_rtcp: Callable[[bytes], None],
        on_closed: Callable[[], None],
    ) -> Leg:
        try:
            return Leg(
                port=self._ports[0],
                beside=self._ports[1:],
                identity=self._identity,
                ids=self._ids,
                is_controlling=False,
                on_rtp=on_rtp,
                on_rtcp=on_rtcp,
                on_closed=on_closed,
            )
        except PortFullError as error:
            raise CallRefusedError(503) from error

    def _stream(self, publication: str) -> Stream:
        stream = self._tables.streams.get(publication)
        if stream is None:
            if len(self._tables.streams) >= MAX_STREAMS:
                raise CallRefusedError(503)
            fanout = FanOut(ssrc=self._ssrc, room=self._tables.room, on_broken=self._broken)
            listening = Listening(fanout, ssrc=self._sound_ssrc, on_broken=self._broken)
            stream = self._tables.streams[publication] = Stream(publication, fanout, listening)
        return stream

    async def _open_ingest(self, stream: Stream, leg: Leg, call: sdp.Call) -> None:
        if await connected(leg, call):
            self._tell(protocol.PublicationUp(publication=stream.publication, fingerprint=stream.fingerprint))
            for session in list(self._tables.admitted_to(stream.publication)):
                self._join(session)
        else:
            self._ingest_lost(stream, leg)

    async def _open_viewer(self, call: Call, offer: sdp.Call) -> None:
        if await connected(call.leg, offer):
            call.is_open = True
            self._join(call.session)
        else:
            self.end(call.session, "failed")

    def _join(self, session: str) -> None:
        """Start forwarding once there are both a call and an admission, and the publisher is the accepted one."""
        call, admission = self._tables.calls.get(session), self._tables.admissions.get(session)
        stream = self._tables.streams.get(admission.publication) if admission else None
        if call is None or admission is None or stream is None or not call.is_open:
            return
        if stream.leg is None or stream.fingerprint != admission.fingerprint or session in stream.fanout.viewers:
            return
        viewer = Viewer(
            session,
            call.payload_type,
            call.leg.protector(self._ssrc),
            call.leg.send,
            until=admission.until,
            retransmitter=retransmitter(call, self._rtx_ssrc),
            send_runs=call.leg.send_runs,
        )
        now = self._clock.monotonic()
        stream.fanout.add(viewer, now)
        if session not in stream.fanout.viewers:
            return  # its first packets could not be sent
        hearing.listen(stream, call, admission, viewer)
        if not stream.fanout.has_key_frame:
            self._reports.ask_key_frame(stream, now)
        stream.joining.add(session)
        self._tell_started(stream, call, viewer)

    def _ingest(self, stream: Stream, leg: Leg, packets: list[rtp.RtpPacket]) -> None:
        if stream.leg is not leg:
            return  # the last packets of a publisher that another one has replaced
        now, reception, fanout = self._clock.monotonic(), stream.reception, stream.fanout
        for arrived in packets:
            packet = reception.take(arrived, now)
            if packet is not None:
                fanout.take(packet, now)
        self.first_pictures.look()
        self._reports.ask_lost(stream, now)
        for session in list(stream.joining):
            call, viewer = self._tables.calls.get(session), stream.fanout.viewers.get(session)
            if call is None or viewer is None:
                stream.joining.discard(session)
            else:
                self._tell_started(stream, call, viewer)

    def _tell_started(self, stream: Stream, call: Call, viewer: Viewer) -> None:
        if viewer.is_started and not call.is_told:
            stream.joining.discard(call.session)
            call.is_told = True
            call.attention.begin(self._clock.monotonic())
            self._tell(protocol.ViewerUp(session=call.session, srtp_profile=call.leg.srtp_profile))

    def _broken(self, session: str, error: Exception) -> None:
        """What is sent to one viewer failed: its call ends, the others do not notice."""
        _LOG.warning("packets for a viewer could not be sent; its call ends", exc_info=error)
        self.end(session, "failed")

    def _end_strangers(self, stream: Stream) -> None:
        """Who watches by the word of another publisher than the present one does not watch this one."""
        for session in list(stream.fanout.viewers):
            admission = self._tables.admissions.get(session)
            if admission is None or admission.fingerprint != stream.fingerprint:
                self.end(session, "replaced")

    def _ingest_lost(self, stream: Stream, leg: Leg) -> None:
        """A publisher has gone, or has to: its place here goes with it. One that was replaced is closed already."""
        if stream.leg is not leg:
            return
        self._close(leg)
        stream.leg, stream.resource, stream.fingerprint = None, "", ""
        fanout = stream.fanout
        self._tell(
            protocol.PublicationDown(
                publication=stream.publication, packets=fanout.packets, received_bytes=fanout.received_bytes
            )
        )
        self._forget_if_idle(stream)

    def _forget_if_idle(self, stream: Stream) -> None:
        if stream.leg is None and not any(self._tables.admitted_to(stream.publication)):
            self._tables.streams.pop(stream.publication, None)
            stream.fanout.forget()
