"""What the soak calls growth, and what it calls left over."""

from dataclasses import replace

import pytest

from tests.soak.samples import HELD, KEPT_ALIVE, OF_EACH, Sample, growth_percent, least, left_over

HOLDS = Sample(memory_mb=50, files=10, udp=2, tcp=5, unix=1, threads=4)


def test_growth_counts_from_when_all_was_warm():
    """What a process fills in the first quarter is no growth; what it fills later is."""
    assert growth_percent([10.0] * 15 + [100.0] * 45) == 0
    assert growth_percent([100.0] * 55 + [106.0] * OF_EACH) == pytest.approx(6)
    assert growth_percent([100.0] * 55 + [90.0] * OF_EACH) == pytest.approx(-10)


def test_one_sample_that_swings_is_no_growth():
    """A median of several stands for each end."""
    assert growth_percent([100.0] * 59 + [900.0]) == 0


def test_too_few_samples_say_nothing():
    """The two ends would be the same samples."""
    with pytest.raises(ValueError, match="say nothing"):
        growth_percent([1.0] * (2 * OF_EACH))


@pytest.mark.parametrize("what", HELD)
def test_more_of_anything_is_left_over(what: str):
    """Files, sockets of each kind, threads: named with their process."""
    more = replace(HOLDS, **{what: getattr(HOLDS, what) + KEPT_ALIVE.get(what, 0) + 1})
    (said,) = left_over({"relay": HOLDS, "agent": HOLDS}, {"relay": more, "agent": HOLDS})
    assert said.startswith("relay: ")
    assert said.endswith(what)


def test_less_or_the_same_is_not():
    """And what a pool keeps is allowed for."""
    kept = replace(HOLDS, **{what: getattr(HOLDS, what) + count for what, count in KEPT_ALIVE.items()})
    less = replace(HOLDS, udp=0, threads=1)
    assert left_over({"relay": HOLDS, "agent": HOLDS}, {"relay": kept, "agent": less}) == []


def test_what_comes_and_goes_at_rest_is_not_counted():
    """Of several looks the least of each stands: a worker that is busy for a moment is in some alone."""
    busy = replace(HOLDS, threads=9, files=8)
    assert least([busy, replace(HOLDS, files=10), busy]) == replace(HOLDS, files=8)
