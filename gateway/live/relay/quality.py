"""What one viewer's reports say of its way: losses, delay, and what it believes the way carries. Figures, no decisions.

RFC 3550 §6.4.1 (loss, jitter, round trip), draft-alvestrand-rmcat-remb-03. Bounded: the newest word of each kind, and
when the last few sender reports went out.
"""

from dataclasses import dataclass, field
from typing import Final

from partner_agent.rtc import rtcp
from partner_agent.rtc.units import CLOCK_RATE_HZ

SENT_REPORTS: Final = 8  # remembered: a viewer answers the newest within seconds
MOST_RTT_S: Final = 60.0  # a longer one is a number that was made up


@dataclass(slots=True, eq=False)
class Quality:
    """One viewer's figures.

    Attributes:
        lost_of_256: of the packets since its last report, those that did not come, in 1/256.
        lost: since the start, before any repair.
        rtt_s: from a sender report to its answer, less what the viewer waited; None before the first.
        remb_bps: what it says its way carries; 0 = said nothing.
        reporter: whom it reports on the pictures as; 0 = has not yet.
        wanted: packets it asked for again.
        repeated: packets that were sent again.
    """

    lost_of_256: int = 0
    lost: int = 0
    jitter_90k: int = 0
    rtt_s: float | None = None
    remb_bps: int = 0
    reporter: int = 0
    wanted: int = 0
    repeated: int = 0
    _sent: dict[int, float] = field(default_factory=dict)

    def reported(self, ntp: int, now: float) -> None:
        """A sender report with this NTP time went out, at `now` in monotonic seconds."""
        self._sent[rtcp.middle(ntp)] = now
        if len(self._sent) > SENT_REPORTS:
            del self._sent[next(iter(self._sent))]

    def take(self, heard: rtcp.Heard, *, ssrc: int, now: float) -> None:
        """Take what a compound packet says of the source `ssrc`; the rest is not ours."""
        for block in heard.blocks:
            if block.ssrc == ssrc:
                self.lost_of_256, self.lost, self.jitter_90k = block.lost_of_256, block.lost, block.jitter
                self.reporter = block.reporter
                self._measure(block, now)
        if heard.remb_bps is not None:
            self.remb_bps = heard.remb_bps

    def figures(self) -> dict[str, int]:
        """As whole numbers with their units; `rtt_ms` only once it is known."""
        said = {
            "lost_permille": round(self.lost_of_256 * 1000 / 256),
            "lost_packets": self.lost,
            "jitter_ms": round(self.jitter_90k * 1000 / CLOCK_RATE_HZ),
            "remb_bps": self.remb_bps,
            "wanted_packets": self.wanted,
            "repeated_packets": self.repeated,
        }
        return said if self.rtt_s is None else said | {"rtt_ms": round(self.rtt_s * 1000)}

    def _measure(self, block: rtcp.ReportBlock, now: float) -> None:
        """The round trip, by our own clock alone: the report names which of ours it answers."""
        sent_at = self._sent.get(block.last_report) if block.last_report else None
        if sent_at is None:
            return
        rtt_s = now - sent_at - block.delay_65536 / 65_536
        if rtt_s <= MOST_RTT_S:
            self.rtt_s = max(rtt_s, 0.0)
