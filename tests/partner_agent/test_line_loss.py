"""When the smaller stream is to be sent because of what is lost, and when the larger one may be tried again."""

import pytest

from partner_agent import line_loss
from partner_agent.line_loss import CALM_OF_256, LOSSY_OF_256, MOST_QUIET_S, PROVEN_S, QUIET_S, REPORTS, LineLoss


class Line:
    """A line of which there is a report each second."""

    def __init__(self) -> None:
        self.loss, self.now_s = LineLoss(), 1_000.0

    def tell(self, lost_of_256: int, seconds: float = 1.0, *, every_s: float = 1.0) -> bool:
        """So much is lost for so long; whether it is strained after that."""
        for _report in range(round(seconds / every_s)):
            self.now_s += every_s
            self.loss.heard(lost_of_256, self.now_s)
        return self.loss.is_strained

    def strain(self) -> None:
        """As quickly as it goes."""
        assert self.tell(255, REPORTS)

    def until_free(self) -> float:
        """Nothing is lost any more: after how long the larger stream may be tried."""
        began_s = self.now_s
        while self.tell(0):
            assert self.now_s - began_s < 2 * MOST_QUIET_S
        return self.now_s - began_s


@pytest.fixture
def line() -> Line:
    """On which nothing was lost for a while."""
    line = Line()
    assert not line.tell(0, 60)
    return line


def test_loss_that_lasts_strains_the_line(line: Line):
    """At the third report in a row, whatever it was before."""
    assert not line.tell(LOSSY_OF_256, REPORTS - 1)
    assert line.tell(LOSSY_OF_256)


@pytest.mark.parametrize("between", [0, LOSSY_OF_256 - 1])
def test_loss_that_passes_or_is_little_strains_nothing(line: Line, between: int):
    """A burst is repaired by repeating; so is less than a tenth, however long."""
    for _turn in range(20):
        assert not line.tell(255, REPORTS - 1)
        assert not line.tell(between)
    assert not line.tell(LOSSY_OF_256 - 1, 600)


def test_the_larger_stream_is_tried_again_after_a_quiet_time(line: Line):
    """Longer by far than what strained it, and counted anew from each report of more than next to nothing."""
    line.strain()
    assert line.tell(CALM_OF_256, QUIET_S - 1)
    assert line.tell(CALM_OF_256 + 1)
    assert line.until_free() == pytest.approx(QUIET_S, abs=1)


def test_a_line_that_never_becomes_quiet_stays_strained(line: Line):
    """Loss between the two bounds holds what is."""
    line.strain()
    assert line.tell(CALM_OF_256 + 1, 3_600)


def test_silence_is_not_quiet(line: Line):
    """Reports may be lost on the very line: only those that came say that nothing is."""
    line.strain()
    assert line.tell(0, 3 * QUIET_S, every_s=line_loss.SILENT_S + 1)


def test_it_does_not_go_back_and_forth(line: Line):
    """Strained soon after each try, it waits twice as long each time, up to a bound."""
    waits = []
    for _turn in range(7):
        line.strain()
        waits.append(round(line.until_free()))

    assert waits[:4] == [QUIET_S, 2 * QUIET_S, 4 * QUIET_S, 8 * QUIET_S]
    assert waits[-2:] == [MOST_QUIET_S, MOST_QUIET_S]


def test_a_larger_stream_that_was_borne_for_long_is_tried_as_soon_as_at_first(line: Line):
    """What is lost then is another matter."""
    for _turn in range(4):
        line.strain()
        line.until_free()
    assert not line.tell(0, PROVEN_S)
    line.strain()

    assert line.until_free() == pytest.approx(QUIET_S, abs=1)
