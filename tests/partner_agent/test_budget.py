"""The owner's bound on what leaves the site: taken on if it fits, and the newest gives way when it is too much."""

from partner_agent.budget import DEPTH_S, Budget, Share, on_the_line
from tests.fakes.clock import FakeClock

RATE_BPS = 8_000_000  # a million bytes a second


class Uplinks:
    """A budget and those that share it."""

    def __init__(self, rate_bps: int = RATE_BPS) -> None:
        self.clock = FakeClock()
        self.budget = Budget(rate_bps, clock=self.clock)
        self.over: list[str] = []

    def open(self, name: str, rate_bps: int | None) -> Share | None:
        """An uplink called `name`."""
        return self.budget.open(lambda: rate_bps, on_over=lambda: self.over.append(name))


def test_a_stream_that_does_not_fit_beside_the_others_is_not_taken_on():
    """By what each is known to need; closing one makes room."""
    uplinks = Uplinks()
    first = uplinks.open("first", 5_000_000)
    assert first is not None
    assert uplinks.open("second", 3_000_001) is None
    first.close()
    first.close()

    assert uplinks.open("second", 3_000_001) is not None


def test_a_stream_of_unknown_rate_is_taken_on_while_anything_is_left():
    """It is measured once it runs."""
    uplinks = Uplinks()
    assert uplinks.open("first", None) is not None
    assert uplinks.open("second", RATE_BPS) is not None

    assert uplinks.open("third", None) is None


def test_what_leaves_at_the_rate_may_go_on():
    """An hour of it, with the headers counted."""
    uplinks = Uplinks()
    share = uplinks.open("first", RATE_BPS)
    assert share is not None
    size = 94_000

    for _ in range(36_000):
        uplinks.clock.advance(0.1)
        assert share.take(size)
    assert 99_000 < on_the_line(size) <= 100_000


def test_the_newest_gives_way_and_the_older_goes_on():
    """Whichever of them sent the unit that was too much."""
    uplinks = Uplinks()
    older, newer = uplinks.open("older", None), uplinks.open("newer", None)
    assert older is not None
    assert newer is not None
    for _ in range(40):
        uplinks.clock.advance(0.1)
        assert older.take(80_000)
        newer.take(180_000)

    assert uplinks.over == ["newer"]
    assert not newer.take(1)
    assert older.take(80_000)


def test_one_alone_that_is_too_much_ends():
    """And its last unit does not leave."""
    uplinks = Uplinks()
    only = uplinks.open("only", None)
    assert only is not None
    taken = [only.take(500_000) for _ in range(20)]

    assert taken == [True] * 7 + [False] * 13
    assert uplinks.over == ["only"]


def test_a_burst_is_afforded_up_to_the_depth():
    """The group of pictures a view begins with, no more."""
    uplinks = Uplinks()
    most = round(RATE_BPS / 8 * DEPTH_S)

    assert uplinks.budget.affords(most * 9 // 10)
    assert not uplinks.budget.affords(most)


def test_without_a_bound_everything_fits():
    """Zero is as much as there is."""
    uplinks = Uplinks(0)
    share = uplinks.open("first", 10**12)
    assert share is not None

    assert share.take(10**12)
    assert uplinks.budget.affords(10**12)
    assert uplinks.open("second", None) is not None


def test_what_leaves_twice_is_counted_and_stops_before_pictures_would():
    """Asked for without end, it takes three quarters of what may leave at once, and nobody gives way for it."""
    uplinks = Uplinks()
    share, older = uplinks.open("first", 4_000_000), uplinks.open("older", 4_000_000)
    assert share is not None
    assert older is not None

    repeated = sum(share.spares(1_130) for _ in range(10_000)) * 1_200

    assert repeated == RATE_BPS / 8 * DEPTH_S * 0.75
    assert older.take(500_000)
    assert uplinks.over == []

    uplinks.clock.advance(1)
    again = sum(share.spares(1_130) for _ in range(10_000)) * 1_200
    assert again <= RATE_BPS / 8 - 500_000


def test_nothing_leaves_twice_for_who_gave_way():
    """The end of an uplink is the end of its repetitions."""
    uplinks = Uplinks()
    share = uplinks.open("first", 1_000_000)
    assert share is not None
    assert share.spares(1_000)

    share.give_way()

    assert not share.spares(1_000)


def test_without_a_bound_what_was_lost_leaves_again():
    """The stream's own budget of repetitions is another matter."""
    share = Uplinks(0).open("first", None)
    assert share is not None
    assert all(share.spares(100_000) for _ in range(1_000))
