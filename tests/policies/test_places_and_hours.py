"""Distances that never flatter, and windows on the wall clock."""

import math
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from policies import hours
from policies.geo import (
    MAX_LAT_E6,
    MAX_LON_E6,
    Cell,
    Point,
    cell_between,
    cell_of,
    distance_m,
    far_edge_m,
    is_cell,
    point_of,
)
from policies.hours import ALL_WEEK, WEEK_MIN, covers, is_open, is_zone, next_change, normal
from tests.policies.build import LAT, LON, OFFICE


def test_known_distances():
    """Chicago to New York, one degree along a meridian, and nothing."""
    chicago, new_york = point_of(41.8781, -87.6298), point_of(40.7128, -74.0060)

    assert distance_m(chicago, new_york) == pytest.approx(1_144_000, rel=0.002)
    assert distance_m(Point(0, 0), Point(1_000_000, 0)) == pytest.approx(111_195, abs=1)
    assert distance_m(chicago, chicago) == 0
    assert distance_m(Point(0, 0), Point(0, 180_000_000)) == pytest.approx(math.pi * 6_371_008.8)


def test_the_far_edge_is_never_nearer_than_the_incident():
    """Whatever place in its cell an incident has, the distance used is at least the true one."""
    camera = point_of(LAT, LON)
    for north in range(0, 1000, 90):
        for east in range(0, 1000, 90):
            place = Point(camera.lat_e6 + north * 7, camera.lon_e6 - east * 5)
            cell = cell_of(place.lat_e6 / 1e6, place.lon_e6 / 1e6)

            assert far_edge_m(camera, cell) >= distance_m(camera, place)


@given(
    st.integers(-MAX_LAT_E6, MAX_LAT_E6),
    st.integers(-MAX_LON_E6, MAX_LON_E6),
    st.integers(-90_000, 89_999),
    st.integers(-180_000, 179_999),
    st.integers(0, 30_000),
)
def test_the_far_edge_is_the_farthest_of_four_corners(lat_e6, lon_e6, row, column, near):
    """Corner by corner, to the metre: anywhere on Earth, and close by, where metres decide."""
    camera = Point(lat_e6, lon_e6)
    close = cell_of((lat_e6 - near) / 1e6, (lon_e6 + near) / 1e6)
    for cell in (Cell(row, column), close):
        south, west = cell.lat * 1000, cell.lon * 1000
        corners = [Point(south + north, west + east) for north in (0, 1000) for east in (0, 1000)]

        assert far_edge_m(camera, cell) == math.ceil(max(distance_m(camera, corner) for corner in corners))


def test_a_cell_is_small_enough_for_the_smallest_radius():
    """An incident at the camera itself is always within 300 m; on a 0.01 degree grid it never would be."""
    for lat in (0.0, 30.0005, 41.8, 64.999):
        assert far_edge_m(point_of(lat, LON), cell_of(lat, LON)) < 200


@pytest.mark.parametrize(("lat", "lon"), [(LAT, LON), (-33.9, 151.2), (60.17, 24.94), (0.0005, 179.9995)])
def test_a_cell_between_two_distances_is_found_exactly_where_there_is_one(lat, lon):
    """Against every cell around the camera, for narrow and wide bands of distances."""
    camera = point_of(lat, lon)
    home = cell_of(lat, lon)
    around = [Cell(home.lat + i, home.lon + j) for i in range(-12, 13) for j in range(-24, 25)]
    edges = [far_edge_m(camera, cell) for cell in around if is_cell(cell)]
    for above, most in [(-1, 60), (-1, 120), (100, 130), *((metres, metres + 3) for metres in range(150, 600, 9))]:
        found = cell_between(camera, above, most)
        assert (found is not None) is any(above < edge <= most for edge in edges)
        assert found is None or (is_cell(found) and above < far_edge_m(camera, found) <= most)


def test_cells_round_down_also_south_and_west():
    """A place just west of a line is in the cell west of it."""
    assert cell_of(41.8805, -87.6305) == Cell(41_880, -87_631)
    assert cell_of(-0.0005, 0.0005) == Cell(-1, 0)
    assert is_cell(Cell(0, 0))
    assert not is_cell(Cell(90_000, 0))
    assert not is_cell(Cell(0, -180_001))


@pytest.mark.parametrize(
    ("spans", "result"),
    [
        ([(480, 1080)], ((480, 1080),)),
        ([(600, 700), (480, 600)], ((480, 700),)),
        ([(480, 900), (500, 600)], ((480, 900),)),
        ([(WEEK_MIN - 60, WEEK_MIN + 60)], ((0, 60), (WEEK_MIN - 60, WEEK_MIN))),
        ([(0, WEEK_MIN)], ALL_WEEK),
        ([], ()),
    ],
)
def test_spans_have_one_normal_form(spans, result):
    """Sorted, merged, and cut where the week ends."""
    assert normal(spans) == result


def test_one_set_of_minutes_covers_another():
    """Only if every span lies within one span."""
    assert covers(((0, 100),), ((5, 50), (60, 100)))
    assert not covers(((0, 100), (200, 300)), ((50, 250),))
    assert covers(((0, 100),), ())
    assert not covers((), ((0, 1),))


def at(text: str, zone: str = "America/Chicago") -> datetime:
    """A local time."""
    return datetime.fromisoformat(text).replace(tzinfo=ZoneInfo(zone)).astimezone(UTC)


@pytest.mark.parametrize(
    ("moment", "answer"),
    [
        ("2026-06-01T07:59", False),
        ("2026-06-01T08:00", True),
        ("2026-06-01T17:59", True),
        ("2026-06-01T18:00", False),
        ("2026-06-06T12:00", False),
    ],
)
def test_a_window_is_open_from_its_start_up_to_its_end(moment, answer):
    """Office hours, to the minute."""
    assert is_open(OFFICE.spans, OFFICE.zone, at(moment)) is answer


def minutes_open(spans, day: str) -> int:
    """How many minutes of a local day the window is open, counted one by one."""
    start, end = at(f"{day}T00:00"), at(f"{day}T00:00") + timedelta(hours=25)
    moments = [start + timedelta(minutes=n) for n in range(int((end - start).total_seconds() // 60))]
    local = [m for m in moments if m.astimezone(ZoneInfo("America/Chicago")).date().isoformat() == day]
    return sum(is_open(spans, "America/Chicago", m) for m in local)


def test_the_wall_clock_decides_on_the_nights_when_clocks_change():
    """01:00-03:00 lasts 60 minutes in spring, 180 in autumn; 02:00-03:00 does not open in spring."""
    sunday = 6 * hours.DAY_MIN
    early, skipped = ((sunday + 60, sunday + 180),), ((sunday + 120, sunday + 180),)

    assert minutes_open(early, "2026-06-07") == 120
    assert minutes_open(early, "2026-03-08") == 60
    assert minutes_open(early, "2026-11-01") == 180
    assert minutes_open(skipped, "2026-03-08") == 0


@pytest.mark.parametrize(
    ("now", "change"),
    [
        ("2026-06-03T10:00", "2026-06-03T18:00"),
        ("2026-06-03T18:00", "2026-06-04T08:00"),
        ("2026-06-05T18:00", "2026-06-08T08:00"),
        ("2026-06-03T07:59:59", "2026-06-03T08:00"),
    ],
)
def test_the_next_change_is_the_next_edge(now, change):
    """The next opening or closing after now."""
    assert next_change(OFFICE.spans, OFFICE.zone, at(now)) == at(change)


def test_a_change_of_the_clocks_comes_first():
    """Where the offset changes before the edge, that moment is given."""
    assert next_change(OFFICE.spans, OFFICE.zone, at("2026-03-07T12:00")) == at("2026-03-08T03:00")
    assert next_change(OFFICE.spans, OFFICE.zone, at("2026-10-31T12:00")) == datetime(2026, 11, 1, 7, tzinfo=UTC)


def test_no_state_of_a_window_changes_before_the_change_that_is_announced():
    """Minute by minute over the weeks in which clocks change: the answer holds until the moment given."""
    for start in ("2026-03-06T00:00", "2026-10-30T00:00"):
        now = at(start)
        end = now + timedelta(days=4)
        while now < end:
            change = next_change(OFFICE.spans, OFFICE.zone, now)
            assert change is not None
            before = is_open(OFFICE.spans, OFFICE.zone, now)
            for minute in range(0, int((change - now).total_seconds() // 60), 7):
                assert is_open(OFFICE.spans, OFFICE.zone, now + timedelta(minutes=minute)) is before
            now = change


def test_a_window_that_is_always_open_never_changes():
    """All week, or never: nothing to wait for."""
    assert next_change(ALL_WEEK, "America/Chicago", at("2026-06-03T10:00")) is None
    assert next_change((), "America/Chicago", at("2026-06-03T10:00")) is None


@pytest.mark.parametrize("zone", ["America/Nowhere", "", "../etc/passwd", "/etc/passwd", "Europe"])
def test_only_zones_of_the_data_we_ship_are_zones(zone):
    """An unknown name, a path or a folder is no zone."""
    assert not is_zone(zone)
    assert is_zone("America/Chicago")
