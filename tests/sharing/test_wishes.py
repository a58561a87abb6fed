"""What somebody asks for who says nothing else: a live view's length, or a recording's own."""

from datetime import UTC, datetime, timedelta

import pytest

from gateway.sharing import WISH, wish_of
from policies.request import Span

NOON = datetime(2026, 11, 28, 12, tzinfo=UTC)


def test_a_live_view_is_asked_for_half_an_hour():
    """The centre's own bound; the owner's caps cut it further."""
    assert wish_of(None) == WISH


@pytest.mark.parametrize(("length_s", "asked_s"), [(60, 60), (60.4, 61), (60.5, 61), (60.6, 61), (0.2, 1), (0, 1)])
def test_a_second_that_was_begun_counts_whole(length_s: float, asked_s: int):
    """The same for a second person's question and for the release: never less than what would be given."""
    asked = wish_of(Span(NOON, NOON + timedelta(seconds=length_s)))

    assert (asked.seconds, asked.height_lines) == (asked_s, WISH.height_lines)
