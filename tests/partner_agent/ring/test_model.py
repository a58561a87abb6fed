"""Coverage is exact: spans and gaps together are the wanted range, whatever was recorded."""

import itertools
from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from partner_agent.ring.model import JOIN_S, Gap, GapReason, Span, cover

ZERO = datetime(2026, 11, 23, tzinfo=UTC)


def span(begin: int, length: int) -> Span:
    """A span of whole seconds."""
    return Span(ZERO + timedelta(seconds=begin), ZERO + timedelta(seconds=begin + length))


SPANS = st.builds(span, st.integers(0, 200), st.integers(1, 60))


@given(
    wanted=st.builds(span, st.integers(0, 200), st.integers(1, 100)),
    recorded=st.lists(SPANS, max_size=6),
    gaps=st.lists(SPANS, max_size=4),
    now=st.integers(0, 300),
    expired=st.integers(0, 300),
)
def test_spans_and_gaps_partition_the_range(
    wanted: Span, recorded: list[Span], gaps: list[Span], now: int, expired: int
):
    """Nothing is missing, nothing twice, and no recorded moment is called a gap."""
    known = [Gap(item.t0, item.t1, GapReason.CAMERA_DOWN) for item in gaps]
    found = cover(
        wanted,
        recorded,
        known,
        now=ZERO + timedelta(seconds=now),
        expired_until=ZERO + timedelta(seconds=expired),
    )
    pieces = sorted([(item.t0, item.t1) for item in (*found.spans, *found.gaps)])

    assert pieces[0][0] == wanted.t0
    assert pieces[-1][1] == wanted.t1
    assert all(before[1] == after[0] for before, after in itertools.pairwise(pieces))
    for gap in found.gaps:
        assert not any(item.meets(Span(gap.t0, gap.t1)) for item in recorded)


def test_neighbours_a_frame_apart_are_one_span():
    """Rounding between segments is no gap; more than half a second is."""
    first = Span(ZERO, ZERO + timedelta(seconds=10))
    near = Span(first.t1 + timedelta(seconds=JOIN_S), ZERO + timedelta(seconds=20))
    far = Span(near.t1 + timedelta(seconds=JOIN_S + 0.1), ZERO + timedelta(seconds=30))
    found = cover(Span(ZERO, far.t1), [far, first, near], [], now=far.t1, expired_until=None)

    assert [(item.t0, item.t1) for item in found.spans] == [(first.t0, near.t1), (far.t0, far.t1)]
    assert [gap.reason for gap in found.gaps] == [GapReason.NOT_RECORDED]
