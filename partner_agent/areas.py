"""Where a picture is blackened: an area in parts of 10,000 of width and height, and the rows of pixels it covers. Pure.

An area has no size in pixels, so that it fits every stream of its camera; but it belongs to the shape of the picture it
was drawn on. A picture of another shape may show another part of the scene, and there the area has no place. Rounding
only ever makes an area larger.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Final

WHOLE: Final = 10_000  # the width, and the height, of a picture
POINTS: Final = 32  # of one area, at most
AREAS: Final = 16  # of one camera, at most
_SHAPES_DIFFER: Final = 0.03  # width by height: 640x352 and 640x360 are one shape, 16:9 and 4:3 are two
_LINES_A_ROW: Final = 4  # looked at inside each row, besides its edges

Point = tuple[int, int]
Span = tuple[int, int]


class NoPlaceError(Exception):
    """The picture has another shape than the one the area was drawn on."""


class AreaError(ValueError):
    """What was drawn is no area; the sentence says why."""


@dataclass(frozen=True, slots=True)
class Area:
    """One area of one camera.

    Attributes:
        id: what rules call it; the same word at two cameras is one area of each.
        label: the owner's word for it.
        points: corners of a polygon, in order, each in parts of `WHOLE`.
        shape: width by height of the picture it was drawn on, in parts of `WHOLE`.
    """

    id: str
    label: str
    points: tuple[Point, ...]
    shape: int

    def __post_init__(self) -> None:
        if not 3 <= len(self.points) <= POINTS:
            raise AreaError("An area has 3 to 32 corners.")
        if any(not 0 <= part <= WHOLE for point in self.points for part in point):
            raise AreaError("Every corner lies in the picture: 0 to 100 percent.")
        if not _size(self.points):
            raise AreaError("An area covers something: its corners lie on one line.")
        if self.shape < 1:
            raise AreaError("The picture has no shape.")


def shape_of(width: int, height: int) -> int:
    """Width by height in parts of `WHOLE`."""
    return round(width * WHOLE / height) if height else 0


def box(left: int, top: int, right: int, bottom: int) -> tuple[Point, ...]:
    """The corners of a rectangle."""
    return ((left, top), (right, top), (right, bottom), (left, bottom))


def fits(area: Area, width: int, height: int) -> bool:
    """Whether a picture of this size has the shape the area was drawn on."""
    return abs(shape_of(width, height) - area.shape) <= area.shape * _SHAPES_DIFFER


def rows_of(areas: Sequence[Area], width: int, height: int) -> list[list[Span]]:
    """For each row of a grid over the picture, the cells from (included) to (excluded) that any area touches.

    Args:
        areas: to be covered.
        width: cells in a row.
        height: rows.
    """
    rows: list[list[Span]] = [[] for _ in range(height)]
    for area in areas:
        corners = [(x * width / WHOLE, y * height / WHOLE) for x, y in area.points]
        first, last = min(y for _, y in corners), max(y for _, y in corners)
        for row in range(math.floor(first), min(height, math.ceil(last))):
            rows[row].extend(_cells(corners, row, width))
    return [_joined(row) for row in rows]


def _cells(corners: list[tuple[float, float]], row: int, width: int) -> list[Span]:
    """The cells of one row that a polygon touches: what its edges pass through, and what lies between them."""
    found: list[Span] = []
    for start, end in pairwise([*corners, corners[0]]):
        found.extend(_edge(start, end, row, width))
    for step in range(_LINES_A_ROW + 1):
        crossed = sorted(_crossings(corners, row + step / _LINES_A_ROW))
        found.extend(_span(low, high, width) for low, high in zip(crossed[::2], crossed[1::2], strict=False))
    return found


def _edge(start: tuple[float, float], end: tuple[float, float], row: int, width: int) -> list[Span]:
    """The cells of a row that one edge passes through."""
    (x0, y0), (x1, y1) = sorted((start, end), key=lambda point: point[1])
    if y1 < row or y0 > row + 1:
        return []
    if y0 == y1:
        return [_span(min(x0, x1), max(x0, x1), width)]
    slope = (x1 - x0) / (y1 - y0)
    at = [x0 + slope * (min(max(y, y0), y1) - y0) for y in (row, row + 1)]
    return [_span(min(at), max(at), width)]


def _crossings(corners: list[tuple[float, float]], y: float) -> list[float]:
    """Where a line at height `y` crosses the edges."""
    found = []
    for (x0, y0), (x1, y1) in pairwise([*corners, corners[0]]):
        if (y0 <= y < y1) or (y1 <= y < y0):
            found.append(x0 + (y - y0) * (x1 - x0) / (y1 - y0))
    return found


def _span(low: float, high: float, width: int) -> Span:
    return max(0, math.floor(low)), min(width, math.ceil(high))


def _joined(spans: list[Span]) -> list[Span]:
    found: list[Span] = []
    for start, end in sorted(span for span in spans if span[0] < span[1]):
        if found and start <= found[-1][1]:
            found[-1] = (found[-1][0], max(found[-1][1], end))
        else:
            found.append((start, end))
    return found


def _size(points: Sequence[Point]) -> int:
    """Twice the area of a polygon."""
    return abs(sum(x0 * y1 - x1 * y0 for (x0, y0), (x1, y1) in pairwise([*points, points[0]])))
