"""A camera that feeds a fan-out with pictures, and a viewer's end of it."""

from dataclasses import dataclass, field
from itertools import pairwise

from partner_agent.rtc import h264, rtp, rtx
from partner_agent.rtc.fanout import FanOut
from partner_agent.rtc.rtx import Retransmitter
from partner_agent.rtc.viewer import Viewer
from tests.fakes.protector import PlainProtector

KEY = h264.packetise([b"\x09\x10", b"\x67s", b"\x68p", b"\x65" + b"i" * 2500])
DELTA = h264.packetise([b"\x41" + b"d" * 30])
NOW, LATER = 100.0, 110.0
FPS = 30
FRAME = h264.packetise([b"\x06s", b"\x41" + b"d" * (4_000_000 // 8 // FPS)])  # one of 4 Mbit/s, as cameras send it


@dataclass
class Camera:
    """Feeds a fan-out with pictures."""

    fanout: FanOut
    ssrc: int = 7
    sequence: int = 65_500
    timestamp: int = 5_000
    sent: list[bytes] = field(default_factory=list)

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
            self.sent.append(payload)
            if number == skip:
                skipped = head + payload
            else:
                self.fanout.push(head + payload, now)
            self.sequence += 1
        self.timestamp += 3000
        return skipped

    def group(self, seconds: int) -> int:
        """Send a key picture and what follows it at 4 Mbit/s, long ago: so many packets."""
        self.picture(KEY, NOW - seconds)
        for _ in range(seconds * FPS):
            self.picture(FRAME, NOW - seconds)
        return len(KEY) + seconds * FPS * len(FRAME)


class Screen:
    """A viewer's end."""

    def __init__(
        self, session: str = "ses_1", *, until: float = LATER, payload_type: int = 102, is_repairing: bool = True
    ) -> None:
        self.packets: list[rtp.RtpPacket] = []
        self.repeated: list[rtp.RtpPacket] = []
        again = Retransmitter(ssrc=98, payload_type=103, protector=PlainProtector()) if is_repairing else None
        self.viewer = Viewer(session, payload_type, PlainProtector(), self._take, until=until, retransmitter=again)

    @property
    def is_gapless(self) -> bool:
        """Whether what it got, by its numbers, is a whole, in order."""
        numbers = [packet.sequence for packet in self.packets]
        return all((two - one) % rtp.SEQUENCES == 1 for one, two in pairwise(numbers))

    def _take(self, datagrams: list[bytes]) -> None:
        for packet in map(rtp.parse, datagrams):
            if packet.payload_type == 103:
                original = rtx.original(packet, ssrc=99, payload_type=102)
                assert original is not None
                self.repeated.append(original)
            else:
                self.packets.append(packet)
