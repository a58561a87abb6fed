"""One publication's packets, to each viewer who may see them: the forwarding core, without I/O.

RTP packets go in, encrypted datagrams per viewer come out. The packet is rewritten once for all viewers; per viewer
only the nonce and the encryption differ. A viewer gets nothing before it is admitted, starts at a key frame out of the
cached group of pictures, and gets nothing after `until`, which is looked at for every batch. What goes wrong with one
viewer ends that viewer and keeps nothing from the others. Decides nothing about who may see: admission and leases come
from outside. No more of a payload is read than its NAL types.
"""

from bisect import insort
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from operator import attrgetter
from typing import Final

from partner_agent.rtc import h264, rtcp, rtp
from partner_agent.rtc.burst import Batch, Run
from partner_agent.rtc.ring import Packet, Ring
from partner_agent.rtc.rtx import Retransmitter
from partner_agent.rtc.srtp import IndexReusedError, Protector

GOP_PACKETS: Final = 6_000  # about 10 s of 6 Mbit/s; a longer group of pictures is not kept and viewers wait
GOP_BYTES: Final = 8 * 1024 * 1024  # one camera's share of the relay's memory
PAYLOAD_BYTES: Final = 1_800  # more fits no network's packet, nor the room in which libsrtp protects one
BATCH_PACKETS: Final = 40  # flushed at the marker, or here: one GSO call
REPLAY_PERIOD_S: Final = 1.0  # a viewer that keeps asking gets the group of pictures at most this often
_RUNS: Final = 4  # of one viewer's numbers that are remembered: a replay a second, and the ring is two seconds long
_CLOCK_KEPT_S: Final = 60.0  # an ingest that stopped telling its clock: crystals drift apart by less than 10 ms in it
_LOWER_HALF: Final = 0x8000  # sequence numbers below this
_CLOCK_HZ: Final = 90_000
_NUMBER: Final = attrgetter("number")

Send = Callable[[list[bytes]], None]
SendRuns = Callable[[Iterable[Run]], None]
Broken = Callable[[str, Exception], None]  # a session that could not be served, and why


@dataclass(slots=True, eq=False)
class Viewer:
    """One egress leg.

    Attributes:
        session: whose view this is.
        payload_type: what this viewer's answer calls H.264.
        protector: encrypts for this viewer.
        send: hands datagrams to the socket; never waits.
        send_runs: the same for what was sealed in place; None = every packet goes out as a datagram of its own making.
        until: monotonic seconds at which forwarding stops; in the past = not admitted, or over.
        retransmitter: repeats packets for this viewer; None = it negotiated no RTX, and nothing is repeated.
        shift: this viewer's packet index minus the stream's.
        floor: the first number of the stream that goes out under this shift; what comes late before it is not sent.
        runs: (first index, shift) of each run of this viewer's indexes, the newest last.
        is_started: whether a key frame has gone out.
        packets, sent_bytes, first_at, last_at: the account.
    """

    session: str
    payload_type: int
    protector: Protector
    send: Send
    until: float = float("-inf")
    retransmitter: Retransmitter | None = None
    send_runs: SendRuns | None = None
    shift: int = 0
    floor: int = 0
    runs: list[tuple[int, int]] = field(default_factory=list)
    is_started: bool = False
    replayed_at: float = float("-inf")
    packets: int = 0
    sent_bytes: int = 0
    first_at: float | None = None
    last_at: float | None = None

    def begin_run(self, first: int, shift: int) -> None:
        """From number `first` of the stream on, this viewer's index is the number plus `shift`."""
        self.shift, self.floor = shift, first
        self.runs = [*self.runs[1 - _RUNS :], (first + shift, shift)]

    def number(self, index: int) -> int | None:
        """The stream's number of what went out to this viewer as `index`; None if that is no longer known."""
        for first, shift in reversed(self.runs):
            if index >= first:
                return index - shift
        return None


@dataclass(slots=True)
class _Source:
    """How the present ingest's numbers become the stream's, which go on over a reconnect."""

    ssrc: int
    sequence: int  # of the packet whose number is the stream's newest
    timestamp_offset: int
    told: rtcp.SenderReport | None = None
    told_at: float = 0.0


class FanOut:
    """The stream of one publication and its viewers."""

    def __init__(self, *, ssrc: int, on_broken: Broken = lambda _session, _error: None) -> None:
        """`on_broken` is told of each viewer that is dropped because encrypting or sending for it failed."""
        self.ssrc = ssrc
        self._on_broken = on_broken
        self.viewers: dict[str, Viewer] = {}
        self.packets = 0
        self.received_bytes = 0
        self.first_at: float | None = None
        self.last_at: float | None = None
        self._source: _Source | None = None
        self._newest = -1
        self._timestamp = 0
        self._ring = Ring()
        self._batch: list[Packet] = []
        self._unit: list[Packet] = []
        self._is_key_unit = False
        self._gop: list[Packet] = []
        self._gop_bytes = 0

    @property
    def has_key_frame(self) -> bool:
        """Whether a viewer could start now."""
        return bool(self._gop)

    @property
    def group(self) -> Sequence[Packet]:
        """The cached group of pictures, key picture first; empty without one."""
        return self._gop

    @property
    def source_ssrc(self) -> int:
        """Whom the ingest sends as; 0 before its first packet."""
        return self._source.ssrc if self._source else 0

    def push(self, data: bytes, now: float) -> None:
        """Take one RTP packet of the ingest; at the end of a picture, forward.

        Args:
            data: decrypted RTP.
            now: monotonic seconds.
        """
        try:
            self.take(rtp.parse(data), now)
        except rtp.NotRtpError:
            return

    def take(self, arrived: rtp.RtpPacket, now: float) -> None:
        """Take one packet, in order or late, that was not taken before."""
        newest = self._newest
        packet = self._rewritten(arrived, now)
        size = len(packet.payload)
        if not 0 < size <= PAYLOAD_BYTES:
            return
        self.packets += 1
        self.received_bytes += rtp.HEADER_BYTES + size
        if self.first_at is None:
            self.first_at = now
        self.last_at = now
        is_late = packet.number <= newest
        if is_late:
            self._remember_late(packet)
        else:
            self._remember(packet, size)
        batch = self._batch
        batch.append(packet)
        if packet.is_last or is_late or len(batch) >= BATCH_PACKETS:
            self.flush(now)

    def flush(self, now: float) -> None:
        """Forward what has gathered to every viewer that may still see it."""
        packets, self._batch = self._batch, []
        if not packets:
            return
        self._ring.put(packets, now)
        if not self.viewers:
            return
        batch = Batch(packets, self.ssrc)
        lowest = batch.lowest
        broken: list[tuple[Viewer, Exception]] = []
        for viewer in self.viewers.values():
            if now >= viewer.until:
                continue
            try:
                if not viewer.is_started:
                    if self._gop:
                        self._start(viewer, now)
                elif lowest >= viewer.floor:
                    self._forward(viewer, batch, now)
                else:
                    self._forward_alone(viewer, [packet for packet in packets if packet.number >= viewer.floor], now)
            except Exception as error:  # noqa: BLE001 -- supervisor of one viewer among many
                broken.append((viewer, error))
        for failed, reason in broken:
            self._break(failed, reason)

    def add(self, viewer: Viewer, now: float) -> None:
        """Attach a viewer; if it may see and a key frame is cached, it starts with the whole group of pictures."""
        self.viewers[viewer.session] = viewer
        self.flush(now)
        if now < viewer.until and not viewer.is_started and self._gop:
            try:
                self._start(viewer, now)
            except Exception as error:  # noqa: BLE001 -- as in `flush`
                self._break(viewer, error)

    def remove(self, session: str) -> Viewer | None:
        """Stop forwarding to a session, at once; the account stays with the entry returned."""
        return self.viewers.pop(session, None)

    def replay(self, session: str, now: float) -> bool:
        """Answer a viewer's plea for a key frame from the cache.

        The same packets go out under new sequence numbers, for the viewer's SRTP would throw away repeated ones.

        Returns:
            Whether anything was sent: not to the expired, not more than once a second, not without a cache.
        """
        viewer = self.viewers.get(session)
        is_due = viewer is not None and viewer.is_started and now < viewer.until
        if viewer is None or not is_due or now - viewer.replayed_at < REPLAY_PERIOD_S:
            return False
        self.flush(now)
        if not self._gop or session not in self.viewers:
            return False
        viewer.replayed_at = now
        first = self._gop[0].number
        viewer.begin_run(first, viewer.shift + self._newest + 1 - first)
        try:
            self._forward_alone(viewer, self._gop, now)
        except Exception as error:  # noqa: BLE001 -- as in `flush`
            self._break(viewer, error)
            return False
        return True

    def resend(self, session: str, sequences: Iterable[int], now: float) -> int:
        """Answer a viewer's request for packets it lost, from the ring, as retransmissions.

        Args:
            session: who asks.
            sequences: 16-bit sequence numbers as this viewer knows them (RFC 4585 §6.2.1).
            now: monotonic seconds.

        Returns:
            How many were sent: none to the expired, the not started, and who negotiated no RTX.
        """
        viewer = self.viewers.get(session)
        if viewer is None or viewer.retransmitter is None or not viewer.is_started or now >= viewer.until:
            return 0
        newest = self._newest + viewer.shift
        asked: list[tuple[Packet, int]] = []
        for sequence in viewer.retransmitter.considered(sequences, now):
            number = viewer.number(newest - (newest - sequence) % rtp.SEQUENCES)
            packet = self._ring.get(number, now) if number is not None else None
            if packet is not None:
                asked.append((packet, sequence))
        try:
            datagrams = viewer.retransmitter.repeat(asked, now)
            if datagrams:
                viewer.send(datagrams)
        except Exception as error:  # noqa: BLE001 -- as in `flush`
            self._break(viewer, error)
            return 0
        return len(datagrams)

    def keep_clock(self, report: rtcp.SenderReport, now: float) -> None:
        """Take the ingest's sender report: which moment of its wall time is which of its media time."""
        source = self._source
        if source is not None and source.ssrc == report.ssrc:
            source.told, source.told_at = report, now

    def sender_report(self, session: str, now: float) -> rtcp.SenderReport | None:
        """The sender report for one viewer, on the ingest's clock (RFC 3550 §6.4.1).

        It is the ingest's newest one, both times carried on to `now`, its media time put on the stream's time line; the
        counts are what went to this viewer. Without one from the ingest there is none: the relay's own clock at arrival
        would bind pictures to a time at which nobody took them, and players start without.

        Args:
            session: whose.
            now: monotonic seconds.
        """
        viewer, source = self.viewers.get(session), self._source
        if viewer is None or not viewer.is_started or now >= viewer.until:
            return None
        if source is None or source.told is None or now - source.told_at > _CLOCK_KEPT_S:
            return None
        since = now - source.told_at
        overhead = rtp.HEADER_BYTES + viewer.protector.overhead_bytes
        return rtcp.SenderReport(
            ssrc=self.ssrc,
            ntp=source.told.ntp + round(since * (1 << 32)),
            timestamp=(source.told.timestamp + source.timestamp_offset + round(since * _CLOCK_HZ)) % rtp.TIMESTAMPS,
            packets=viewer.packets,
            octets=viewer.sent_bytes - viewer.packets * overhead,
        )

    def _break(self, viewer: Viewer, error: Exception) -> None:
        """Tell, while the account is still here, then forget."""
        self._on_broken(viewer.session, error)
        if self.viewers.get(viewer.session) is viewer:
            del self.viewers[viewer.session]

    def _rewritten(self, arrived: rtp.RtpPacket, now: float) -> Packet:
        is_last, _, sequence, timestamp, ssrc, payload = arrived
        source = self._source
        if source is None or source.ssrc != ssrc:
            elapsed = round((now - self.last_at) * _CLOCK_HZ) if self.last_at is not None else 0
            source = self._source = _Source(ssrc, sequence - 1, self._timestamp + elapsed - timestamp)
            self._forget()
        ahead = (sequence - source.sequence) % rtp.SEQUENCES
        timestamp = (timestamp + source.timestamp_offset) % rtp.TIMESTAMPS
        if 0 < ahead < _LOWER_HALF:
            source.sequence = sequence
            self._newest += ahead
            self._timestamp = timestamp
            return Packet(self._newest, is_last, timestamp, payload)
        return Packet(
            self._newest + rtp.nearest(sequence, source.sequence) - source.sequence, is_last, timestamp, payload
        )

    def _remember(self, packet: Packet, size: int) -> None:
        """Keep the current group of pictures; it begins with the first packet of the unit that holds the key frame."""
        if self._unit and self._unit[0].timestamp != packet.timestamp:
            self._unit, self._is_key_unit = [], False
        self._unit.append(packet)
        if not self._is_key_unit and h264.starts_key_unit(packet.payload):
            self._is_key_unit = True
            self._keep(list(self._unit))
        elif self._gop:
            self._gop.append(packet)
            self._gop_bytes += size
            if len(self._gop) > GOP_PACKETS or self._gop_bytes > GOP_BYTES:
                self._gop, self._gop_bytes = [], 0

    def _remember_late(self, packet: Packet) -> None:
        """Put a packet that others have overtaken into its place; it may be the one a key frame was waiting for."""
        is_current = bool(self._unit) and self._unit[0].timestamp == packet.timestamp
        is_key = h264.starts_key_unit(packet.payload)
        if is_current:
            insort(self._unit, packet, key=_NUMBER)
            self._is_key_unit = self._is_key_unit or is_key
        gop = self._gop
        if gop and (packet.number > gop[0].number or packet.timestamp == gop[0].timestamp):
            insort(gop, packet, key=_NUMBER)
            self._gop_bytes += len(packet.payload)  # not counted anew: a publisher may send every other packet late
            if is_key and packet.timestamp != gop[0].timestamp:
                first = next(kept.number for kept in gop if kept.timestamp == packet.timestamp)
                self._keep([kept for kept in gop if kept.number >= first])
        elif is_key and is_current:
            self._keep(list(self._unit))

    def _keep(self, gop: list[Packet]) -> None:
        self._gop, self._gop_bytes = gop, sum(len(kept.payload) for kept in gop)

    def _forget(self) -> None:
        self._unit, self._is_key_unit, self._gop, self._gop_bytes = [], False, [], 0

    def _start(self, viewer: Viewer, now: float) -> None:
        first = self._gop[0].number
        # RFC 3711 §3.3.1: the peer's rollover count starts at zero, and a start in the lower half of the sequence
        # numbers keeps an early reordering from being taken for a wrap.
        viewer.begin_run(first, first % _LOWER_HALF - first)
        viewer.is_started = True
        viewer.replayed_at = now
        self._forward_alone(viewer, self._gop, now)

    def _forward_alone(self, viewer: Viewer, packets: list[Packet], now: float) -> None:
        if packets:
            self._forward(viewer, Batch(packets, self.ssrc, is_for_one=True), now)

    def _forward(self, viewer: Viewer, batch: Batch, now: float) -> None:
        shared = batch.shared(viewer.payload_type, viewer.shift)
        burst = shared.burst if viewer.send_runs is not None else None
        if viewer.send_runs and burst and viewer.protector.seal(burst.parts, batch.packets[0].number + viewer.shift):
            viewer.send_runs(burst.runs)
            count, size = len(batch.packets), burst.size_bytes
        else:
            datagrams = _sealed_singly(viewer, batch.packets, shared.headers)
            if not datagrams:
                return
            viewer.send(datagrams)
            count, size = len(datagrams), sum(map(len, datagrams))
        viewer.packets += count
        viewer.sent_bytes += size
        viewer.first_at = now if viewer.first_at is None else viewer.first_at
        viewer.last_at = now


def _sealed_singly(viewer: Viewer, packets: Sequence[Packet], headers: Sequence[bytes]) -> list[bytes]:
    shift, protect = viewer.shift, viewer.protector.protect
    datagrams = []
    for packet, header in zip(packets, headers, strict=True):
        try:
            datagrams.append(protect(header, packet.payload, packet.number + shift))
        except IndexReusedError:
            continue  # overtaken by too much; the viewer's jitter buffer would drop it too
    return datagrams
