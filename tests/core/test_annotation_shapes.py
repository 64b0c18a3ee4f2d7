"""Polygons and rectangles against the definition, pixel by pixel, in whole fractions."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from core.annotation.shapes import Patch, cropped, placed, polygon, rectangle

# Corners on pixel centres, on borders of pixels, and anywhere: the first two are where a rule is needed.
_COORDINATE = st.one_of(
    st.integers(-6, 40).map(lambda one: one / 2), st.floats(-4, 22, allow_nan=False).map(lambda one: round(one, 6))
)
_POINTS = st.lists(st.tuples(_COORDINATE, _COORDINATE), min_size=3, max_size=9)
WIDTH, HEIGHT = 17, 13


def whole(patch: Patch | None, width: int = WIDTH, height: int = HEIGHT) -> NDArray[np.bool_]:
    """A patch on the image that it lies on."""
    if patch is None:
        return np.zeros((height, width), np.bool_)
    return placed(patch, (0, 0, width, height))


def _is_inside(x: Fraction, y: Fraction, points: list[tuple[Fraction, Fraction]]) -> bool:
    """Even-odd: edges that cross the row at or left of the point; a row takes in the upper end of an edge only."""
    inside = False
    for (ax, ay), (bx, by) in zip(points, [*points[1:], points[0]], strict=True):
        if (ay <= y) != (by <= y) and ax + (y - ay) * (bx - ax) / (by - ay) <= x:
            inside = not inside
    return inside


def slow_polygon(points: list[tuple[float, float]], width: int = WIDTH, height: int = HEIGHT) -> NDArray[np.bool_]:
    exact = [(Fraction(round(x * 256), 256), Fraction(round(y * 256), 256)) for x, y in points]
    half = Fraction(1, 2)
    return np.array([[_is_inside(x + half, y + half, exact) for x in range(width)] for y in range(height)])


@settings(deadline=None, max_examples=60)
@given(_POINTS)
def test_a_polygon_covers_the_pixels_whose_centres_it_holds(points: list[tuple[float, float]]) -> None:
    found = polygon(points, WIDTH, HEIGHT)
    np.testing.assert_array_equal(whole(found), slow_polygon(points))
    if found is not None:
        bits, (x0, y0, x1, y1) = found
        assert bits.shape == (y1 - y0, x1 - x0)
        assert bits[0].any() and bits[-1].any() and bits[:, 0].any() and bits[:, -1].any()


@settings(deadline=None, max_examples=25)
@given(_POINTS, st.tuples(_COORDINATE, _COORDINATE))
def test_a_fan_of_triangles_shares_no_pixel_and_leaves_no_gap(
    points: list[tuple[float, float]], middle: tuple[float, float]
) -> None:
    """Even-odd over the triangles from any point is the polygon itself."""
    together = np.zeros((HEIGHT, WIDTH), np.bool_)
    for a, b in zip(points, [*points[1:], points[0]], strict=True):
        together ^= whole(polygon([middle, a, b], WIDTH, HEIGHT))
    np.testing.assert_array_equal(together, whole(polygon(points, WIDTH, HEIGHT)))


def test_polygons_that_share_an_edge_through_centres() -> None:
    left = whole(polygon([(1, 1), (5.5, 1), (5.5, 9), (1, 9)], WIDTH, HEIGHT))
    right = whole(polygon([(5.5, 1), (9, 1), (9, 9), (5.5, 9)], WIDTH, HEIGHT))
    assert not (left & right).any()
    assert left[1:9, 1:5].all() and right[1:9, 5:9].all()  # column 5 lies on the edge: it is left of the right one
    assert left.sum() + right.sum() == 8 * 8


def test_what_is_surrounded_twice_is_outside() -> None:
    star = [(8.0, 0.0), (3.0, 12.0), (16.0, 4.0), (0.0, 4.0), (13.0, 12.0)]
    found = whole(polygon(star, WIDTH, HEIGHT))
    assert not found[6, 8] and found[2, 8] and found[4, 3]


@pytest.mark.parametrize(
    "points", [[], [(1, 1)], [(1, 1), (9, 9)], [(1, 1), (9, 1), (5, 1)], [(-9, -9), (-2, -9), (-3, -2)]]
)
def test_no_polygon_and_one_beside_the_image_cover_nothing(points: list[tuple[float, float]]) -> None:
    assert polygon(points, WIDTH, HEIGHT) is None


def test_a_polygon_far_beyond_the_image_covers_all_of_it() -> None:
    found = polygon([(-1e9, -1e9), (1e9, -1e9), (1e9, 1e9), (-1e9, 1e9)], WIDTH, HEIGHT)
    assert whole(found).all()


_POINT = st.tuples(st.floats(-5, 25), st.floats(-5, 25))


@settings(deadline=None)
@given(_POINT, _POINT, st.booleans())
def test_a_rectangle_goes_from_pixel_to_pixel(a: tuple[float, float], b: tuple[float, float], square: bool) -> None:
    (ax, ay), (bx, by) = (tuple(int(np.floor(one)) for one in point) for point in (a, b))
    if square:
        side = max(abs(bx - ax), abs(by - ay))
        bx = ax + side if bx >= ax else ax - side
        by = ay + side if by >= ay else ay - side
    wanted = np.array(
        [
            [min(ax, bx) <= x <= max(ax, bx) and min(ay, by) <= y <= max(ay, by) for x in range(WIDTH)]
            for y in range(HEIGHT)
        ]
    )
    np.testing.assert_array_equal(whole(rectangle(a, b, WIDTH, HEIGHT, square=square)), wanted)


def test_a_patch_is_cropped_and_placed() -> None:
    bits = np.zeros((5, 6), np.bool_)
    bits[1:3, 2:5] = True
    found = cropped(bits, (10, 20, 16, 25))
    assert found is not None and found[1] == (12, 21, 15, 23) and found[0].all()
    assert cropped(np.zeros((3, 3), np.bool_), (0, 0, 3, 3)) is None
    np.testing.assert_array_equal(placed(found, (10, 20, 16, 25)), bits)
    np.testing.assert_array_equal(placed(found, (13, 22, 14, 30))[:, 0], [True] + 7 * [False])
    assert not placed(found, (0, 0, 5, 5)).any()
