"""What takes bytes from a network in the media plane, each as a function of bytes, with good bytes to begin from.

A target lets nothing out but what its module declares; what it keeps stays bounded. `media` drives them by coverage,
the suite by what hypothesis thinks of.
"""

import struct
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from socket import AF_INET, SOCK_DGRAM, socket
from typing import Final

from aioice import stun

from partner_agent.rtc import checks, fragment, h264, nal, rtcp, rtp, sdp, sps
from partner_agent.rtc.fanout import FanOut
from partner_agent.rtc.mux import UdpPort
from partner_agent.rtc.reception import Reception

FINGERPRINT: Final = ":".join(["AB"] * 32)
MOST_HEARD: Final = 4_096  # numbers one datagram can ask for
_STRANGER: Final = ("192.0.2.7", 4711)
_PEER: Final = checks.Peer(b"us:them", b"our password", b"them:us", b"theirs", is_controlling=False, tie_breaker=7)


@dataclass(frozen=True, slots=True)
class Target:
    """Something that takes bytes.

    Attributes:
        take: returns whatever the bytes are.
        seeds: good bytes.
    """

    take: Callable[[bytes], object]
    seeds: tuple[bytes, ...]


def _rtp(data: bytes) -> None:
    try:
        packet = rtp.parse(data)
    except rtp.NotRtpError:
        return
    h264.starts_key_unit(packet.payload)
    assert sum(map(len, h264.aggregated(packet.payload))) <= len(packet.payload)


def _rtcp(data: bytes) -> None:
    heard = rtcp.read(data)
    assert len(heard.wanted) <= MOST_HEARD


def _stun(data: bytes) -> None:
    with socket(AF_INET, SOCK_DGRAM) as sock:
        port = UdpPort(sock)
        port.datagram_received(data, _STRANGER)
        assert port.unknown == 1
    assert not checks.is_kept(data, _PEER)


def _sdp(data: bytes) -> None:
    text = data.decode("utf-8", "replace")
    try:
        call = sdp.parse(text)
    except sdp.SdpError:
        return
    assert sdp.parse(sdp.write(call)).fingerprint == call.fingerprint


def _fragment(data: bytes) -> None:
    try:
        fragment.parse(data.decode("utf-8", "replace"))
    except ValueError:
        return


def _units(data: bytes) -> None:
    for unit in nal.split(data):
        assert unit
        try:
            sps.read(unit)
        except sps.BadParametersError:
            continue


def _ingest(data: bytes) -> None:
    """Any packets one after the other, each with its length before it: a publisher that is no honest one."""
    fanout, reception, at = FanOut(ssrc=7), Reception(asks=True, rtx_payload_type=97), 0.0
    while len(data) > 2:
        size, data = data[0], data[1:]
        packet, data, at = data[:size], data[size:], at + 0.01
        try:
            parsed = rtp.parse(packet)
        except rtp.NotRtpError:
            continue
        taken = reception.take(parsed, at)
        if taken is not None:
            fanout.take(taken, at)
        assert len(reception.due(at)) <= MOST_HEARD
    fanout.flush(at)


def _picture(sequence: int, payload: bytes) -> bytes:
    return rtp.header(is_last=True, payload_type=96, sequence=sequence, timestamp=0, ssrc=9) + payload


def _offer() -> bytes:
    call = sdp.Call("ufrag", "p" * 24, FINGERPRINT, "actpass", "sendonly", 96, "42e01f")
    return sdp.write(call).encode()


def _check() -> bytes:
    request = stun.Message(message_method=stun.Method.BINDING, message_class=stun.Class.REQUEST)
    request.attributes["USERNAME"] = "nobody:here"
    request.attributes["PRIORITY"] = 1
    request.add_message_integrity(b"guess")
    return bytes(request)


_PACKETS = (
    _picture(1, b"\x65" + b"i" * 20),
    _picture(2, b"\x78\x00\x03\x67ab\x00\x02\x68c"),
    _picture(4, b"\x7c\x85x"),
)
_SPS = bytes.fromhex("6742c01fd9005005bb011000000300100000030320f18319")
TARGETS: Final[Mapping[str, Target]] = {
    "rtp": Target(_rtp, _PACKETS),
    "rtcp": Target(
        _rtcp,
        (
            rtcp.loss_report(1, 2, [5, 6, 30]),
            rtcp.receiver_report(1, 2, highest=9, lost=1, lost_of_256=3),
            rtcp.key_frame_request(1, 2),
            rtcp.description(1, "name"),
            struct.pack("!BBHIIHHIB", 0x8F, 205, 5, 1, 2, 7, 9, 0, 1) + bytes(7),
        ),
    ),
    "stun": Target(_stun, (_check(),)),
    "sdp": Target(_sdp, (_offer(),)),
    "fragment": Target(
        _fragment,
        (b"m=video 9 UDP/TLS/RTP/SAVPF 0\r\na=mid:0\r\na=ice-ufrag:abcd\r\na=ice-pwd:" + b"p" * 22 + b"\r\n",),
    ),
    "units": Target(_units, (b"\x00\x00\x00\x01" + _SPS + b"\x00\x00\x01\x68\xce\x3c\x80",)),
    "ingest": Target(_ingest, (b"".join(bytes([len(packet)]) + packet for packet in _PACKETS),)),
}
