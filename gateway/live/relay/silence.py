"""Whether a viewer still reads: who has fallen silent is asked before its call ends. Pure.

Reports come at a viewer's own pace: Chromium's each second, others' each five (RFC 3550 §6.2). So one that has not
reported for two seconds is asked by an ICE check, which waits in the same queue as its pictures: who answers has read.
Who neither reports nor answers is gone, within five seconds. A relay that stood still has read nothing meanwhile; time
counts only as far as it could have heard.
"""

from dataclasses import dataclass
from enum import Enum, auto
from typing import Final

SWEEP_S: Final = 1.0  # between two looks, between which everything that waits is read
ASK_S: Final = 2.0
SILENCE_S: Final = 4.0  # with the time to the next look, five
REPORT_S: Final = 30.0  # five times the longest pace: who reads and never reports is no viewer (RFC 3550 §6.3.5)
_LOOKS: Final = round(SILENCE_S / SWEEP_S)


class Found(Enum):
    """What one look at a viewer says."""

    WELL = auto()
    ASK = auto()  # send a check
    GONE = auto()


@dataclass(slots=True)
class Attention:
    """What was heard of one viewer.

    Attributes:
        heard_at: when it last showed that it reads, in monotonic seconds.
        reported_at: of its last report.
    """

    heard_at: float = 0.0
    reported_at: float = 0.0
    _looks: int = 0  # since then

    def begin(self, now: float) -> None:
        """From now on something is expected: packets flow, or it says itself that its way changes."""
        self.reported_at = now
        self.heard(now)

    def reported(self, now: float) -> None:
        """A report came."""
        self.reported_at = now
        self.heard(now)

    def heard(self, now: float) -> None:
        """It showed that it reads."""
        self.heard_at, self._looks = now, 0

    def look(self, now: float) -> Found:
        """Once every `SWEEP_S`, late or not."""
        self._looks += 1
        silent_s = now - self.heard_at
        if (silent_s >= SILENCE_S and self._looks >= _LOOKS) or now - self.reported_at >= REPORT_S:
            return Found.GONE
        return Found.ASK if silent_s >= ASK_S else Found.WELL
