"""Whether a site's line bears the larger of a camera's two streams, by what the relay says was lost of it. Pure.

Loss that lasts is taken for a line with too little room, and loss that comes back soon after the larger stream did as
the proof of it: that one is tried again later and later, so that a view does not go back and forth. How much is too
much, and how little is nothing, are the bounds of draft-ietf-rmcat-gcc-02, 6: who loses more than a tenth sends less,
and who loses less than a fiftieth may send more.
"""

from typing import Final

LOSSY_OF_256: Final = 26
CALM_OF_256: Final = 5
REPORTS: Final = 3  # so many in a row, one a second: what passes by itself is repaired by repeating
QUIET_S: Final = 30.0
MOST_QUIET_S: Final = 480.0
PROVEN_S: Final = 120.0  # the larger stream was borne so long: what is lost after that is another matter
SILENT_S: Final = 5.0  # a relay that said nothing for so long may have said it in what was lost


class LineLoss:
    """What was heard of one uplink.

    Attributes:
        is_strained: the smaller stream is to be sent.
    """

    def __init__(self) -> None:
        self.is_strained = False
        self._lossy = 0
        self._heard_s = self._freed_s = float("-inf")
        self._calm_since_s = 0.0
        self._quiet_s = QUIET_S

    def heard(self, lost_of_256: int, now_s: float) -> None:
        """One report: how much was lost since the one before, and when it came, in monotonic seconds."""
        is_calm = lost_of_256 <= CALM_OF_256 and now_s - self._heard_s <= SILENT_S
        self._heard_s = now_s
        if not is_calm:
            self._calm_since_s = now_s
        self._lossy = self._lossy + 1 if lost_of_256 >= LOSSY_OF_256 else 0
        if not self.is_strained and self._lossy >= REPORTS:
            is_again = now_s - self._freed_s < PROVEN_S
            self._quiet_s = min(2 * self._quiet_s, MOST_QUIET_S) if is_again else QUIET_S
            self.is_strained = True
        elif self.is_strained and now_s - self._calm_since_s >= self._quiet_s:
            self.is_strained, self._freed_s = False, now_s
