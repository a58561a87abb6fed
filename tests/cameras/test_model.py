"""Places, cells and boxes: everything within the radius is inside the boxes, anywhere on the globe."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.cameras.model import EARTH_RADIUS_M, boxes_around, cell_of, distance_m
from gateway.partners import Place

LATS = st.floats(-85, 85)
LONS = st.floats(-180, 180)


@pytest.mark.parametrize(
    ("lat", "lon"), [(85.1, 0), (-86, 0), (0, 180.1), (0, -181), (math.nan, 0), (0, math.nan), (math.inf, 0)]
)
def test_what_is_no_place_is_refused(lat, lon):
    """Beyond the map, and NaN."""
    with pytest.raises(ValueError, match="place"):
        Place(lat, lon)


def test_a_known_distance():
    """Chicago's Water Tower to Willis Tower is 2.4 km."""
    assert distance_m(Place(41.8972, -87.6243), Place(41.8789, -87.6359)) == pytest.approx(2250, rel=0.02)
    assert distance_m(Place(0, 0), Place(0, 180)) == pytest.approx(math.pi * EARTH_RADIUS_M)


@given(LATS, LONS, st.floats(1, 50_000), st.floats(0, 1), st.floats(0, 2 * math.pi))
def test_whatever_is_within_the_radius_is_inside_a_box(lat, lon, radius_m, share, bearing):
    """No camera is missed, at the poles' edge and across the antimeridian too."""
    centre = Place(lat, lon)
    reach = radius_m * share * 0.999 / EARTH_RADIUS_M
    lat1, lon1 = math.radians(lat), math.radians(lon)
    lat2 = math.asin(math.sin(lat1) * math.cos(reach) + math.cos(lat1) * math.sin(reach) * math.cos(bearing))
    lon2 = lon1 + math.atan2(
        math.sin(bearing) * math.sin(reach) * math.cos(lat1), math.cos(reach) - math.sin(lat1) * math.sin(lat2)
    )
    degrees = (math.degrees(lat2), (math.degrees(lon2) + 540) % 360 - 180)
    if not -85 <= degrees[0] <= 85:
        return
    there = Place(*degrees)

    inside = [
        b for b in boxes_around(centre, radius_m) if b.south <= there.lat <= b.north and b.west <= there.lon <= b.east
    ]

    assert inside
    cells = inside[0].cells(10_000)
    assert cells is None or cell_of(there) in cells


@given(LATS, LONS)
def test_cells_are_whole_numbers_that_fit(lat, lon):
    """Every place has one, within a 32 bit integer."""
    assert 0 <= cell_of(Place(lat, lon)) < 2**31
