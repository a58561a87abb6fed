"""A camera that feeds a fan-out with pictures, and a viewer's end of it."""

from dataclasses import dataclass, field

from partner_agent.rtc import h264, rtp, rtx
from partner_agent.rtc.fanout import FanOut, Viewer
from partner_agent.rtc.rtx import Retransmitter
from tests.fakes.protector import PlainProtector

KEY = h264.packetise([b"\x09\x10", b"\x67s", b"\x68p", b"\x65" + b"i" * 2500])
DELTA = h264.packetise([b"\x41" + b"d" * 30])
NOW, LATER = 100.0, 110.0


@dataclass
class Camera:
    """Feeds a fan-out with pictures."""

    fanout: FanOut
    ssrc: int = 7
    sequence: int = 65_500
    timestamp: int = 5_000
    seen: list[rtp.RtpPacket] = field(default_factory=list)

    def picture(self, payloads: list[bytes], now: float = NOW, *, skip: int | None = None) -> bytes:
        """Send a picture; what is skipped is returned, to be sent later."""
        skipped = b""
        for number, payload in enumerate(payloads, 1):
            head = rtp.header(
                is_last=number == len(payloads),
                payload_type=96,
                sequence=self.sequence,
                timestamp=self.timestamp,
                ssrc=self.ssrc,
            )
            if number == skip:
                skipped = head + payload
            else:
                self.fanout.push(head + payload, now)
            self.sequence += 1
        self.timestamp += 3000
        return skipped


class Screen:
    """A viewer's end."""

    def __init__(
        self, session: str = "ses_1", *, until: float = LATER, payload_type: int = 102, is_repairing: bool = True
    ) -> None:
        self.packets: list[rtp.RtpPacket] = []
        self.repeated: list[rtp.RtpPacket] = []
        again = Retransmitter(ssrc=98, payload_type=103, protector=PlainProtector()) if is_repairing else None
        self.viewer = Viewer(session, payload_type, PlainProtector(), self._take, until=until, retransmitter=again)

    def _take(self, datagrams: list[bytes]) -> None:
        for packet in map(rtp.parse, datagrams):
            if packet.payload_type == 103:
                original = rtx.original(packet, ssrc=99, payload_type=102)
                assert original is not None
                self.repeated.append(original)
            else:
                self.packets.append(packet)
