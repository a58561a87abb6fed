"""One publication's sound, to each viewer who may hear it: a core of its own beside `FanOut`, without I/O.

Sound goes to whom pictures go at this moment, and to nobody else: each packet asks the pictures' own table whether the
viewer is still there and until when, so that whatever ends a view ends its sound in the same instant. Who may hear at
all is said from outside. Nothing is kept and nothing repeated: a lost packet of 20 ms is not worth its delay. Nothing
of a payload is read. What arrives is counted, for the report that its sender gets. RFC 3550 §5.1, §6.4.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

from partner_agent.rtc import rtcp, rtp
from partner_agent.rtc.fanout import FanOut
from partner_agent.rtc.reception import Reception
from partner_agent.rtc.sdp_sound import Codec, Sound
from partner_agent.rtc.srtp import IndexReusedError, Protector
from partner_agent.rtc.viewer import Viewer

_LOWER_HALF: Final = 0x8000
_CLOCK_KEPT_S: Final = 60.0

Broken = Callable[[str, Exception], None]


@dataclass(slots=True, eq=False)
class Listener:
    """One viewer who may hear.

    Attributes:
        viewer: the same one's entry among the pictures.
        sound: what its call took of sound, with its payload types.
        protector: encrypts for it, under the SSRC of sound.
        shift: its packet index minus the stream's number; None before its first packet.
        packets, sent_bytes: the account.
    """

    viewer: Viewer
    sound: Sound
    protector: Protector
    shift: int | None = None
    packets: int = 0
    sent_bytes: int = 0


@dataclass(slots=True)
class _Source:
    ssrc: int
    sequence: int
    timestamp_offset: int
    codec: Codec
    reception: Reception
    is_new: bool = False  # since the last report
    told: rtcp.SenderReport | None = None
    told_at: float = 0.0


class Listening:
    """The sound of one publication and who hears it."""

    def __init__(self, pictures: FanOut, *, ssrc: int, on_broken: Broken = lambda _session, _error: None) -> None:
        """`pictures`: of the same publication; `ssrc`: whom viewers know sound by; `on_broken` as of `FanOut`."""
        self.ssrc = ssrc
        self._pictures, self._on_broken = pictures, on_broken
        self._listeners: dict[str, Listener] = {}
        self._codecs: Mapping[int, Codec] = {}
        self._source: _Source | None = None
        self._newest = -1
        self._timestamp = 0
        self._last_at = 0.0

    def take_from(self, sound: Sound | None) -> None:
        """The ingest calls its sound so from now on; None = it sends none."""
        self._codecs = {payload_type: codec for codec, payload_type in sound.payload_types} if sound else {}
        self._source = None

    def add(self, listener: Listener) -> None:
        """Somebody may hear from now on."""
        self._listeners[listener.viewer.session] = listener

    def remove(self, session: str) -> Listener | None:
        """Somebody may hear nothing more; the account stays with the entry returned."""
        return self._listeners.pop(session, None)

    def take(self, arrived: rtp.RtpPacket, now: float) -> None:
        """Take one packet of the ingest that is none of its pictures, and forward it if it is sound."""
        codec = self._codecs.get(arrived.payload_type)
        if codec is None or not arrived.payload:
            return
        number = self._number(arrived, codec, now)
        self._last_at = now
        for session, listener in list(self._listeners.items()):
            viewer = listener.viewer
            if self._pictures.viewers.get(session) is not viewer:
                del self._listeners[session]
            elif viewer.is_started and now < viewer.until:
                try:
                    self._send(listener, arrived, number, codec)
                except Exception as error:  # noqa: BLE001 -- supervisor of one viewer among many, as in `FanOut`
                    self._on_broken(session, error)

    def keep_clock(self, report: rtcp.SenderReport, now: float) -> None:
        """Take the ingest's sender report."""
        source = self._source
        if source is not None and source.ssrc == report.ssrc:
            source.told, source.told_at = report, now
            source.reception.heard(report, now)

    def report(self, now: float) -> rtcp.ReportBlock | None:
        """What arrived of the source that sounds; None where nothing did since the last report (RFC 3550 §6.4)."""
        source = self._source
        if source is None or not source.is_new:
            return None
        source.is_new = False
        return source.reception.report(now)

    def sender_report(self, session: str, now: float) -> rtcp.SenderReport | None:
        """The report for one listener, on the ingest's clock as that of the pictures; None where there is none yet."""
        listener, source = self._listeners.get(session), self._source
        if listener is None or not listener.packets or self._pictures.viewers.get(session) is not listener.viewer:
            return None
        if (
            source is None
            or source.told is None
            or now - source.told_at > _CLOCK_KEPT_S
            or now >= listener.viewer.until
        ):
            return None
        since = now - source.told_at
        ticks = source.told.timestamp + source.timestamp_offset + round(since * source.codec.clock_hz)
        return rtcp.SenderReport(
            ssrc=self.ssrc,
            ntp=source.told.ntp + round(since * (1 << 32)),
            timestamp=ticks % rtp.TIMESTAMPS,
            packets=listener.packets,
            octets=listener.sent_bytes - listener.packets * (rtp.HEADER_BYTES + listener.protector.overhead_bytes),
        )

    def _number(self, arrived: rtp.RtpPacket, codec: Codec, now: float) -> int:
        """Its number in the stream, which goes on over a reconnect."""
        source = self._source
        if source is None or source.ssrc != arrived.ssrc or source.codec is not codec:
            passed = round((now - self._last_at) * codec.clock_hz) if self._newest >= 0 else 0
            offset = self._timestamp + passed - arrived.timestamp
            reception = Reception(clock_hz=codec.clock_hz)
            source = self._source = _Source(arrived.ssrc, arrived.sequence - 1, offset, codec, reception)
        source.is_new = True
        source.reception.take(arrived, now)
        ahead = (arrived.sequence - source.sequence) % rtp.SEQUENCES
        if 0 < ahead < _LOWER_HALF:
            source.sequence = arrived.sequence
            self._newest += ahead
            self._timestamp = (arrived.timestamp + source.timestamp_offset) % rtp.TIMESTAMPS
            return self._newest
        return self._newest + rtp.nearest(arrived.sequence, source.sequence) - source.sequence

    def _send(self, listener: Listener, arrived: rtp.RtpPacket, number: int, codec: Codec) -> None:
        payload_type, source = listener.sound.type_of(codec), self._source
        if payload_type is None or source is None:
            return  # it does not know this codec
        if listener.shift is None:
            listener.shift = number % _LOWER_HALF - number  # RFC 3711 §3.3.1: the rollover count starts at zero
        index = number + listener.shift
        head = rtp.header(
            is_last=arrived.is_last,
            payload_type=payload_type,
            sequence=index,
            timestamp=arrived.timestamp + source.timestamp_offset,
            ssrc=self.ssrc,
        )
        try:
            datagram = listener.protector.protect(head, arrived.payload, index)
        except IndexReusedError:
            return  # it came twice, or too late
        listener.viewer.send([datagram])
        listener.packets += 1
        listener.sent_bytes += len(datagram)
