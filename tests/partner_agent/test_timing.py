"""Capture times and the time line hold against what cameras do to clocks."""

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta

import pytest

from partner_agent.timing import BFramesError, CaptureClock, ClockSource, GopRate, Timeline

NOON = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)


def captured(clock: CaptureClock, media_s: float, delay_s: float, camera_time: datetime | None = None):
    """A unit of media time `media_s` that arrives `delay_s` late."""
    return clock.capture(
        pts_90k=round(media_s * 90_000),
        arrived_at=NOON + timedelta(seconds=media_s + delay_s),
        arrived_s=500.0 + media_s + delay_s,
        camera_time=camera_time,
    )


def test_network_jitter_is_taken_out_of_arrival_times():
    """A unit that comes late was not taken late."""
    clock = CaptureClock()
    captured(clock, 0, 0)
    late = captured(clock, 1, 0.4)

    assert abs((late.at - NOON).total_seconds() - 1) < 0.01
    assert late.source is ClockSource.AGENT


@pytest.mark.parametrize("year", [1970, 2000, 2019])
def test_a_camera_that_forgot_the_year_is_ignored(year: int):
    """A clock before 2020 tells nothing, not even an offset."""
    result = captured(CaptureClock(), 0, 0, datetime(year, 1, 1, tzinfo=UTC))

    assert (result.at, result.source, result.offset_ms) == (NOON, ClockSource.AGENT, None)


@pytest.mark.parametrize(
    ("offset_s", "source"), [(4.9, ClockSource.CAMERA), (-4.9, ClockSource.CAMERA), (5.1, ClockSource.AGENT)]
)
def test_a_camera_clock_is_trusted_within_five_seconds(offset_s: float, source: ClockSource):
    """Closer than five seconds the camera knows best; further off it is wrong, and its error is told."""
    result = captured(CaptureClock(), 0, 0, NOON + timedelta(seconds=offset_s))

    assert result.source is source
    assert result.offset_ms == round(offset_s * 1000)


def placed(line: Timeline, times: Iterable[int | None], *, step_90k: int = 6000, every_s: float = 1 / 15) -> list[int]:
    """Where units of these times stand that arrive `every_s` apart."""
    return [line.place(pts, step_90k, arrived_s=500 + number * every_s) for number, pts in enumerate(times)]


def test_the_untimed_first_picture_stands_before_the_second():
    """The key picture without a time gets the start, and the others follow at their own distances."""
    assert placed(Timeline(starts_at_90k=100), (None, 6000, 12_000, 30_000)) == [100, 6100, 12_100, 30_100]


@pytest.mark.parametrize("jump", [900_000_000, -900_000_000])
def test_a_jump_of_the_cameras_clock_is_bridged(jump: int):
    """A camera that restarts its RTP clock goes on one frame later, ahead or back."""
    times = (0, 6000, 12_000 + jump, 18_000 + jump, 24_000)

    assert placed(Timeline(starts_at_90k=0), times) == [0, 6000, 12_000, 18_000, 24_000]


def test_a_camera_that_restarts_is_away_for_as_long_as_it_was():
    """Its clock begins anew after five seconds of silence: so much passed on the time line too."""
    line = Timeline(starts_at_90k=0)
    line.place(9_000_000, 6000, arrived_s=500)

    assert line.place(0, 6000, arrived_s=505) == 450_000
    assert line.place(6000, 6000, arrived_s=505.07) == 456_000


@pytest.mark.parametrize("back_90k", [9000, 90_000, 270_000])
def test_a_clock_that_is_set_back_now_and_then_is_no_b_frame(back_90k: int):
    """By a tenth, one, or three seconds, every twenty seconds: pictures keep their distance."""
    line = Timeline(starts_at_90k=0)
    times = (number * 6000 - number // 300 * back_90k for number in range(1500))

    assert placed(line, times) == [number * 6000 for number in range(1500)]


def test_equal_times_still_rise():
    """Two pictures with one time stand in order."""
    assert placed(Timeline(starts_at_90k=0), (0, 0, 0, 3600), step_90k=0) == [0, 1, 2, 3600]


def test_pictures_out_of_order_are_b_frames():
    """The third picture before its predecessor ends the patience."""
    line = Timeline(starts_at_90k=0)
    placed(line, (0, 18_000, 6000, 36_000, 24_000, 54_000))

    with pytest.raises(BFramesError):
        line.place(42_000, 6000, arrived_s=500.4)


def test_a_streams_rate_is_that_of_whole_groups():
    """A key picture does not count as if each were one; the larger of the last two, for a scene that calms down."""
    rate = GopRate()
    for number in range(46):
        is_key = number % 15 == 0
        size = (20_000 if is_key else 1000) * (2 if number < 15 else 1)
        rate.add(size, number * 6000, is_key=is_key)
        assert (rate.bps is None) is (number < 15)
        if number in {15, 30}:
            assert rate.bps == 2 * 34_000 * 8

    assert rate.bps == 34_000 * 8


def test_a_group_that_broke_off_is_not_measured():
    """The time the camera was away is no time of the stream; what was known stays known."""
    rate = GopRate()
    for pts in (0, 90_000):
        rate.add(1000, pts, is_key=True)
    rate.begin()
    rate.add(1000, 900_000, is_key=True)
    assert rate.bps == 8000

    rate.add(9000, 990_000, is_key=True)
    assert rate.bps == 8000
