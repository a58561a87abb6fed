"""Places as integers: cells of a fixed grid, and distances that never flatter.

An incident is stated as a cell of 0.001 degrees (at most 111 m by 111 m). A distance is measured to the farthest point
of that cell, so that a stated cell can only make an incident look farther away. A coarser grid does not work for this:
the far corner of a 0.01 degree cell is never nearer than about 700 m, and "within 300 m" could never hold.
"""

import math
from typing import Final, NamedTuple

CELL_E6: Final = 1_000  # millionths of a degree per cell edge
EARTH_RADIUS_M: Final = 6_371_008.8  # mean radius, IUGG
MAX_LAT_E6: Final = 90_000_000
MAX_LON_E6: Final = 180_000_000
_ROW_M: Final = 111  # metres per cell, south to north
_MAX_ROWS_PER_COLUMN: Final = 4  # a cell is at least a quarter as wide as it is high, up to 75 degrees of latitude


class Cell(NamedTuple):
    """One cell: the indices of its south-west corner, in units of 0.001 degrees."""

    lat: int
    lon: int


class Point(NamedTuple):
    """A place in millionths of a degree (about 0.1 m)."""

    lat_e6: int
    lon_e6: int


def point_of(lat: float, lon: float) -> Point:
    """The integer place of decimal degrees."""
    return Point(round(lat * 1e6), round(lon * 1e6))


def cell_of(lat: float, lon: float) -> Cell:
    """The cell that holds this place, in decimal degrees."""
    point = point_of(lat, lon)
    return Cell(point.lat_e6 // CELL_E6, point.lon_e6 // CELL_E6)


def is_cell(cell: Cell) -> bool:
    """Whether the indices name a cell on Earth."""
    lat_cells, lon_cells = MAX_LAT_E6 // CELL_E6, MAX_LON_E6 // CELL_E6
    return -lat_cells <= cell.lat < lat_cells and -lon_cells <= cell.lon < lon_cells


def distance_m(a: Point, b: Point) -> float:
    """Great-circle distance in metres (haversine)."""
    lat_a, lat_b = math.radians(a.lat_e6 / 1e6), math.radians(b.lat_e6 / 1e6)
    d_lat, d_lon = lat_b - lat_a, math.radians((b.lon_e6 - a.lon_e6) / 1e6)
    h = math.sin(d_lat / 2) ** 2 + math.cos(lat_a) * math.cos(lat_b) * math.sin(d_lon / 2) ** 2
    return 2 * EARTH_RADIUS_M * math.asin(min(1.0, math.sqrt(h)))


def far_edge_m(camera: Point, cell: Cell) -> int:
    """Metres from `camera` to the farthest corner of `cell`, rounded up."""
    south, west = cell.lat * CELL_E6, cell.lon * CELL_E6
    lat = math.radians(camera.lat_e6 / 1e6)
    cos_lat = math.cos(lat)
    # of `distance_m`, what two corners share is worked out once: whichever meridian is farther is so on both parallels
    across = max(
        math.sin(math.radians((west - camera.lon_e6) / 1e6) / 2) ** 2,
        math.sin(math.radians((west + CELL_E6 - camera.lon_e6) / 1e6) / 2) ** 2,
    )
    low, high = math.radians(south / 1e6), math.radians((south + CELL_E6) / 1e6)
    farthest = max(
        math.sin((low - lat) / 2) ** 2 + cos_lat * math.cos(low) * across,
        math.sin((high - lat) / 2) ** 2 + cos_lat * math.cos(high) * across,
    )
    return math.ceil(2 * EARTH_RADIUS_M * math.asin(min(1.0, math.sqrt(farthest))))


def cell_between(camera: Point, above_m: int, most_m: int) -> Cell | None:
    """A cell whose far edge lies farther than `above_m` and at most `most_m` from `camera`; None if there is none.

    Row by row from the camera's own: along a row the far edge only moves away, so that bisection finds where it passes.
    """
    home = Cell(camera.lat_e6 // CELL_E6, camera.lon_e6 // CELL_E6)
    rows = most_m // _ROW_M + 1
    for lat in sorted(range(home.lat - rows, home.lat + rows + 1), key=lambda row: abs(row - home.lat)):
        for step in (1, -1):
            low, high = 0, 2 * rows * _MAX_ROWS_PER_COLUMN
            while low < high:
                middle = (low + high) // 2
                if far_edge_m(camera, Cell(lat, home.lon + step * middle)) > above_m:
                    high = middle
                else:
                    low = middle + 1
            found = Cell(lat, home.lon + step * low)
            if is_cell(found) and above_m < far_edge_m(camera, found) <= most_m:
                return found
    return None
