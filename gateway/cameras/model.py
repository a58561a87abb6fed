"""Cameras on the map, and how near they are. Pure.

A camera is *listed* (registered: known, no technical access) or *connected* (integrated: its site's agent offers it).
A list has hundreds of cameras, so what one is made of are structs, which are built in a third of a dataclass's time.
Distances are great circles on a sphere (haversine), good to 0.5 %, which is better than people place cameras.
"""

import math
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from msgspec import Struct

from gateway.partners import Place

NAME_LENGTH: Final = 80
PURPOSE_LENGTH: Final = 400
MAX_PER_SITE: Final = 256
EARTH_RADIUS_M: Final = 6_371_008.8  # mean radius R1 of WGS 84 (IUGG)
M_PER_DEGREE: Final = math.pi * EARTH_RADIUS_M / 180
_CELLS_PER_DEGREE: Final = 100  # one cell is about 1.1 km high
_COLUMNS: Final = 360 * _CELLS_PER_DEGREE
_HAIR: Final = 1e-9  # degrees, a tenth of a millimetre: the next square is not touched


class CameraState(StrEnum):
    """How far a camera has come."""

    LISTED = "listed"
    CONNECTED = "connected"


class CameraFacts(Struct, frozen=True):
    """What an owner says about a camera.

    Attributes:
        heading_deg: where it looks, degrees clockwise from north, 0 to 359; None when it looks all around.
        is_public_facing: whether it shows a street or another public place.
        purpose: why it is there, in the owner's words.
        labels: the owner's own words for it; an answer of `sharing` may be said for one.
    """

    name: str
    place: Place
    heading_deg: int | None
    is_public_facing: bool
    purpose: str
    labels: frozenset[str] = frozenset()


class Camera(Struct, frozen=True):
    """A camera of a site.

    Attributes:
        people_live_here: a fact of its site, kept here so that rules need no second question.
        mark: what `sharing` wrote beside it, a name of the rules that bind it; empty when they may have changed since.
        mark_until_ms: from then on the mark counts for nothing, milliseconds since 1970; None: no end is known.
        revision: counts how often its mark was taken away; a mark counts only for the revision it was made from.
    """

    id: str
    organisation_id: str
    site_id: str
    facts: CameraFacts
    people_live_here: bool
    state: CameraState
    mark: str = ""
    mark_until_ms: int | None = None
    revision: int = 0

    @property
    def name(self) -> str:
        """As people on the site call it."""
        return self.facts.name

    @property
    def place(self) -> Place:
        """Where it is."""
        return self.facts.place


@dataclass(frozen=True, slots=True)
class NearCamera:
    """A camera and its distance in metres from where was asked."""

    camera: Camera
    distance_m: float


@dataclass(frozen=True, slots=True, order=True)
class Position:
    """Where a camera stands in the order in which cameras are listed: square by square, from the south-west."""

    cell: int
    lat: float
    lon: float
    camera_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """Which cameras of a box are read, and how many.

    Attributes:
        most: how many.
        after: go on behind this place; None begins.
        without: cameras with one of these marks are left out.
        only: none but cameras with one of these marks; None for all.
        homes: whether those where people live are among them.
        now_ms: a mark that has ended by then is none.
    """

    most: int
    now_ms: int
    after: Position | None = None
    without: frozenset[str] = frozenset()
    only: frozenset[str] | None = None
    homes: bool = True


def position_of(camera: Camera) -> Position:
    """The camera's place in that order."""
    return Position(cell_of(camera.place), camera.place.lat, camera.place.lon, camera.id)


def cell_of(place: Place) -> int:
    """The number of the 0.01° square that holds `place`: rows from the south, columns from the antimeridian."""
    return _row(place.lat) * _COLUMNS + _column(place.lon)


def middle_of(cell: int) -> Place:
    """The middle of a square, so that a number can be shown there."""
    row, column = divmod(cell, _COLUMNS)
    return Place((row + 0.5) / _CELLS_PER_DEGREE - 90.0, (column + 0.5) / _CELLS_PER_DEGREE - 180.0)


def distance_m(a: Place, b: Place) -> float:
    """Metres between two places along the great circle."""
    lat_a, lat_b = math.radians(a.lat), math.radians(b.lat)
    half_lat = (lat_b - lat_a) / 2
    half_lon = math.radians(b.lon - a.lon) / 2
    h = math.sin(half_lat) ** 2 + math.cos(lat_a) * math.cos(lat_b) * math.sin(half_lon) ** 2
    return 2 * EARTH_RADIUS_M * math.asin(min(1.0, math.sqrt(h)))


@dataclass(frozen=True, slots=True)
class Box:
    """A rectangle of latitude and longitude that does not cross the antimeridian."""

    south: float
    west: float
    north: float
    east: float

    def widened(self) -> "Box":
        """The box of the whole squares it touches."""
        south, north = (_row(lat) / _CELLS_PER_DEGREE - 90.0 for lat in (self.south, self.north))
        west, east = (_column(lon) / _CELLS_PER_DEGREE - 180.0 for lon in (self.west, self.east))
        edge = 1 / _CELLS_PER_DEGREE - _HAIR
        return Box(south, west, min(90.0, north + edge), min(180.0, east + edge))

    @property
    def cell_span(self) -> tuple[int, int]:
        """The lowest and the highest number of the squares it touches."""
        south, north = _row(self.south), _row(self.north)
        return south * _COLUMNS + _column(self.west), north * _COLUMNS + _column(self.east)

    def cells(self, most: int) -> list[int] | None:
        """The numbers of the squares it touches; None when there are more than `most`."""
        rows = range(_row(self.south), _row(self.north) + 1)
        columns = range(_column(self.west), _column(self.east) + 1)
        if len(rows) * len(columns) > most:
            return None
        return [row * _COLUMNS + column for row in rows for column in columns]


def boxes_around(centre: Place, radius_m: float) -> list[Box]:
    """One or two boxes that hold every place within `radius_m`; two where the circle crosses longitude 180."""
    reach_lat = radius_m / M_PER_DEGREE
    south, north = max(-90.0, centre.lat - reach_lat), min(90.0, centre.lat + reach_lat)
    # The widest part of the circle lies poleward of its centre; beyond the pole it spans every longitude.
    shrink = math.sin(math.radians(reach_lat)) / math.cos(math.radians(centre.lat)) if reach_lat < 90 else 1.0
    if shrink >= 1.0 or south <= -90.0 or north >= 90.0:
        return [Box(south, -180.0, north, 180.0)]
    reach_lon = math.degrees(math.asin(shrink))
    west, east = centre.lon - reach_lon, centre.lon + reach_lon
    if west < -180.0:
        return [Box(south, west + 360.0, north, 180.0), Box(south, -180.0, north, east)]
    if east > 180.0:
        return [Box(south, west, north, 180.0), Box(south, -180.0, north, east - 360.0)]
    return [Box(south, west, north, east)]


def _row(lat: float) -> int:
    return math.floor((lat + 90.0) * _CELLS_PER_DEGREE)


def _column(lon: float) -> int:
    return min(math.floor((lon + 180.0) * _CELLS_PER_DEGREE), _COLUMNS - 1)
