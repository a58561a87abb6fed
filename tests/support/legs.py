"""One end of a media connection, for tests: its leg, and what arrived."""

import select
from dataclasses import dataclass, field
from datetime import UTC, datetime

import anyio
import anyio.lowlevel

from partner_agent.rtc import certificate, rtcp
from partner_agent.rtc.hooks import Leg
from partner_agent.rtc.mux import Port, UdpPort
from partner_agent.rtc.rtp import RtpPacket
from partner_agent.wire.ids import SystemIds

NOW = datetime(2026, 11, 23, tzinfo=UTC)
ONE, TWO = certificate.generate(NOW), certificate.generate(NOW)


@dataclass
class End:
    """A leg and what arrived at it."""

    port: Port
    identity: certificate.DtlsIdentity
    is_controlling: bool
    rtp: list[RtpPacket] = field(default_factory=list)
    rtcp: list[bytes] = field(default_factory=list)
    closed: int = 0

    def __post_init__(self) -> None:
        self.leg = Leg(
            port=self.port,
            identity=self.identity,
            ids=SystemIds(),
            is_controlling=self.is_controlling,
            on_rtp=self.rtp.extend,
            on_rtcp=self.rtcp.append,
            on_closed=self._closed,
        )

    def _closed(self) -> None:
        self.closed += 1

    async def read_all(self) -> None:
        """Take in what had been sent to it by now: what an acknowledgement overtook counts as before it."""
        assert isinstance(self.port, UdpPort)
        while select.select([self.port.socket], [], [], 0)[0]:
            await anyio.lowlevel.checkpoint()

    async def connect(self, other: "End", *, fingerprint: str = "") -> None:
        """Meet `other`; only the controlling end knows where to look."""
        if self.is_controlling:
            await self.leg.add_candidate(other.leg.candidates[0])
        await self.shake_hands(other, fingerprint=fingerprint)

    async def shake_hands(self, other: "End", *, fingerprint: str = "") -> None:
        """Meet `other` where it was said to be."""
        with anyio.fail_after(5):
            await self.leg.connect(
                user_fragment=other.leg.user_fragment,
                password=other.leg.password,
                fingerprint=fingerprint or other.identity.fingerprint,
                role="client" if self.is_controlling else "server",
            )

    async def report(self, period_s: float = 1.0) -> None:
        """Say each second that somebody reads, as a browser does; until cancelled."""
        while True:
            self.leg.send_rtcp(rtcp.receiver_report(1, 2, highest=1, lost=0, lost_of_256=0))
            await anyio.sleep(period_s)
