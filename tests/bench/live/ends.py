"""The two kinds of ends of the load: viewers, which count what comes, and sources, which play a loop at its own pace.

A viewer is a real ICE and DTLS-SRTP peer on a UDP port of its own; once it has shaken hands, media is counted by its
header and thrown away, but for the one that checks. It reports once a second, as browsers do, or a relay drops it.
"""

import asyncio
import fcntl
import secrets
import socket
import struct
from collections.abc import Iterator, Sequence
from contextlib import suppress
from datetime import UTC, datetime

from partner_agent.rtc import certificate, rtcp, rtp, sdp
from partner_agent.rtc.hooks import Leg
from partner_agent.rtc.mux import UdpPort
from partner_agent.rtc.srtp import Protector
from partner_agent.wire.clock import SystemClock
from partner_agent.wire.ids import SystemIds
from tests.bench.live.packets import Checker, Tally

PAYLOAD_TYPE = 96
RTX_PAYLOAD_TYPE = 97
PROFILE = "42e01f"
SOURCE_SSRC = 0x4C454E53
FRAME_90K = 3_000
_READS = 512  # of one port before the others have their turn
_BUFFER_BYTES = 4 * 1024 * 1024
_SO_RCVBUFFORCE = 33  # asm-generic/socket.h
_SIOCGSTAMPNS = 0x8907  # linux/sockios.h: when the packet read last had arrived
_STAMP = struct.Struct("=qq")
_NTP_EPOCH = datetime(1900, 1, 1, tzinfo=UTC)


class CountingPort(UdpPort):
    """A viewer's UDP port, read run by run.

    Attributes:
        tally: of the primary stream; retransmissions are another.
        ssrc: whose packets they are.
        checker: sees each decrypted packet, if there is one.
        arrived_ns: wall time at which the kernel had the newest media packet, if stamps are wanted.
    """

    def __init__(self, sock: socket.socket) -> None:
        super().__init__(sock)
        self.tally, self.ssrc, self.arrived_ns = Tally(), 0, 0
        self.checker: Checker | None = None
        self._primary = frozenset({PAYLOAD_TYPE, PAYLOAD_TYPE | 0x80})
        self._is_stamping = False
        self._buffer = bytearray(2048)

    @classmethod
    def listening(cls, host: str, *, payload_type: int = PAYLOAD_TYPE) -> "CountingPort":
        """Bind any free port of `host` and read it."""
        sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        sock.setblocking(False)
        for option in (socket.SO_RCVBUF, _SO_RCVBUFFORCE):  # the second only as root: a whole group of pictures fits
            with suppress(PermissionError):
                sock.setsockopt(socket.SOL_SOCKET, option, _BUFFER_BYTES)
        sock.bind((host, 0))
        port = cls(sock)
        port._primary = frozenset({payload_type, payload_type | 0x80})
        asyncio.get_running_loop().add_reader(sock.fileno(), port._drain)
        return port

    def stamp(self) -> None:
        """From now on note when packets arrived, by the kernel's clock."""
        self._is_stamping = True
        self._arrival_ns()

    def close(self) -> None:
        """Read no more."""
        asyncio.get_running_loop().remove_reader(self.socket.fileno())
        self.socket.close()

    def _drain(self) -> None:
        buffer, primary, receive = self._buffer, self._primary, self.socket.recvfrom_into
        count, first, last = 0, 0, 0
        for _ in range(_READS):
            try:
                size, address = receive(buffer)
            except BlockingIOError:
                break
            except OSError:  # the other end's port is gone
                continue
            if buffer[1] in primary and 127 < buffer[0] < 192:
                last = buffer[2] << 8 | buffer[3]
                if not count:
                    first = last
                count += 1
                if self.checker is None:
                    continue
            self.datagram_received(bytes(buffer[:size]), address)
        if count:
            self.tally.note(count, first, last)
            self.ssrc = int.from_bytes(buffer[8:12], "big") if buffer[1] in primary else self.ssrc
            if self._is_stamping:
                self.arrived_ns = self._arrival_ns()

    def _arrival_ns(self) -> int:
        try:
            seconds, nanoseconds = _STAMP.unpack(fcntl.ioctl(self.socket, _SIOCGSTAMPNS, bytes(_STAMP.size)))
        except FileNotFoundError:  # nothing was read since stamps are wanted
            return 0
        return int(seconds) * 1_000_000_000 + int(nanoseconds)


class Viewer:
    """One that watches, whether it calls (WHEP) or is called (Janus)."""

    def __init__(self, *, host: str, identity: certificate.DtlsIdentity, is_caller: bool, payload_type: int) -> None:
        self.port = CountingPort.listening(host, payload_type=payload_type)
        self.payload_type = payload_type
        self.sender_reports = 0
        self.leg = Leg(
            port=self.port,
            identity=identity,
            ids=SystemIds(),
            is_controlling=is_caller,
            on_rtp=self._take,
            on_rtcp=self._hear,
            on_closed=lambda: None,
        )
        self._ssrc = secrets.randbits(32)

    def _take(self, packets: list[rtp.RtpPacket]) -> None:
        for packet in packets:
            if self.port.checker is not None and packet.payload_type == self.payload_type:
                self.port.checker.take(packet)

    def _hear(self, packet: bytes) -> None:
        self.sender_reports += rtcp.read(packet).sender is not None

    def report(self) -> None:
        """A receiver report without loss (RFC 3550 §6.4.2)."""
        tally = self.port.tally
        if tally.count:
            block = struct.pack("!IIIIII", self.port.ssrc, 0, tally.last, 0, 0, 0)
            self.leg.send_rtcp(struct.pack("!BBHI", 0x81, 201, 7, self._ssrc) + block)

    async def close(self) -> None:
        """Leave."""
        await self.leg.close()
        self.port.close()


class Source:
    """Plays a loop; where to is a subclass's business."""

    def __init__(self, pictures: Sequence[Sequence[bytes]]) -> None:
        self._pictures = pictures
        self._number = 0
        self._index = secrets.randbelow(1 << 15)
        self._octets = 0
        self.sent = 0

    def next_picture(self, most: int) -> Iterator[list[bytes]]:
        """The packets of the next picture, at most so many at once."""
        payloads = self._pictures[self._number % len(self._pictures)]
        timestamp = self._number * FRAME_90K
        self._number += 1
        datagrams = []
        for number, payload in enumerate(payloads, 1):
            header = rtp.header(
                is_last=number == len(payloads),
                payload_type=PAYLOAD_TYPE,
                sequence=self._index,
                timestamp=timestamp,
                ssrc=SOURCE_SSRC,
            )
            datagrams.append(self._packet(header, payload, self._index))
            self._index += 1
            self._octets += len(payload)
        self.sent += len(datagrams)
        for start in range(0, len(datagrams), most):
            yield datagrams[start : start + most]

    def sender_report(self) -> bytes:
        """When the next picture is shown (RFC 3550 §6.4.1)."""
        since_s = (SystemClock().now() - _NTP_EPOCH).total_seconds()
        ntp = int(since_s) << 32 | int(since_s % 1 * (1 << 32))
        body = struct.pack("!IQIII", SOURCE_SSRC, ntp, self._number * FRAME_90K % (1 << 32), self.sent, self._octets)
        return struct.pack("!BBH", 0x80, 200, 6) + body

    def report(self) -> None:
        """Send the sender report, where there is a way for it."""

    def _packet(self, header: bytes, payload: bytes, index: int) -> bytes:
        raise NotImplementedError

    def send(self, datagrams: list[bytes]) -> None:
        """Send them; never waits."""
        raise NotImplementedError


class Publisher(Source):
    """Publishes by WHIP, under SRTP."""

    def __init__(
        self, pictures: Sequence[Sequence[bytes]], *, port: UdpPort, identity: certificate.DtlsIdentity
    ) -> None:
        super().__init__(pictures)
        self.port = port
        self.leg = Leg(
            port=port,
            identity=identity,
            ids=SystemIds(),
            is_controlling=True,
            on_rtp=lambda _: None,
            on_rtcp=lambda _: None,
            on_closed=lambda: None,
        )
        self._protector: Protector | None = None

    def report(self) -> None:
        """The sender report, from which the relay makes its own."""
        self.leg.send_rtcp(self.sender_report())

    def _packet(self, header: bytes, payload: bytes, index: int) -> bytes:
        if self._protector is None:
            self._protector = self.leg.protector(SOURCE_SSRC)
        return self._protector.protect(header, payload, index)

    def send(self, datagrams: list[bytes]) -> None:
        """Send them; never waits."""
        self.leg.send(datagrams)


class PlainSource(Source):
    """Sends bare RTP to an address, as Janus' streaming plugin takes it."""

    def __init__(self, pictures: Sequence[Sequence[bytes]], *, port: UdpPort, address: tuple[str, int]) -> None:
        super().__init__(pictures)
        self._port, self._address = port, address

    def _packet(self, header: bytes, payload: bytes, index: int) -> bytes:
        del index
        return header + payload

    def send(self, datagrams: list[bytes]) -> None:
        """Send them; never waits."""
        self._port.sender.send(datagrams, self._address)


def description(leg: Leg, identity: certificate.DtlsIdentity, direction: sdp.Direction) -> str:
    """The offer of one that calls."""
    call = sdp.Call(leg.user_fragment, leg.password, identity.fingerprint, "actpass", direction, PAYLOAD_TYPE, PROFILE)
    return with_repair(sdp.write(call), PAYLOAD_TYPE, RTX_PAYLOAD_TYPE)


def with_repair(text: str, payload_type: int, rtx_payload_type: int) -> str:
    """The same, which also asks for lost packets again, as browsers do (RFC 4585 §4.2, RFC 4588 §8.6)."""
    wanted = [f"a=rtcp-fb:{payload_type} nack"]
    wanted += [f"a=rtpmap:{rtx_payload_type} rtx/90000", f"a=fmtp:{rtx_payload_type} apt={payload_type}"]
    lines = []
    for line in text.splitlines():
        if line.startswith("m=video ") and str(rtx_payload_type) not in line.split()[3:]:
            lines.append(f"{line} {rtx_payload_type}")
        elif line not in wanted:
            lines.append(line)
        if line.startswith(f"a=fmtp:{payload_type} "):
            lines += wanted
    return "\r\n".join([*lines, ""])
