"""RTCP, read and written: reports, pleas for key frames, requests for lost packets, and what peers say of their way.

RFC 3550 §6.4 (SR, RR), §6.5 (SDES), §6.6 (BYE); RFC 4585 §6.2.1 (generic NACK) and §6.3.1 (PLI); RFC 5104 §4.3.1 (FIR,
taken as the same plea); draft-alvestrand-rmcat-remb-03 §2.2.
A compound packet is walked by its lengths and never further than `MAX_PACKETS`; what we do not know is skipped, what
is malformed is as if it had not been said. No bytes raise.
"""

import struct
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Final, NamedTuple

MAX_PACKETS: Final = 32  # of one compound packet that are looked at
MAX_WANTED: Final = 512  # sequence numbers of one compound packet: more than a second of 4 Mbit/s
MAX_REMB_BPS: Final = 1 << 40  # a terabit; the field could say 2^81

_SENDER_REPORT: Final = 200
_RECEIVER_REPORT: Final = 201
_DESCRIPTION: Final = 202
_TRANSPORT_FEEDBACK: Final = 205
_PAYLOAD_FEEDBACK: Final = 206
_NACK: Final = 1
_PLI: Final = 1
_FIR: Final = 4
_APPLICATION: Final = 15
_CNAME: Final = 1
_PADDED: Final = 0x20
_HEADER: Final = struct.Struct("!BBH")
_SENDER: Final = struct.Struct("!IQIII")
_BLOCK: Final = struct.Struct("!IIIIII")
_FCI: Final = struct.Struct("!HH")
_NTP_EPOCH: Final = datetime(1900, 1, 1, tzinfo=UTC)
_WORD: Final = 1 << 32


class SenderReport(NamedTuple):
    """What a source says of itself: one moment in its wall time and in its media time (RFC 3550 §6.4.1)."""

    ssrc: int
    ntp: int  # 32 bits of seconds since 1900, 32 bits of fraction
    timestamp: int
    packets: int
    octets: int


class ReportBlock(NamedTuple):
    """What arrived of one source (RFC 3550 §6.4.1).

    `lost_of_256`: since the last report; `jitter`: in ticks of the media clock; `last_report`: the middle 32 bits of
    the newest SR's NTP time, 0 = none; `delay_65536`: how long ago that SR came, in 1/65,536 s; `reporter`: who says
    so, 0 = we.
    """

    ssrc: int
    lost_of_256: int
    lost: int
    highest: int
    jitter: int
    last_report: int
    delay_65536: int
    reporter: int = 0


@dataclass(slots=True)
class Heard:
    """Everything one compound packet said that we understand.

    Attributes:
        gone: the sources that say goodbye.
        wanted: (media SSRC, sequence number) of each packet asked for again.
        remb_bps: what the receiver believes its way carries.
    """

    wants_key_frame: bool = False
    sender: SenderReport | None = None
    gone: list[int] = field(default_factory=list)
    blocks: list[ReportBlock] = field(default_factory=list)
    wanted: list[tuple[int, int]] = field(default_factory=list)
    remb_bps: int | None = None


def read(data: bytes) -> Heard:
    """Everything in a compound packet."""
    heard = Heard()
    for kind, count, body in _walk(data):
        match kind:
            case 200 | 201:
                _reports(heard, kind, count, body)
            case 203 if len(body) >= 4 * count:
                heard.gone += struct.unpack_from(f"!{count}I", body)
            case 205 if count == _NACK:
                _wanted(heard, body)
            case 206 if count in (_PLI, _FIR):
                heard.wants_key_frame = True
            case 206 if count == _APPLICATION:
                heard.remb_bps = _remb(body) or heard.remb_bps
            case _:
                pass
    return heard


def key_frame_request(own_ssrc: int, media_ssrc: int) -> bytes:
    """An empty receiver report and a PLI: feedback travels in a compound packet (RFC 4585 §3.1)."""
    return _empty_report(own_ssrc) + _feedback(_PAYLOAD_FEEDBACK, _PLI, own_ssrc, media_ssrc)


def loss_report(own_ssrc: int, media_ssrc: int, sequences: Iterable[int]) -> bytes:
    """An empty receiver report and a generic NACK for `sequences`: each entry a number and the 16 after it."""
    entries: list[tuple[int, int]] = []
    for sequence in sequences:
        ahead = (sequence - entries[-1][0]) % (1 << 16) if entries else 0
        if entries and 1 <= ahead <= 16:
            entries[-1] = (entries[-1][0], entries[-1][1] | 1 << (ahead - 1))
        elif not entries or ahead:
            entries.append((sequence, 0))
    fci = b"".join(_FCI.pack(first, mask) for first, mask in entries)
    return _empty_report(own_ssrc) + _feedback(_TRANSPORT_FEEDBACK, _NACK, own_ssrc, media_ssrc, fci)


def sender_report(report: SenderReport) -> bytes:
    """An SR without report blocks; the counts wrap as their fields do."""
    ssrc, ntp, timestamp, packets, octets = report
    return _HEADER.pack(0x80, _SENDER_REPORT, 6) + _SENDER.pack(
        ssrc, ntp % (1 << 64), timestamp % _WORD, packets % _WORD, octets % _WORD
    )


def receiver_report(
    own_ssrc: int,
    media_ssrc: int,
    *,
    highest: int,
    lost: int,
    lost_of_256: int,
    jitter: int = 0,
    last_report: int = 0,
    delay_65536: int = 0,
) -> bytes:
    """What arrived of one source: for the sender's account and to show that we live.

    Args:
        own_ssrc: ours.
        media_ssrc: the source reported on.
        highest: extended highest sequence number, modulo 2^32.
        lost: packets lost since the start; less than nothing when some came twice; held within 24 bits.
        lost_of_256: lost since the last report, in 1/256.
        jitter: in ticks of the media clock.
        last_report: of the newest SR, see `ReportBlock`.
        delay_65536: since that SR came, in 1/65,536 s.
    """
    held = max(-(1 << 23), min(lost, (1 << 23) - 1)) & 0xFFFFFF
    block = _BLOCK.pack(
        media_ssrc, (lost_of_256 & 0xFF) << 24 | held, highest % _WORD, jitter % _WORD, last_report, delay_65536 % _WORD
    )
    return _HEADER.pack(0x81, _RECEIVER_REPORT, 7) + struct.pack("!I", own_ssrc) + block


def description(ssrc: int, name: str) -> bytes:
    """SDES with the source's canonical name (RFC 3550 §6.5.1); every compound packet of a sender carries it."""
    item = bytes([_CNAME, len(name.encode())]) + name.encode()
    chunk = struct.pack("!I", ssrc) + item + b"\x00" * (4 - len(item) % 4)
    return _HEADER.pack(0x81, _DESCRIPTION, len(chunk) // 4) + chunk


def ntp_of(moment: datetime) -> int:
    """An aware moment as NTP time: 32 bits of seconds since 1900, 32 bits of fraction."""
    since = moment - _NTP_EPOCH
    seconds = since // timedelta(seconds=1)
    return seconds % _WORD << 32 | (since % timedelta(seconds=1)).microseconds * _WORD // 1_000_000


def middle(ntp: int) -> int:
    """The middle 32 bits of an NTP time, by which a report names an SR."""
    return ntp >> 16 & 0xFFFFFFFF


def _empty_report(own_ssrc: int) -> bytes:
    return _HEADER.pack(0x80, _RECEIVER_REPORT, 1) + struct.pack("!I", own_ssrc)


def _feedback(kind: int, form: int, own_ssrc: int, media_ssrc: int, fci: bytes = b"") -> bytes:
    return _HEADER.pack(0x80 | form, kind, 2 + len(fci) // 4) + struct.pack("!II", own_ssrc, media_ssrc) + fci


def _walk(data: bytes) -> Iterator[tuple[int, int, bytes]]:
    """(packet type, count or format, body) of each packet; stops at a length or a padding that lies."""
    at = 0
    for _ in range(MAX_PACKETS):
        if at + 4 > len(data):
            return
        flags, kind, words = _HEADER.unpack_from(data, at)
        end = at + 4 + 4 * words
        if flags & 0xC0 != 0x80 or end > len(data):
            return
        padding = data[end - 1] if flags & _PADDED else 0
        if padding > 4 * words:
            return
        yield kind, flags & 0x1F, data[at + 4 : end - padding]
        at = end


def _reports(heard: Heard, kind: int, count: int, body: bytes) -> None:
    start = _SENDER.size if kind == _SENDER_REPORT else 4
    if len(body) < start + count * _BLOCK.size:
        return
    if kind == _SENDER_REPORT:
        heard.sender = SenderReport(*_SENDER.unpack_from(body))
    reporter = int.from_bytes(body[:4], "big")
    for number in range(count):
        ssrc, loss, highest, jitter, last_report, delay = _BLOCK.unpack_from(body, start + number * _BLOCK.size)
        lost = (loss & 0xFFFFFF) - ((loss & 0x800000) << 1)
        heard.blocks.append(ReportBlock(ssrc, loss >> 24, lost, highest, jitter, last_report, delay, reporter))


def _wanted(heard: Heard, body: bytes) -> None:
    """Generic NACK: a packet, and a mask over the sixteen after it (RFC 4585 §6.2.1)."""
    if len(body) < 12 or len(body) % 4:
        return
    media_ssrc = int.from_bytes(body[4:8], "big")
    for at in range(8, len(body), 4):
        first, mask = _FCI.unpack_from(body, at)
        for ahead in (0, *(bit + 1 for bit in range(16) if mask >> bit & 1)):
            if len(heard.wanted) >= MAX_WANTED:
                return
            heard.wanted.append((media_ssrc, (first + ahead) % (1 << 16)))


def _remb(body: bytes) -> int | None:
    if len(body) < 16 or body[8:12] != b"REMB" or len(body) < 16 + 4 * body[12]:
        return None
    mantissa = (body[13] & 0x03) << 16 | body[14] << 8 | body[15]
    return min(mantissa << (body[13] >> 2), MAX_REMB_BPS)
