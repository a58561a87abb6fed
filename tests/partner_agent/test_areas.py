"""Areas: what they cover, in whatever size the picture comes; too much rather than too little."""

import math
import random

import pytest

from partner_agent.areas import WHOLE, Area, AreaError, box, fits, rows_of, shape_of
from partner_agent.masks import name_of

WIDE = shape_of(1920, 1080)


@pytest.mark.parametrize(
    "points",
    [(), ((0, 0), (10, 10)), ((0, 0), (10, 10), (20, 20)), ((0, 0), (10_001, 0), (0, 10)), ((-1, 0), (9, 0), (9, 9)),
     tuple((n, n * n) for n in range(33))],
)  # fmt: skip
def test_what_covers_nothing_or_lies_outside_is_no_area(points):
    """Too few corners, too many, all on one line, or beside the picture."""
    with pytest.raises(AreaError):
        Area("a", "A", points, WIDE)


@pytest.mark.parametrize(("width", "height", "is_good"), [(1920, 1080, True), (640, 352, True), (640, 480, False)])
def test_an_area_has_its_place_in_pictures_of_its_shape_only(width, height, is_good):
    """Another size is the same scene; another shape may be another part of it."""
    assert fits(Area("a", "A", box(0, 0, 5000, 5000), WIDE), width, height) is is_good


def test_an_area_that_touches_a_cell_covers_it():
    """A rectangle between the lines of the grid is widened on each side."""
    rows = rows_of([Area("a", "A", box(1500, 1500, 2500, 2500), WIDE)], 10, 10)

    assert rows == [[], [(1, 3)], [(1, 3)], [], [], [], [], [], [], []]


def test_two_areas_of_one_row_are_two_stretches_and_what_overlaps_is_one():
    """Nothing is painted twice, and what lies between is seen."""
    areas = [
        Area("a", "A", box(*sides), WIDE)
        for sides in ((0, 0, 2000, 1000), (1000, 0, 3000, 1000), (8000, 0, 9000, 1000))
    ]

    assert rows_of(areas, 10, 10)[0] == [(0, 3), (8, 9)]


@pytest.mark.parametrize("seed", range(20))
def test_every_point_inside_a_polygon_is_covered(seed):
    """Of any polygon, self-crossing ones included, by the rule of even and odd."""
    dice = random.Random(seed)
    points = tuple((dice.randrange(WHOLE + 1), dice.randrange(WHOLE + 1)) for _ in range(dice.randrange(3, 9)))
    rows = rows_of([Area("a", "A", points, WIDE)], 48, 27)
    for _ in range(500):
        x, y = dice.uniform(0, WHOLE), dice.uniform(0, WHOLE)
        if is_inside(points, x, y):
            cell, row = math.floor(x * 48 / WHOLE), math.floor(y * 27 / WHOLE)
            assert any(start <= cell < end for start, end in rows[row])


def is_inside(points, x, y):
    """By counting the edges to the right."""
    edges = zip(points, (*points[1:], points[0]), strict=True)
    right = [
        (y0 <= y < y1 or y1 <= y < y0) and x < x0 + (y - y0) * (x1 - x0) / (y1 - y0)
        for (x0, y0), (x1, y1) in edges
        if y0 != y1
    ]
    return sum(right) % 2 == 1


@pytest.mark.parametrize(("label", "name"), [("Side window", "side-window"), ("Jardín 2", "jardin-2"), ("…", "")])
def test_a_label_gives_the_name_rules_use(label, name):
    """Small plain letters; nothing where nothing is left."""
    assert name_of(label) == name
