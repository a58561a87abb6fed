"""One publication's packets, to each viewer who may see them: the forwarding core, without I/O.

RTP packets go in, encrypted datagrams per viewer come out. The packet is rewritten once for all viewers; per viewer
only the nonce and the encryption differ. A viewer gets nothing before it is admitted, starts at a key frame out of the
cached group of pictures, and gets nothing after `until`, which is looked at for every batch. What goes wrong with one
viewer ends that viewer and keeps nothing from the others. Decides nothing about who may see: admission and leases come
from outside. No more of a payload is read than its NAL types.
"""

from bisect import bisect_left
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from operator import attrgetter
from typing import Final

from partner_agent.rtc import rtcp, rtp
from partner_agent.rtc.burst import Batch
from partner_agent.rtc.group import ROOM_BYTES, Group
from partner_agent.rtc.ring import Packet, Ring
from partner_agent.rtc.room import Room
from partner_agent.rtc.srtp import IndexReusedError
from partner_agent.rtc.viewer import Viewer

PAYLOAD_BYTES: Final = 1_800  # more fits no network's packet, nor the room in which libsrtp protects one
BATCH_PACKETS: Final = 40  # flushed at the marker, or here: one GSO call
REPLAY_PERIOD_S: Final = 1.0  # a viewer that keeps asking gets the group of pictures at most this often
REPLAY_BYTES_PER_S: Final = 2 * 1024 * 1024  # and a long one less often: what it lost it lost for want of room
_CLOCK_KEPT_S: Final = 60.0  # an ingest that stopped telling its clock: crystals drift apart by less than 10 ms in it
_LOWER_HALF: Final = 0x8000  # sequence numbers below this
_CLOCK_HZ: Final = 90_000
_NUMBER: Final = attrgetter("number")

Broken = Callable[[str, Exception], None]  # a session that could not be served, and why


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

    def __init__(
        self, *, ssrc: int, room: Room | None = None, on_broken: Broken = lambda _session, _error: None
    ) -> None:
        """Nothing is kept, and nobody is here.

        Args:
            ssrc: whom viewers know it by.
            room: for its group of pictures and those of others; None = it is alone.
            on_broken: told of each viewer that is dropped because encrypting or sending for it failed.
        """
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
        self._group = Group(room or Room(ROOM_BYTES))

    @property
    def has_key_frame(self) -> bool:
        """Whether a viewer could start now."""
        return bool(self._group.packets)

    @property
    def group(self) -> Sequence[Packet]:
        """The cached group of pictures, key picture first; empty without one."""
        return self._group.packets

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
            self._group.add_late(packet)
        else:
            self._group.add(packet)
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
                if viewer.is_started and viewer.owed is None and lowest >= viewer.floor:  # nearly always
                    self._forward(viewer, batch, now)
                else:
                    self._serve(viewer, batch, now)
            except Exception as error:  # noqa: BLE001 -- supervisor of one viewer among many
                broken.append((viewer, error))
        for failed, reason in broken:
            self._break(failed, reason)

    def _serve(self, viewer: Viewer, batch: Batch, now: float) -> None:
        """What is due to a viewer who has not all of the stream up to this batch."""
        if not viewer.is_started:
            if self.has_key_frame:
                self._start(viewer, now)
        elif viewer.owed is not None:
            self._forward_alone(viewer, [one for one in batch.packets if viewer.floor <= one.number < viewer.owed], now)
            self._catch_up(viewer, now)
        else:
            self._forward_alone(viewer, [one for one in batch.packets if one.number >= viewer.floor], now)

    def catch_up(self, now: float) -> None:
        """Go on with who is behind though nothing arrives: a recording that stands still."""
        for viewer in [viewer for viewer in self.viewers.values() if viewer.owed is not None and now < viewer.until]:
            try:
                self._catch_up(viewer, now)
            except Exception as error:  # noqa: BLE001 -- as in `flush`
                self._break(viewer, error)

    def add(self, viewer: Viewer, now: float) -> None:
        """Attach a viewer; if it may see and a key frame is cached, it starts with the group of pictures that runs."""
        self.viewers[viewer.session] = viewer
        self.flush(now)
        if now < viewer.until and not viewer.is_started and self.has_key_frame:
            try:
                self._start(viewer, now)
            except Exception as error:  # noqa: BLE001 -- as in `flush`
                self._break(viewer, error)

    def forget(self) -> None:
        """Nothing is published here any more: its group of pictures makes room."""
        self._group.forget()

    def remove(self, session: str) -> Viewer | None:
        """Stop forwarding to a session, at once; the account stays with the entry returned."""
        return self.viewers.pop(session, None)

    def replay(self, session: str, now: float) -> bool:
        """Answer a viewer's plea for a key frame from the cache.

        The same packets go out under new sequence numbers, for the viewer's SRTP would throw away repeated ones.

        Returns:
            Whether anything was sent: not to the expired, not more than once a second, a long group less often still,
            and not without a cache.
        """
        viewer = self.viewers.get(session)
        is_due = viewer is not None and viewer.is_started and now < viewer.until
        period_s = max(REPLAY_PERIOD_S, self._group.size_bytes / REPLAY_BYTES_PER_S)
        if viewer is None or not is_due or now - viewer.replayed_at < period_s:
            return False
        self.flush(now)
        group = self._group.packets
        if not group or session not in self.viewers:
            return False
        viewer.begin(group[0].number, viewer.next_index(self._newest), now)
        try:
            self._catch_up(viewer, now)
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
        source, sequence = self._source, arrived.sequence
        if source is None or source.ssrc != arrived.ssrc:
            elapsed = round((now - self.last_at) * _CLOCK_HZ) if self.last_at is not None else 0
            offset = self._timestamp + elapsed - arrived.timestamp
            source = self._source = _Source(arrived.ssrc, sequence - 1, offset)
            self._group.forget()
        ahead = (sequence - source.sequence) % rtp.SEQUENCES
        timestamp = (arrived.timestamp + source.timestamp_offset) % rtp.TIMESTAMPS
        if 0 < ahead < _LOWER_HALF:
            source.sequence = sequence
            self._newest += ahead
            self._timestamp = timestamp
            number = self._newest
        else:
            number = self._newest + rtp.nearest(sequence, source.sequence) - source.sequence
        return Packet(number, arrived.is_last, timestamp, arrived.payload)

    def _start(self, viewer: Viewer, now: float) -> None:
        first = self._group.packets[0].number
        # RFC 3711 §3.3.1: the peer's rollover count starts at zero, and a start in the lower half of the sequence
        # numbers keeps an early reordering from being taken for a wrap.
        viewer.begin(first, first % _LOWER_HALF, now)
        self._catch_up(viewer, now)

    def _catch_up(self, viewer: Viewer, now: float) -> None:
        """Send of the group that runs what this viewer is owed, as far as its pace allows."""
        group = self._group.packets
        if viewer.owed is None or not group:
            return  # nothing is kept: it goes on with the next key frame
        if viewer.owed < group[0].number:
            viewer.skip_to(group[0].number, viewer.next_index(self._newest))
        at = bisect_left(group, viewer.owed, key=_NUMBER)
        part = group[at : at + viewer.pace.allowed(now)]
        if at + len(part) >= len(group):
            viewer.owed = None
        elif part:
            viewer.owed = part[-1].number + 1
        viewer.pace.spend(len(part))
        self._forward_alone(viewer, part, now)

    def _forward_alone(self, viewer: Viewer, packets: list[Packet], now: float) -> None:
        if packets:
            self._forward(viewer, Batch(packets, self.ssrc), now)

    def _forward(self, viewer: Viewer, batch: Batch, now: float) -> None:
        shared = batch.shared(viewer.payload_type, viewer.shift)
        burst = shared.burst if viewer.send_runs is not None else None
        sealed = burst and viewer.protector.seal(burst.headers, burst.payloads, batch.packets[0].number + viewer.shift)
        if viewer.send_runs and burst and sealed:
            viewer.send_runs(sealed, burst.runs)
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
