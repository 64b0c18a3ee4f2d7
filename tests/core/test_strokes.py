"""What a brush covers, against the definition: a pixel is covered when its centre lies within the brush on its way."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.annotation.strokes import Shape, seat, sweep

WIDTH, HEIGHT = 40, 30


def covered(start: tuple[float, float], end: tuple[float, float], size: int, shape: Shape) -> np.ndarray:
    """The whole image, pixel by pixel."""
    (ax, ay), (bx, by) = seat(start, size), seat(end, size)
    found = np.zeros((HEIGHT, WIDTH), bool)
    for row in range(HEIGHT):
        for column in range(WIDTH):
            x, y = column + 0.5, row + 0.5
            if shape == "round":
                length = (bx - ax) ** 2 + (by - ay) ** 2
                share = 0.0 if length == 0 else ((x - ax) * (bx - ax) + (y - ay) * (by - ay)) / length
                share = min(max(share, 0.0), 1.0)
                gap = math.hypot(x - ax - share * (bx - ax), y - ay - share * (by - ay))
                found[row, column] = gap <= size / 2 + 1e-6
            else:
                low, high = 0.0, 1.0
                for at, start_at, way in ((x, ax, bx - ax), (y, ay, by - ay)):
                    if way == 0:
                        if abs(at - start_at) > size / 2 + 1e-6:
                            low = 2.0
                        continue
                    shares = sorted(((at - start_at - size / 2) / way, (at - start_at + size / 2) / way))
                    low, high = max(low, shares[0]), min(high, shares[1])
                found[row, column] = low <= high + 1e-6
    return found


def painted(start: tuple[float, float], end: tuple[float, float], size: int, shape: Shape) -> np.ndarray:
    found = np.zeros((HEIGHT, WIDTH), bool)
    swept = sweep(start, end, size, shape, WIDTH, HEIGHT)
    if swept is not None:
        bits, (x0, y0, x1, y1) = swept
        found[y0:y1, x0:x1] = bits
    return found


points = st.tuples(st.integers(-80, 480), st.integers(-80, 380)).map(lambda point: (point[0] / 10, point[1] / 10))


@given(points, points, st.integers(1, 25), st.sampled_from(("round", "square")))
def test_a_brush_covers_what_its_definition_says(
    start: tuple[float, float], end: tuple[float, float], size: int, shape: Shape
) -> None:
    wrong = painted(start, end, size, shape) != covered(start, end, size, shape)
    assert np.count_nonzero(wrong) == 0


@pytest.mark.parametrize(("size", "pixels"), [(1, 1), (2, 4), (3, 9), (4, 12), (5, 21)])
def test_a_round_brush_of_a_few_pixels(size: int, pixels: int) -> None:
    assert np.count_nonzero(painted((10.2, 12.9), (10.2, 12.9), size, "round")) == pixels


def test_size_one_paints_the_pixel_under_the_cursor() -> None:
    found = painted((7.99, 3.01), (7.99, 3.01), 1, "round")
    assert np.argwhere(found).tolist() == [[3, 7]]


def test_a_line_one_pixel_wide_has_no_gap() -> None:
    found = painted((1.5, 1.5), (30.5, 12.5), 1, "round")
    rows, columns = np.nonzero(found)
    assert sorted(set(columns.tolist())) == list(range(1, 31))
    assert max(np.abs(np.diff(rows[np.argsort(columns, kind="stable")]))) <= 1


def test_beside_the_image_nothing_is_covered() -> None:
    assert sweep((-50, -50), (-40, 90), 9, "round", WIDTH, HEIGHT) is None
