"""What takes bytes from a network in the media plane, each as a function of bytes, with good bytes to begin from.

A target lets nothing out but what its module declares; what it keeps stays bounded. `media` drives them by coverage,
the suite by what hypothesis thinks of.
"""

import asyncio
import functools
import struct
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from aioice import stun
from aioice.ice import CandidatePair, Connection
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from partner_agent.rtc import checks, fragment, h264, nal, rtcp, rtp, sdp, sps
from partner_agent.rtc.fanout import FanOut
from partner_agent.rtc.gso import Address
from partner_agent.rtc.ice import IceSession
from partner_agent.rtc.mux import MAX_ADDRESSES, Port
from partner_agent.rtc.opening import ForgedError, GcmOpener
from partner_agent.rtc.reception import Reception
from partner_agent.rtc.srtp import GcmProtector, nonce, session_keys

FINGERPRINT: Final = ":".join(["AB"] * 32)
MOST_HEARD: Final = 4_096  # numbers one datagram can ask for
SENDER: Final = ("192.0.2.7", 4711)
_US, _OUR_PASSWORD, _THEM, _THEIR_PASSWORD = "oursours", "p" * 24, "theirsth", "q" * 24
_PEER: Final = checks.Peer(
    f"{_US}:{_THEM}".encode(), _OUR_PASSWORD.encode(), f"{_THEM}:{_US}".encode(), _THEIR_PASSWORD.encode(),
    is_controlling=False, tie_breaker=7,
)  # fmt: skip
_THEIRS: Final = checks.Peer(
    _PEER.asked_as, _PEER.peer_key, _PEER.asks_as, _PEER.key, is_controlling=True, tie_breaker=9
)
_TRANSACTION: Final = b"transaction!"
_SRTP_KEY, _SRTP_SALT = bytes(range(16)), bytes(range(12))
_KINDS: Final = (checks.REQUEST, checks.ANSWER, 0x0111, 0x0011, 0x0004)  # and: error, indication, another method
_SEAL: Final = slice(20, -32)  # what is between a message's header and its MESSAGE-INTEGRITY and FINGERPRINT


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


def stun_port(data: bytes) -> Port:
    """A port with one peer on it that was sent `data` twice: before it has a way, and when `SENDER` is its way."""
    return _loop().run_until_complete(_heard(data))


async def _heard(data: bytes) -> Port:
    port = _NowherePort()
    connection = Connection(ice_controlling=False, local_username=_US, local_password=_OUR_PASSWORD)
    connection.remote_username, connection.remote_password = _THEM, _THEIR_PASSWORD
    connection._early_checks_done = True
    session = IceSession([port], connection, peer_fragment=_THEM)
    try:
        port.ask(session.routes[0], _TRANSACTION)
        port.datagram_received(data, SENDER)
        if connection._remote_candidates:
            connection._nominated[1] = CandidatePair(session.routes[0].protocol, connection._remote_candidates[0])
        session._peer, session._asked[_TRANSACTION] = session._both(), 0.0
        port.datagram_received(data, SENDER)
        await asyncio.sleep(0)  # a check of ours begins
        assert len(session.routes[0].addresses) <= MAX_ADDRESSES
        assert port.failed == 0
    finally:
        await session.close()
    return port


def _stun(data: bytes) -> None:
    stun_port(data)
    checks.is_kept(data, _PEER)


def _signed_stun(data: bytes) -> None:
    """What somebody who knows the passwords may say: the first byte chooses the kind, the rest are attributes."""
    if data:
        _stun(signed(_KINDS[data[0] % len(_KINDS)], data[1:]))


def signed(kind: int, body: bytes) -> bytes:
    """A message with these attributes, and the MESSAGE-INTEGRITY that its receiver wants."""
    key = _PEER.peer_key if kind in (checks.ANSWER, 0x0111) else _PEER.key
    return checks._sealed(kind, _TRANSACTION, body + bytes(-len(body) % 4), key)


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


def _srtp(data: bytes) -> None:
    """Any datagrams of a peer's address, each with its length before it: what opens is what the peer sealed, once."""
    opener, opened = GcmOpener(key=_SRTP_KEY, salt=_SRTP_SALT), list[rtp.RtpPacket]()
    while len(data) > 2:
        size, data = data[0], data[1:]
        datagram, data = data[:size], data[size:]
        try:
            packet = opener.open(memoryview(datagram))
        except (ForgedError, rtp.NotRtpError):
            continue
        assert packet in map(rtp.parse, _PACKETS)
        assert packet not in opened  # or it was a replay
        opened.append(packet)


def _sealed_srtp(data: bytes) -> None:
    """Any packet of somebody who has the keys: it reads as it did before it was sealed."""
    if len(data) < rtp.HEADER_BYTES:
        return
    try:
        expected, start = rtp.parse(data), rtp.payload_start(data)
    except rtp.NotRtpError:
        expected, start = None, rtp.HEADER_BYTES
    key, salt = session_keys(_SRTP_KEY, _SRTP_SALT)
    sequence, ssrc = int.from_bytes(data[2:4], "big"), int.from_bytes(data[8:12], "big")
    sealed = data[:start] + AESGCM(key).encrypt(nonce(salt, ssrc, sequence), data[start:], data[:start])
    try:
        found = GcmOpener(key=_SRTP_KEY, salt=_SRTP_SALT).open(memoryview(sealed))
    except (ForgedError, rtp.NotRtpError):
        found = None
    assert found == expected


def _sealed(packets: Sequence[bytes]) -> bytes:
    """As the peer would send them, each with its length before it."""
    peer = GcmProtector.from_master(key=_SRTP_KEY, salt=_SRTP_SALT, ssrc=9)
    cut = rtp.HEADER_BYTES
    datagrams = [peer.protect(each[:cut], each[cut:], rtp.parse(each).sequence) for each in packets]
    return b"".join(bytes([len(datagram)]) + datagram for datagram in datagrams)


def _picture(sequence: int, payload: bytes) -> bytes:
    return rtp.header(is_last=True, payload_type=96, sequence=sequence, timestamp=0, ssrc=9) + payload


def _offer() -> bytes:
    call = sdp.Call("ufrag", "p" * 24, FINGERPRINT, "actpass", "sendonly", 96, "42e01f")
    return sdp.write(call).encode()


class _NowherePort(Port):
    """Sends nothing."""

    dropped = 0

    def __init__(self) -> None:
        super().__init__(self)

    @property
    def address(self) -> Address:
        return ("192.0.2.1", 9)

    def close(self) -> None:
        """Nothing is open."""

    def send(self, data: object, address: Address) -> None:
        """Nowhere."""

    def send_run(self, data: memoryview, segment_bytes: int, address: Address) -> None:
        """Nowhere."""


@functools.cache
def _loop() -> asyncio.AbstractEventLoop:
    """One for all inputs; a new one for each would be most of the time."""
    return asyncio.new_event_loop()


def _check() -> bytes:
    request = stun.Message(message_method=stun.Method.BINDING, message_class=stun.Class.REQUEST)
    request.attributes["USERNAME"] = "nobody:here"
    request.attributes["PRIORITY"] = 1
    request.add_message_integrity(b"guess")
    return bytes(request)


SIGNED_CHECK: Final = checks.request(_TRANSACTION, _THEIRS)
_PACKETS = (
    _picture(1, b"\x65" + b"i" * 20),
    _picture(2, b"\x78\x00\x03\x67ab\x00\x02\x68c"),
    _picture(4, b"\x7c\x85x"),
)
_SPS = bytes.fromhex("6742c01fd9005005bb011000000300100000030320f18319")
TARGETS: Final[Mapping[str, Target]] = {
    "rtp": Target(_rtp, _PACKETS),
    "srtp": Target(_srtp, (_sealed(_PACKETS), 2 * _sealed(_PACKETS))),
    "sealed_srtp": Target(_sealed_srtp, (*_PACKETS, b"\xb1" + _PACKETS[0][1:] + bytes(4) + b"\xbe\xde\0\1abcd12\2")),
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
    "stun": Target(_stun, (_check(), SIGNED_CHECK, checks.answer(SIGNED_CHECK, SENDER, _THEIRS))),
    "signed_stun": Target(
        _signed_stun,
        (b"\0" + SIGNED_CHECK[_SEAL], b"\1" + checks.answer(SIGNED_CHECK, SENDER, _THEIRS)[_SEAL]),
    ),
    "sdp": Target(_sdp, (_offer(),)),
    "fragment": Target(
        _fragment,
        (b"m=video 9 UDP/TLS/RTP/SAVPF 0\r\na=mid:0\r\na=ice-ufrag:abcd\r\na=ice-pwd:" + b"p" * 22 + b"\r\n",),
    ),
    "units": Target(_units, (b"\x00\x00\x00\x01" + _SPS + b"\x00\x00\x01\x68\xce\x3c\x80",)),
    "ingest": Target(_ingest, (b"".join(bytes([len(packet)]) + packet for packet in _PACKETS),)),
}
